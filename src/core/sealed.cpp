#include "core/sealed.hpp"

#include <algorithm>
#include <utility>

#include "core/libcrypto.hpp"
#include "core/xaes.hpp"

namespace bastion {

static_assert(kSealedNonceBytes == kXaesNonceBytes && kDataKeyBytes == kXaesKeyBytes);

namespace {

constexpr std::uint8_t kMagic = 0xB7;
constexpr std::uint8_t kSuiteXaes = 1;
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kCommitmentBytes = 32;
constexpr std::size_t kNonceAt = kHeaderBytes;
constexpr std::size_t kCommitmentAt = kNonceAt + kSealedNonceBytes;
constexpr std::size_t kCiphertextAt = kCommitmentAt + kCommitmentBytes;
constexpr std::string_view kCommitLabel = "pg_bastion/commit/1";
static_assert(kCiphertextAt + kXaesTagBytes == kSealedOverhead);

using Commitment = std::array<std::uint8_t, kCommitmentBytes>;

// The client must not learn which check failed.
Error cannot_open(const char* reason) {
    return {ErrorCode::sealed_invalid, "sealed value cannot be opened", {}, {}, reason};
}

Error libcrypto_failed() { return {ErrorCode::internal, "cryptographic library failed"}; }

void put_u32(std::uint8_t* out, std::uint32_t value) noexcept {
    for (int i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get_u32(const std::uint8_t* in) noexcept {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | in[i];
    return value;
}

void append_with_length(std::string& out, std::string_view part) {
    std::uint8_t length[4];
    put_u32(length, static_cast<std::uint32_t>(part.size()));
    out.append(reinterpret_cast<const char*>(length), sizeof length).append(part);
}

}  // namespace

struct SealingKey::Contexts {
    explicit Contexts(ByteSpan dek) : xaes(dek), hmac(hmac_sha256_context(dek.data(), dek.size())) {}

    Xaes256Gcm xaes;
    MacContext hmac;

    bool commit(const SealedNonce& nonce, Commitment& out) {
        std::size_t size = 0;
        const ByteSpan label = as_bytes(kCommitLabel);
        return hmac && EVP_MAC_init(hmac.get(), nullptr, 0, nullptr) == 1 &&
               EVP_MAC_update(hmac.get(), label.data(), label.size()) == 1 &&
               EVP_MAC_update(hmac.get(), nonce.data(), nonce.size()) == 1 &&
               EVP_MAC_final(hmac.get(), out.data(), &size, out.size()) == 1 && size == out.size();
    }
};

SealingKey::SealingKey(std::unique_ptr<Contexts> contexts) noexcept : contexts_(std::move(contexts)) {}
SealingKey::SealingKey(SealingKey&&) noexcept = default;
SealingKey& SealingKey::operator=(SealingKey&&) noexcept = default;
SealingKey::~SealingKey() = default;

Result<SealingKey> SealingKey::create(const SecretBytes& dek) {
    if (dek.size() != kDataKeyBytes) return Error{ErrorCode::invalid_argument, "data key must have 32 bytes"};
    return SealingKey(std::make_unique<Contexts>(dek.span()));
}

Result<Bytes> SealingKey::seal(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad) {
    SealedNonce nonce;
    random_bytes(nonce);
    return seal_with_nonce(plaintext, key_id, aad, nonce);
}

Result<Bytes> SealingKey::seal_with_nonce(ByteSpan plaintext, std::uint32_t key_id, std::string_view aad,
                                          const SealedNonce& nonce) {
    if (plaintext.size() > kMaxSealedPlaintext || aad.size() > kMaxSealedPlaintext)
        return Error{ErrorCode::limit_exceeded, "value is too long to be sealed"};
    Bytes sealed(plaintext.size() + kSealedOverhead);
    sealed[0] = kMagic;
    sealed[1] = kSuiteXaes;
    put_u32(sealed.data() + 4, key_id);
    std::copy(nonce.begin(), nonce.end(), sealed.begin() + kNonceAt);

    Commitment commitment;
    const ByteSpan header = ByteSpan(sealed).first(kHeaderBytes);
    if (!contexts_->commit(nonce, commitment) ||
        !contexts_->xaes.encrypt(plaintext, nonce, {header, as_bytes(aad)}, sealed.data() + kCiphertextAt))
        return libcrypto_failed();
    std::copy(commitment.begin(), commitment.end(), sealed.begin() + kCommitmentAt);
    return sealed;
}

Result<SecretBytes> SealingKey::open(ByteSpan sealed, std::string_view aad) {
    if (auto header = parse_sealed_header(sealed); !header) return std::move(header).error();
    if (aad.size() > kMaxSealedPlaintext) return cannot_open("additional data are too long");
    SealedNonce nonce;
    std::copy_n(sealed.begin() + kNonceAt, nonce.size(), nonce.begin());

    Commitment commitment;
    if (!contexts_->commit(nonce, commitment)) return libcrypto_failed();
    if (!constant_time_equal(commitment, sealed.subspan(kCommitmentAt, kCommitmentBytes)))
        return cannot_open("the key is not the one that sealed the value, or its nonce or commitment was changed");

    SecretBytes plaintext(sealed.size() - kSealedOverhead);
    if (!contexts_->xaes.decrypt(sealed.subspan(kCiphertextAt), nonce, {sealed.first(kHeaderBytes), as_bytes(aad)},
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
    if (sealed.size() < kSealedOverhead || sealed.size() > kMaxSealedPlaintext + kSealedOverhead)
        return cannot_open("its length is impossible");
    if (sealed[0] != kMagic) return cannot_open("it is not a sealed value");
    if (sealed[1] != kSuiteXaes || sealed[2] != 0 || sealed[3] != 0)
        return cannot_open("its suite or flags are unknown to this version");
    return SealedHeader{sealed[1], sealed[2], get_u32(sealed.data() + 4)};
}

std::string sealed_aad(std::string_view tenant, std::string_view purpose, std::string_view bound_to) {
    std::string aad;
    aad.reserve(12 + tenant.size() + purpose.size() + bound_to.size());
    for (const std::string_view part : {tenant, purpose, bound_to}) append_with_length(aad, part);
    return aad;
}

}  // namespace bastion
