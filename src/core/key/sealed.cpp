#include "core/key/sealed.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "core/base/framing.hpp"
#include "core/base/hmac.hpp"
#include "core/key/xaes.hpp"

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
static_assert(ciphertext_at == sealed_head_bytes);
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

SealedNonce nonce_of(ByteSpan sealed) noexcept {
    SealedNonce nonce;
    std::copy_n(sealed.begin() + nonce_at, nonce.size(), nonce.begin());
    return nonce;
}

}  // namespace

struct SealingKey::Contexts {
    Contexts(ByteSpan dek, HmacKey key) : xaes(dek), hmac(std::move(key)) {}

    Xaes256Gcm xaes;
    HmacKey hmac;
    // The next nonces: libsodium's generator, ChaCha20, spreads 32 bytes of the kernel's over them, which costs a tenth of asking
    // the kernel for all. A context is not used on both sides of a fork.
    std::array<SealedNonce, 32> nonces;
    std::size_t fresh_nonces = 0;

    SealedNonce next_nonce() noexcept {
        if (fresh_nonces == 0) {
            std::array<std::uint8_t, randombytes_SEEDBYTES> seed;
            random_bytes(seed);
            randombytes_buf_deterministic(nonces.data(), sizeof nonces, seed.data());
            wipe_memory(seed.data(), seed.size());
            fresh_nonces = nonces.size();
        }
        return nonces[--fresh_nonces];
    }

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
    if (dek.size() != data_key_bytes) return invalid_argument("data key must have 32 bytes");
    auto hmac = HmacKey::create(HashId::sha256, dek.span());
    if (!hmac) return std::move(hmac).error();
    return SealingKey(std::make_unique<Contexts>(dek.span(), std::move(*hmac)));
}

Result<void> SealingKey::seal_under(const SealedNonce& nonce, ByteSpan plaintext, std::uint32_t key_id,
                                    std::string_view aad, std::span<std::uint8_t> out) {
    if (plaintext.size() > max_sealed_plaintext || aad.size() > max_sealed_plaintext)
        return Error{ErrorCode::limit_exceeded, "value is too long to be sealed"};
    if (out.size() != plaintext.size() + sealed_overhead)
        return Error{ErrorCode::internal, "sealed value has another length"};
    out[0] = magic;
    out[1] = suite_xaes;
    out[2] = out[3] = 0;
    put_u32(out.data() + 4, key_id);
    std::copy(nonce.begin(), nonce.end(), out.begin() + nonce_at);

    const auto commitment = contexts_->commitment(nonce);
    if (!commitment) return commitment.error();
    std::copy_n(commitment->bytes.begin(), commitment_bytes, out.begin() + commitment_at);
    if (!contexts_->xaes.encrypt(plaintext, nonce, {out.first(header_bytes), as_bytes(aad)},
                                 out.data() + ciphertext_at))
        return Error{ErrorCode::internal, "cryptographic library failed"};
    return {};
}

Result<void> SealingKey::seal_into(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                                   std::span<std::uint8_t> out) {
    return seal_under(contexts_->next_nonce(), plaintext, key_id, aad, out);
}

Result<Bytes> SealingKey::seal(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad) {
    return seal_with_nonce(plaintext, key_id, aad, contexts_->next_nonce());
}

Result<Bytes> SealingKey::seal_with_nonce(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                                          const SealedNonce& nonce) {
    Bytes sealed(plaintext.size() > max_sealed_plaintext ? 0 : plaintext.size() + sealed_overhead);
    if (Result<void> done = seal_under(nonce, plaintext, key_id, aad, sealed); !done) return done.error();
    return sealed;
}

Result<bool> SealingKey::made(ByteSpan head) const {
    if (head.size() < sealed_head_bytes) return false;
    const auto commitment = contexts_->commitment(nonce_of(head));
    if (!commitment) return commitment.error();
    return constant_time_equal(commitment->span(), head.subspan(commitment_at, commitment_bytes));
}

Result<void> SealingKey::open_into(ByteSpan sealed, std::string_view aad, std::span<std::uint8_t> out) {
    if (auto header = parse_sealed_header(sealed); !header) return std::move(header).error();
    if (aad.size() > max_sealed_plaintext) return cannot_open("additional data are too long");
    if (out.size() != sealed.size() - sealed_overhead)
        return Error{ErrorCode::internal, "opened value has another length"};
    const Result<bool> own = made(sealed);
    if (!own) return own.error();
    if (!*own)
        return cannot_open("the key is not the one that sealed the value, or its nonce or commitment was changed");
    if (!contexts_->xaes.decrypt(sealed.subspan(ciphertext_at), nonce_of(sealed),
                                 {sealed.first(header_bytes), as_bytes(aad)}, out.data()))
        return cannot_open("the value was changed, or is bound to another tenant, purpose or place");
    return {};
}

Result<SecretBytes> SealingKey::open(ByteSpan sealed, std::string_view aad) {
    SecretBytes plaintext(sealed.size() < sealed_overhead ? 0 : sealed.size() - sealed_overhead);
    if (Result<void> done = open_into(sealed, aad, {plaintext.data(), plaintext.size()}); !done) return done.error();
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

std::string sealed_aad_prefix(std::string_view tenant, std::string_view purpose) {
    std::string prefix;
    for (const std::string_view part : {tenant, purpose}) append_length_prefixed(prefix, part);
    return prefix;
}

std::string_view sealed_aad(std::string& scratch, std::string_view prefix, std::string_view bound_to) {
    scratch.assign(prefix);
    append_length_prefixed(scratch, bound_to);
    return scratch;
}

std::string sealed_aad(std::string_view tenant, std::string_view purpose, std::string_view bound_to) {
    std::string aad;
    sealed_aad(aad, sealed_aad_prefix(tenant, purpose), bound_to);
    return aad;
}

}  // namespace bastion
