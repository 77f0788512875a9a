#include "core/jose/key_numbers.hpp"

namespace bastion {

std::size_t ec_field_bytes(std::string_view crv) noexcept {
    if (crv == "P-256") return 32;
    if (crv == "P-384") return 48;
    return crv == "P-521" ? 66 : 0;
}

}  // namespace bastion
