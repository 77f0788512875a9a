// The headers that the Makefile compiles once for all of src/core. Not for #include: a file includes what it uses, and the
// unit tests compile it without this one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/precompiled_strings.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
