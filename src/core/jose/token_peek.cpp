#include "core/jose/token_peek.hpp"

#include "core/jose/unverified_jws.hpp"

namespace bastion {
namespace {

constexpr std::string_view claim = "\"tenant\":\"";
constexpr std::size_t uuid_size = 36;

std::string_view payload_of(std::string_view token) noexcept {
    const std::size_t begin = token.find('.');
    if (begin == std::string_view::npos || token.size() > token_max_bytes) return {};
    const std::size_t end = token.find('.', begin + 1);
    return end == std::string_view::npos ? std::string_view() : token.substr(begin + 1, end - begin - 1);
}

std::optional<Uuid> tenant_in(std::string_view payload) {
    const std::size_t found = payload.find(claim);
    if (found == std::string_view::npos) return {};
    const std::string_view rest = payload.substr(found + claim.size());
    if (rest.size() <= uuid_size || rest[uuid_size] != '"') return {};
    const Result<Uuid> tenant = parse_uuid(rest.substr(0, uuid_size));
    return tenant ? std::optional<Uuid>(*tenant) : std::nullopt;
}

}  // namespace

std::optional<Uuid> peek_tenant(std::string_view token) noexcept {
    try {
        std::string payload;
        if (!base64url_decode_append(payload_of(token), payload)) return {};
        return tenant_in(payload);
    } catch (...) {
        return {};
    }
}

}  // namespace bastion
