// The environment of this database, such as production or staging. Settings and flags may have values of their own in one.
#pragma once

#include "pg/base/text.hpp"

namespace bastion::pg {

// Of the setting bastion.environment; raises F0000 if its stored value is invalid. Valid until the setting changes.
const char* environment();

}  // namespace bastion::pg
