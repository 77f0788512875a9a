#include "core/sealed.hpp"

#include <algorithm>
#include <utility>

#include "core/framing.hpp"
#include "core/hmac.hpp"
#include "core/xaes.hpp"

namespace bastion {

static_assert(sealed_nonce_bytes == xaes_nonce_bytes && data_key_bytes == xaes_key_bytes);

namespace {

constexpr std::uint8_t magic = 0xB7;
constexpr std::uint8_t suite_xaes = 1;
constexpr std::size_t header_bytes = 8;
constexpr std::size_t commitment_bytes = 32;
constexpr std::size_t nonce_at = header_bytes;
constexpr std::size_t commitment_at = nonce_at + sealed_nonce_bytes;
constexpr std::size_t ciphertext_at = commitment_at + commitment_bytes;
constexpr std::string_view commit_label = "pg_bastion/commit/1";
static_assert(ciphertext_at + xaes_tag_bytes == sealed_overhead);

// The client must not learn which check failed.
Error cannot_open(const char* reason) {
    return {ErrorCode::sealed_invalid, "sealed value cannot be opened", {}, {}, reason};
}

void put_u32(std::uint8_t* out, std::uint32_t value) noexcept {
    for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get_u32(const std::uint8_t* in) noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | in[i];
    return value;
}

}  // namespace

struct SealingKey::Contexts {
    Contexts(ByteSpan dek, HmacKey key) : xaes(dek), hmac(std::move(key)) {}

    Xaes256Gcm xaes;
    HmacKey hmac;

    Result<Mac> commitment(const SealedNonce& nonce) const {
        std::array<char, commit_label.size() + sealed_nonce_bytes> message;
        std::copy(nonce.begin(), nonce.end(), std::copy(commit_label.begin(), commit_label.end(), message.begin()));
        return hmac.compute({message.data(), message.size()});
    }
};

SealingKey::SealingKey(std::unique_ptr<Contexts> contexts) noexcept : contexts_(std::move(contexts)) {}
SealingKey::SealingKey(SealingKey&&) noexcept = default;
SealingKey& SealingKey::operator=(SealingKey&&) noexcept = default;
SealingKey::~SealingKey() = default;

Result<SealingKey> SealingKey::create(const SecretBytes& dek) {
    if (dek.size() != data_key_bytes) return Error{ErrorCode::invalid_argument, "data key must have 32 bytes"};
    auto hmac = HmacKey::create(HashId::sha256, dek.span());
    if (!hmac) return std::move(hmac).error();
    return SealingKey(std::make_unique<Contexts>(dek.span(), std::move(*hmac)));
}

Result<Bytes> SealingKey::seal(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad) {
    SealedNonce nonce;
    random_bytes(nonce);
    return seal_with_nonce(plaintext, key_id, aad, nonce);
}

Result<Bytes> SealingKey::seal_with_nonce(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                                          const SealedNonce& nonce) {
    if (plaintext.size() > max_sealed_plaintext || aad.size() > max_sealed_plaintext)
        return Error{ErrorCode::limit_exceeded, "value is too long to be sealed"};
    Bytes sealed(plaintext.size() + sealed_overhead);
    sealed[0] = magic;
    sealed[1] = suite_xaes;
    put_u32(sealed.data() + 4, key_id);
    std::copy(nonce.begin(), nonce.end(), sealed.begin() + nonce_at);

    const auto commitment = contexts_->commitment(nonce);
    if (!commitment) return commitment.error();
    std::copy_n(commitment->bytes.begin(), commitment_bytes, sealed.begin() + commitment_at);
    const ByteSpan header = ByteSpan(sealed).first(header_bytes);
    if (!contexts_->xaes.encrypt(plaintext, nonce, {header, as_bytes(aad)}, sealed.data() + ciphertext_at))
        return Error{ErrorCode::internal, "cryptographic library failed"};
    return sealed;
}

Result<SecretBytes> SealingKey::open(ByteSpan sealed, std::string_view aad) {
    if (auto header = parse_sealed_header(sealed); !header) return std::move(header).error();
    if (aad.size() > max_sealed_plaintext) return cannot_open("additional data are too long");
    SealedNonce nonce;
    std::copy_n(sealed.begin() + nonce_at, nonce.size(), nonce.begin());

    const auto commitment = contexts_->commitment(nonce);
    if (!commitment) return commitment.error();
    if (!constant_time_equal(commitment->span(), sealed.subspan(commitment_at, commitment_bytes)))
        return cannot_open("the key is not the one that sealed the value, or its nonce or commitment was changed");

    SecretBytes plaintext(sealed.size() - sealed_overhead);
    if (!contexts_->xaes.decrypt(sealed.subspan(ciphertext_at), nonce, {sealed.first(header_bytes), as_bytes(aad)},
                                 plaintext.data()))
        return cannot_open("the value was changed, or is bound to another tenant, purpose or place");
    return plaintext;
}

Result<Bytes> seal_value(ByteSpan plaintext, const SecretBytes& dek, std::uint32_t key_id, std::string_view aad) {
    auto key = SealingKey::create(dek);
    if (!key) return std::move(key).error();
    return key->seal(plaintext, key_id, aad);
}

Result<Bytes> seal_value_with_nonce(ByteSpan plaintext, const SecretBytes& dek, std::uint32_t key_id,
                                    std::string_view aad, const SealedNonce& nonce) {
    auto key = SealingKey::create(dek);
    if (!key) return std::move(key).error();
    return key->seal_with_nonce(plaintext, key_id, aad, nonce);
}

Result<SecretBytes> open_value(ByteSpan sealed, const SecretBytes& dek, std::string_view aad) {
    auto key = SealingKey::create(dek);
    if (!key) return std::move(key).error();
    return key->open(sealed, aad);
}

Result<SealedHeader> parse_sealed_header(ByteSpan sealed) {
    if (sealed.size() < sealed_overhead || sealed.size() > max_sealed_plaintext + sealed_overhead)
        return cannot_open("its length is impossible");
    if (sealed[0] != magic) return cannot_open("it is not a sealed value");
    if (sealed[1] != suite_xaes || sealed[2] != 0 || sealed[3] != 0)
        return cannot_open("its suite or flags are unknown to this version");
    return SealedHeader{sealed[1], sealed[2], get_u32(sealed.data() + 4)};
}

std::string sealed_aad(std::string_view tenant, std::string_view purpose, std::string_view bound_to) {
    std::string aad;
    aad.reserve(12 + tenant.size() + purpose.size() + bound_to.size());
    for (const std::string_view part : {tenant, purpose, bound_to}) append_length_prefixed(aad, part);
    return aad;
}

}  // namespace bastion
