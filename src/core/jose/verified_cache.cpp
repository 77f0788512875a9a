#include "core/jose/verified_cache.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

// Places in which an entry may stand. An attacker who floods the cache pushes out others of the same bucket, no more.
constexpr std::size_t ways = 4;

}  // namespace

VerifiedCache::VerifiedCache() noexcept = default;
VerifiedCache::VerifiedCache(VerifiedCache&&) noexcept = default;
VerifiedCache& VerifiedCache::operator=(VerifiedCache&&) noexcept = default;
VerifiedCache::~VerifiedCache() = default;

void VerifiedCache::FreeDigest::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

void VerifiedCache::resize(std::size_t entries) {
    entries -= entries % ways;
    if (entries == capacity_) return;
    entries_.clear();
    entries_.shrink_to_fit();
    entries_.resize(entries);
    capacity_ = entries;
}

bool VerifiedCache::digest(std::string_view token, VerifiedKey& key) {
    if (!context_) {
        context_.reset(EVP_MD_CTX_new());
        const EVP_MD* sha256 = fetched_digest(HashId::sha256);
        if (!context_ || sha256 == nullptr || EVP_DigestInit_ex2(context_.get(), sha256, nullptr) != 1) {
            context_.reset();
            return false;
        }
    }
    return EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1 &&
           EVP_DigestUpdate(context_.get(), token.data(), token.size()) == 1 &&
           EVP_DigestFinal_ex(context_.get(), key.digest.data(), nullptr) == 1;
}

VerifiedEntry* VerifiedCache::bucket(const VerifiedKey& key) noexcept {
    if (entries_.empty()) return nullptr;
    std::uint64_t hash = 0;
    std::memcpy(&hash, key.digest.data(), sizeof hash);
    return &entries_[(hash + key.keys) % (entries_.size() / ways) * ways];
}

const VerifiedEntry* VerifiedCache::find(const VerifiedKey& key) noexcept {
    VerifiedEntry* const first = bucket(key);
    if (first == nullptr) return nullptr;
    for (VerifiedEntry* entry = first; entry != first + ways; ++entry) {
        if (entry->used == 0 || !(entry->key == key)) continue;
        entry->used = ++clock_;
        return entry;
    }
    return nullptr;
}

void VerifiedCache::keep(const VerifiedKey& key, const TokenDates& dates, ByteSpan value) {
    VerifiedEntry* const first = bucket(key);
    if (first == nullptr || value.size() > verified_value_max_bytes) return;
    VerifiedEntry* const oldest =
        std::min_element(first, first + ways,
                         [](const VerifiedEntry& left, const VerifiedEntry& right) { return left.used < right.used; });
    oldest->used = 0;
    oldest->value = SecretBytes(value, SecretPlace::heap);
    oldest->key = key;
    oldest->dates = dates;
    oldest->used = ++clock_;
}

void VerifiedCache::clear() noexcept {
    for (VerifiedEntry& entry : entries_) {
        entry.value.wipe();
        entry.used = 0;
    }
}

}  // namespace bastion
