#include "core/key/root_key.hpp"

#include <sodium.h>

#include <array>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/framing.hpp"
#include "core/base/hkdf.hpp"
#include "core/key/sealed.hpp"

namespace bastion {

namespace {

constexpr std::string_view id_label = "pg_bastion/root/1";
constexpr std::string_view kek_label = "pg_bastion/kek/1";
constexpr std::string_view data_key_label = "pg_bastion/data-key/1";
constexpr std::size_t id_bytes = 8;
constexpr std::size_t uuid_bytes = 16;

std::string id_of(const SecretBytes& key) {
    crypto_hash_sha256_state state;
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, as_bytes(id_label).data(), id_label.size());
    crypto_hash_sha256_update(&state, key.data(), key.size());
    crypto_hash_sha256_final(&state, digest.data());
    sodium_memzero(&state, sizeof state);
    return hex_encode(ByteSpan(digest).first(id_bytes));
}

// The first part differs from every tenant, so these bytes are never those of sealed_aad.
std::string label_aad(const DataKeyLabel& label) {
    std::string aad;
    for (const std::string_view part : {data_key_label, label.tenant, label.purpose}) append_length_prefixed(aad, part);
    append_u32(aad, label.version);
    append_u32(aad, label.key_id);
    return aad;
}

}  // namespace

Result<RootKey> make_root_key(SecretBytes key) {
    if (key.size() != root_key_bytes) return invalid_argument("root key must have 32 bytes");
    std::string id = id_of(key);
    return RootKey{std::move(key), std::move(id)};
}

Result<SecretBytes> derive_kek(const RootKey& root, ByteSpan vault) {
    if (root.key.size() != root_key_bytes || vault.size() != uuid_bytes)
        return invalid_argument("root key must have 32 bytes and the vault's uuid 16");
    return hkdf_sha256(root.key.span(), vault, as_bytes(kek_label), data_key_bytes);
}

SecretBytes generate_data_key() {
    SecretBytes key(data_key_bytes);
    random_bytes({key.data(), key.size()});
    return key;
}

Result<Bytes> wrap_data_key(const SecretBytes& dek, const SecretBytes& kek, const DataKeyLabel& label) {
    if (dek.size() != data_key_bytes) return invalid_argument("data key must have 32 bytes");
    return seal_value(dek.span(), kek, label.key_id, label_aad(label));
}

Result<SecretBytes> unwrap_data_key(ByteSpan wrapped, const SecretBytes& kek, const DataKeyLabel& label) {
    return open_value(wrapped, kek, label_aad(label));
}

}  // namespace bastion
