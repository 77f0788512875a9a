#include "core/jose/token_digest.hpp"

#include "core/base/libcrypto.hpp"

namespace bastion {

void TokenDigest::FreeContext::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }

bool TokenDigest::compute(std::string_view token, std::array<std::uint8_t, 32>& out) {
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
           EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1;
}

}  // namespace bastion
