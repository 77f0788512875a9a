// Faults to plant, which must be found.
#pragma once

#include <map>
#include <string>

namespace functions {

// What each breaks, as SQL for a superuser.
[[nodiscard]] const std::map<std::string, std::string>& holes();

}  // namespace functions
