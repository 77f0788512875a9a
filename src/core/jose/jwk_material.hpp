// The key material of one JSON Web Key, by its type: RFC 7518 §6.2 to §6.4, RFC 8037 §2, or PEM. Called by jwk.cpp alone,
// with kty, crv, alg and use of the key read already; keeps no state.
#pragma once

#include <string_view>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/jose/jwk_key.hpp"

namespace bastion {

[[nodiscard]] Result<void> read_jwk_material(const JsonValue& object, Jwk& key);

// Sets kty and crv, too.
[[nodiscard]] Result<void> read_pem_material(std::string_view pem, Jwk& key);

}  // namespace bastion
