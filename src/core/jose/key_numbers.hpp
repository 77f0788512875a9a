// The numbers of RSA and EC keys.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr int rsa_least_bits = 2048;  // RFC 7518 §3.3
inline constexpr int rsa_most_bits = 16384;  // a larger one costs seconds per signature
inline constexpr int rsa_made_bits = 4096;   // the largest that is made here

// Big-endian without leading zeros. Without a private part, d and all members after it are empty; RFC 7518
// §6.3.2 lets a private key have d alone, but all or none of the others.
struct RsaNumbers {
    SecretBytes n, e, d, p, q, dp, dq, qi;
};

// Big-endian and as long as the field, or the order, of the curve. d is empty in a public key.
struct EcNumbers {
    std::string crv;  // "P-256", "P-384" or "P-521"
    SecretBytes x, y, d;
};

// Bytes of a coordinate, and half of a signature, on a curve of EcNumbers; 0 for another.
[[nodiscard]] std::size_t ec_field_bytes(std::string_view crv) noexcept;

}  // namespace bastion
