// How deep JSON may be nested.
#pragma once

#include <cstddef>

namespace bastion {

inline constexpr std::size_t json_max_depth = 64;

}  // namespace bastion
