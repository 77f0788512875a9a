#include "core/jose/pkey.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

namespace bastion {
namespace {

using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, LibcryptoFree<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, LibcryptoFree<OSSL_PARAM_free>>;

struct CurveName {
    std::string_view crv;
    const char* group;
};

constexpr std::array<CurveName, 3> curves{{{"P-256", "prime256v1"}, {"P-384", "secp384r1"}, {"P-521", "secp521r1"}}};

const char* group_of(std::string_view crv) {
    const auto* found =
        std::find_if(curves.begin(), curves.end(), [&](const CurveName& row) { return row.crv == crv; });
    return found == curves.end() ? nullptr : found->group;
}

Error pkey_failed() {
    ERR_clear_error();
    return {ErrorCode::internal, "could not read or make a key"};
}

// Parameters and the numbers they point to, which must outlive the call that takes the parameters.
class Builder {
public:
    Builder() : builder_(OSSL_PARAM_BLD_new()), ok_(builder_ != nullptr) {}

    void number(const char* name, const SecretBytes& bytes) {
        if (!ok_ || bytes.empty()) return;
        // Numbers of a private key are kept in memory that OpenSSL wipes, and used in constant time.
        numbers_.emplace_back(BN_secure_new());
        ok_ = numbers_.back() && BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), numbers_.back().get()) &&
              OSSL_PARAM_BLD_push_BN(builder_.get(), name, numbers_.back().get()) == 1;
    }

    void text(const char* name, const char* value) {
        ok_ = ok_ && OSSL_PARAM_BLD_push_utf8_string(builder_.get(), name, value, 0) == 1;
    }

    void bytes(const char* name, ByteSpan value) {
        ok_ = ok_ && OSSL_PARAM_BLD_push_octet_string(builder_.get(), name, value.data(), value.size()) == 1;
    }

    Pkey key(const char* type, bool is_private) {
        const Params params(ok_ ? OSSL_PARAM_BLD_to_param(builder_.get()) : nullptr);
        const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
        EVP_PKEY* made = nullptr;
        if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1)
            (void)EVP_PKEY_fromdata(context.get(), &made, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                                    params.get());
        return Pkey(made);
    }

private:
    ParamBuilder builder_;
    bool ok_;
    std::vector<SecretNumber> numbers_;
};

// A number of a key, in `size` bytes or in as many as it needs.
Result<SecretBytes> number_of(const EVP_PKEY* key, const char* name, std::size_t size = 0) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return pkey_failed();
    const SecretNumber number(raw);
    if (size == 0) size = static_cast<std::size_t>(BN_num_bytes(number.get()));
    SecretBytes bytes(size);
    if (BN_bn2binpad(number.get(), bytes.data(), static_cast<int>(size)) < 0) return pkey_failed();
    return bytes;
}

struct NamedNumber {
    const char* name;
    SecretBytes* out;
};

Result<void> read_numbers(const EVP_PKEY* key, std::initializer_list<NamedNumber> wanted, std::size_t size = 0) {
    for (const auto& [name, out] : wanted) {
        auto bytes = number_of(key, name, size);
        if (!bytes) return std::move(bytes).error();
        *out = std::move(*bytes);
    }
    return {};
}

}  // namespace

Pkey rsa_pkey(const RsaNumbers& numbers) {
    Builder builder;
    builder.number(OSSL_PKEY_PARAM_RSA_N, numbers.n);
    builder.number(OSSL_PKEY_PARAM_RSA_E, numbers.e);
    builder.number(OSSL_PKEY_PARAM_RSA_D, numbers.d);
    builder.number(OSSL_PKEY_PARAM_RSA_FACTOR1, numbers.p);
    builder.number(OSSL_PKEY_PARAM_RSA_FACTOR2, numbers.q);
    builder.number(OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers.dp);
    builder.number(OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers.dq);
    builder.number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers.qi);
    return builder.key("RSA", !numbers.d.empty());
}

Pkey ec_pkey(const EcNumbers& numbers) {
    Bytes point{POINT_CONVERSION_UNCOMPRESSED};
    point.insert(point.end(), numbers.x.span().begin(), numbers.x.span().end());
    point.insert(point.end(), numbers.y.span().begin(), numbers.y.span().end());
    Builder builder;
    builder.text(OSSL_PKEY_PARAM_GROUP_NAME, group_of(numbers.crv));
    builder.bytes(OSSL_PKEY_PARAM_PUB_KEY, point);
    builder.number(OSSL_PKEY_PARAM_PRIV_KEY, numbers.d);
    Pkey key = builder.key("EC", !numbers.d.empty());
    const PkeyContext context(key ? EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr) : nullptr);
    if (!context || EVP_PKEY_public_check(context.get()) != 1) return nullptr;
    return key;
}

bool pair_belongs_together(EVP_PKEY* key) noexcept {
    const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    return context && EVP_PKEY_private_check(context.get()) == 1 && EVP_PKEY_pairwise_check(context.get()) == 1;
}

Result<RsaNumbers> rsa_numbers(const EVP_PKEY* key, bool is_private) {
    RsaNumbers out;
    auto read = read_numbers(key, {{OSSL_PKEY_PARAM_RSA_N, &out.n}, {OSSL_PKEY_PARAM_RSA_E, &out.e}});
    if (read && is_private)
        read = read_numbers(key, {{OSSL_PKEY_PARAM_RSA_D, &out.d},
                                  {OSSL_PKEY_PARAM_RSA_FACTOR1, &out.p},
                                  {OSSL_PKEY_PARAM_RSA_FACTOR2, &out.q},
                                  {OSSL_PKEY_PARAM_RSA_EXPONENT1, &out.dp},
                                  {OSSL_PKEY_PARAM_RSA_EXPONENT2, &out.dq},
                                  {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &out.qi}});
    if (!read) return std::move(read).error();
    return out;
}

Result<EcNumbers> ec_numbers(const EVP_PKEY* key, bool is_private) {
    std::array<char, 64> group{};
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr) != 1)
        return pkey_failed();
    EcNumbers out;
    for (const CurveName& curve : curves)
        if (std::string_view(group.data()) == curve.group) out.crv = curve.crv;
    if (out.crv.empty()) return out;
    const std::size_t size = ec_field_bytes(out.crv);
    auto read = read_numbers(key, {{OSSL_PKEY_PARAM_EC_PUB_X, &out.x}, {OSSL_PKEY_PARAM_EC_PUB_Y, &out.y}}, size);
    if (read && is_private) read = read_numbers(key, {{OSSL_PKEY_PARAM_PRIV_KEY, &out.d}}, size);
    if (!read) return std::move(read).error();
    return out;
}

Result<RsaNumbers> generate_rsa(int bits) {
    const Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(bits)));
    if (!key) return pkey_failed();
    return rsa_numbers(key.get(), true);
}

Result<EcNumbers> generate_ec(std::string_view crv) {
    const Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", group_of(crv)));
    if (!key) return pkey_failed();
    return ec_numbers(key.get(), true);
}

}  // namespace bastion
