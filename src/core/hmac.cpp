#include "core/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace bastion {
namespace {

constexpr std::size_t hash_count = 3;

struct HashInfo {
    const char* name;
    std::size_t size;
};

constexpr std::array<HashInfo, hash_count> hashes{{{"SHA256", 32}, {"SHA384", 48}, {"SHA512", 64}}};

std::size_t index_of(HashId hash) { return static_cast<std::size_t>(hash) - 1; }

Error hmac_failed() { return {ErrorCode::internal, "could not compute an HMAC"}; }

// A context with its digest looked up and no key. Made once per process and copied for each key: EVP_MAC_init with a
// digest name would fetch that digest again, 0.4 µs.
EVP_MAC_CTX* make_template(const char* digest) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    if (mac == nullptr) return nullptr;
    EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);  // the context holds its own reference
    if (context == nullptr) return nullptr;
    const std::array<OSSL_PARAM, 2> params{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0),
        OSSL_PARAM_construct_end()};
    if (EVP_MAC_CTX_set_params(context, params.data()) == 1) return context;
    EVP_MAC_CTX_free(context);
    return nullptr;
}

}  // namespace

void HmacKey::Free::operator()(evp_mac_ctx_st* context) const noexcept { EVP_MAC_CTX_free(context); }

std::size_t hash_size(HashId hash) noexcept { return hash == HashId::none ? 0 : hashes[index_of(hash)].size; }

Result<HmacKey> HmacKey::create(HashId hash, ByteSpan key) {
    if (hash == HashId::none || key.empty()) return hmac_failed();
    // Never freed: a static destructor could run after OpenSSL's own.
    static const std::array<EVP_MAC_CTX*, hash_count> templates{
        make_template(hashes[0].name), make_template(hashes[1].name), make_template(hashes[2].name)};
    EVP_MAC_CTX* const unkeyed = templates[index_of(hash)];
    if (unkeyed == nullptr) return hmac_failed();
    Context context(EVP_MAC_CTX_dup(unkeyed));
    if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), nullptr) != 1) return hmac_failed();
    return HmacKey(hash, std::move(context));
}

Result<Mac> HmacKey::compute(std::string_view message) const {
    Mac mac;
    const ByteSpan bytes = as_bytes(message);
    const bool ok = EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1 &&
                    EVP_MAC_update(context_.get(), bytes.data(), bytes.size()) == 1 &&
                    EVP_MAC_final(context_.get(), mac.bytes.data(), &mac.size, mac.bytes.size()) == 1;
    if (!ok || mac.size != hash_size(hash_)) return hmac_failed();
    return mac;
}

}  // namespace bastion
