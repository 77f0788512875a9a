// SHA-256 of tokens, by which verified ones are found again, with a context that is kept. Used by verified_cache.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

struct evp_md_ctx_st;

namespace bastion {

class TokenDigest {
public:
    // False when libcrypto fails.
    [[nodiscard]] bool compute(std::string_view token, std::array<std::uint8_t, 32>& out);

private:
    struct FreeContext {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, FreeContext> context_;
};

}  // namespace bastion
