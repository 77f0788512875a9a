// Converts numbers to OpenSSL's keys and back, and makes new keys. Called by asymmetric_key.cpp, pem.cpp and
// jwk_make.cpp; the holder of a Pkey owns it.
#pragma once

#include "core/base/libcrypto.hpp"
#include "core/base/result.hpp"
#include "core/jose/key_numbers.hpp"

namespace bastion {

// Null when OpenSSL refuses the numbers; a point off its curve is refused here.
[[nodiscard]] Pkey rsa_pkey(const RsaNumbers& numbers);
[[nodiscard]] Pkey ec_pkey(const EcNumbers& numbers);

// Whether the private part is the one of the public part.
[[nodiscard]] bool pair_belongs_together(EVP_PKEY* key) noexcept;

// The numbers of a key that OpenSSL made or parsed, with d and all members after it when it is private. crv is
// empty for a curve that JOSE does not know.
[[nodiscard]] Result<RsaNumbers> rsa_numbers(const EVP_PKEY* key, bool is_private);
[[nodiscard]] Result<EcNumbers> ec_numbers(const EVP_PKEY* key, bool is_private);

[[nodiscard]] Result<RsaNumbers> generate_rsa(int bits);
[[nodiscard]] Result<EcNumbers> generate_ec(std::string_view crv);

}  // namespace bastion
