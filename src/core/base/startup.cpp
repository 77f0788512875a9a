#include "core/base/startup.hpp"

#include <sodium.h>

namespace bastion {

bool initialise_libraries() noexcept { return sodium_init() >= 0; }

}  // namespace bastion
