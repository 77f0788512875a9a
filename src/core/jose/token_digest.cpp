#include "core/jose/token_digest.hpp"

#include <cstring>

#include "core/base/libcrypto.hpp"

namespace bastion {
namespace {

constexpr std::size_t block = 16;

}  // namespace

void TokenDigest::FreeContext::operator()(evp_mac_ctx_st* context) const noexcept { EVP_MAC_CTX_free(context); }

bool TokenDigest::compute(std::string_view token, std::array<std::uint8_t, 16>& out) {
    if (!context_) {
        EVP_MAC* poly1305 = fetched_poly1305();
        if (poly1305 == nullptr) return false;
        context_.reset(EVP_MAC_CTX_new(poly1305));
        if (!context_) return false;
        key_ = SecretBytes(32);
        random_bytes({key_.data(), key_.size()});
    }
    // The rest beyond whole blocks goes first, padded, with the length: a partial block at the end costs three times as much.
    const std::size_t whole = token.size() / block * block;
    std::array<std::uint8_t, 2 * block> head{};
    const std::uint64_t length = token.size();
    std::memcpy(head.data(), token.data() + whole, token.size() - whole);
    std::memcpy(head.data() + block, &length, sizeof length);
    std::size_t size = 0;
    return EVP_MAC_init(context_.get(), key_.data(), key_.size(), nullptr) == 1 &&
           EVP_MAC_update(context_.get(), head.data(), head.size()) == 1 &&
           EVP_MAC_update(context_.get(), as_bytes(token).data(), whole) == 1 &&
           EVP_MAC_final(context_.get(), out.data(), &size, out.size()) == 1;
}

}  // namespace bastion
