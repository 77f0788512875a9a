// RSA and EC keys over OpenSSL: built from their numbers, checked, and used to sign and verify. Made by the parsers of
// JWK and PEM, used by the JWS algorithms. A key is one EVP_PKEY with a cached, initialised context per algorithm, so
// that a signature costs no look-up. One thread uses it at a time, and OpenSSL wipes it when it is freed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hmac.hpp"
#include "core/base/result.hpp"
#include "core/jose/key_numbers.hpp"

struct evp_pkey_st;

namespace bastion {

// How a signature is made of a hash. RFC 7518 §3.3 to §3.5: PSS has a salt as long as the hash, and ECDSA is r‖s.
enum class SignatureScheme : std::uint8_t { none, rsa_pkcs1, rsa_pss, ecdsa };

class AsymmetricKey {
public:
    AsymmetricKey() noexcept;  // no key
    AsymmetricKey(AsymmetricKey&&) noexcept;
    AsymmetricKey& operator=(AsymmetricKey&&) noexcept;
    ~AsymmetricKey();

    // Every fault of the numbers is invalid_argument: sizes, exponents, a point off its curve, a private part that does
    // not belong to the public one, a modulus that is known to be weak.
    [[nodiscard]] static Result<AsymmetricKey> from_rsa(const RsaNumbers& numbers);
    [[nodiscard]] static Result<AsymmetricKey> from_ec(const EcNumbers& numbers);

    [[nodiscard]] bool present() const noexcept { return key_ != nullptr; }
    [[nodiscard]] bool has_private() const noexcept { return has_private_; }
    [[nodiscard]] std::size_t signature_bytes() const noexcept { return signature_bytes_; }
    [[nodiscard]] const evp_pkey_st* handle() const noexcept { return key_.get(); }  // for pkey.hpp

    [[nodiscard]] Result<bool> verify(SignatureScheme scheme, HashId hash, std::string_view input,
                                      ByteSpan signature) const;
    [[nodiscard]] Result<Bytes> sign(SignatureScheme scheme, HashId hash, std::string_view input) const;

private:
    struct Operation;
    struct FreeKey {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    [[nodiscard]] Result<Operation*> operation(SignatureScheme scheme, HashId hash, bool signing) const;

    std::unique_ptr<evp_pkey_st, FreeKey> key_;
    bool has_private_ = false;
    std::size_t signature_bytes_ = 0;
    mutable std::vector<std::unique_ptr<Operation>> operations_;
};

// RFC 7518 §3.4: r and s of a signature in ASN.1 DER, each in half of `size` bytes; empty for anything else.
[[nodiscard]] Bytes ecdsa_raw_signature(ByteSpan der, std::size_t size);

}  // namespace bastion
