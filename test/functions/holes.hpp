// Planted faults, which the fuzzer must find.
#pragma once

#include <map>
#include <string>

namespace functions {

// Each fault as SQL for a superuser.
[[nodiscard]] const std::map<std::string, std::string>& holes();

}  // namespace functions
