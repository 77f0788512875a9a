#include "core/hmac.hpp"

#include <algorithm>

#include "core/libcrypto.hpp"

namespace bastion {
namespace {

struct HashInfo {
    std::size_t size;
    std::size_t block;
};

constexpr std::size_t largest_block = 128;
constexpr std::array<HashInfo, 3> hashes{{{32, 64}, {48, 128}, {64, 128}}};

const HashInfo& info_of(HashId hash) noexcept { return hashes[static_cast<std::size_t>(hash) - 1]; }

Error hmac_failed() { return {ErrorCode::internal, "could not compute an HMAC"}; }

// The key as one block: hashed when it is longer, else followed by zeros.
bool fill_block(EVP_MD* digest, const HashInfo& hash, ByteSpan key, std::span<std::uint8_t> block) {
    if (key.size() > hash.block) return EVP_Digest(key.data(), key.size(), block.data(), nullptr, digest, nullptr) == 1;
    std::copy(key.begin(), key.end(), block.begin());
    return true;
}

bool absorb_pad(EVP_MD_CTX* context, EVP_MD* digest, std::span<std::uint8_t> block, std::uint8_t pad) {
    for (std::uint8_t& byte : block) byte ^= pad;
    const bool absorbed =
        EVP_DigestInit_ex2(context, digest, nullptr) == 1 && EVP_DigestUpdate(context, block.data(), block.size()) == 1;
    for (std::uint8_t& byte : block) byte ^= pad;
    return absorbed;
}

}  // namespace

void HmacKey::Free::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

std::size_t hash_size(HashId hash) noexcept { return hash == HashId::none ? 0 : info_of(hash).size; }

// By hand over EVP_MD, for EVP_MAC takes 0.15 µs a message to set up: a tenth of what opening a sealed value costs.
Result<HmacKey> HmacKey::create(HashId hash, ByteSpan key) {
    if (hash == HashId::none || key.empty()) return hmac_failed();
    constexpr std::uint8_t ipad = 0x36;
    constexpr std::uint8_t opad = 0x5c;
    EVP_MD* const digest = fetched_digest(hash);
    Context inner(EVP_MD_CTX_new());
    Context outer(EVP_MD_CTX_new());
    Context work(EVP_MD_CTX_new());
    std::array<std::uint8_t, largest_block> bytes{};
    const std::span<std::uint8_t> block = std::span(bytes).first(info_of(hash).block);
    const bool ready = digest != nullptr && inner && outer && work && fill_block(digest, info_of(hash), key, block) &&
                       absorb_pad(inner.get(), digest, block, ipad) && absorb_pad(outer.get(), digest, block, opad);
    wipe_memory(bytes.data(), bytes.size());
    if (!ready) return hmac_failed();
    return HmacKey(hash, std::move(inner), std::move(outer), std::move(work));
}

Result<Mac> HmacKey::compute(std::string_view message) const {
    Mac mac;
    mac.size = hash_size(hash_);
    EVP_MD_CTX* const work = work_.get();
    const bool ok =
        EVP_MD_CTX_copy_ex(work, inner_.get()) == 1 && EVP_DigestUpdate(work, message.data(), message.size()) == 1 &&
        EVP_DigestFinal_ex(work, mac.bytes.data(), nullptr) == 1 && EVP_MD_CTX_copy_ex(work, outer_.get()) == 1 &&
        EVP_DigestUpdate(work, mac.bytes.data(), mac.size) == 1 &&
        EVP_DigestFinal_ex(work, mac.bytes.data(), nullptr) == 1;
    if (!ok) return hmac_failed();
    return mac;
}

}  // namespace bastion
