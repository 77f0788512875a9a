#include "core/jose/unverified_jws.hpp"

#include <array>
#include <utility>

#include "core/base/encoding.hpp"
#include "core/base/json.hpp"

namespace bastion {
namespace {

struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
};

// RFC 7515 §7.1: exactly three parts. Two more dots make a JWE, which is not supported.
Result<Parts> split(std::string_view token) {
    if (token.size() > token_max_bytes) return refuse_token("the token is longer than 16 KiB");
    const std::size_t first = token.find('.');
    const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
        return refuse_token("the token does not have three parts");
    const Parts parts{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
    if (parts.header.empty() || parts.signature.empty()) return refuse_token("a part of the token is empty");
    return parts;
}

// Why a header member refuses the token; null when it does not.
using Reason = const char*;

Reason read_text(const JsonValue& value, std::string& out, Reason wrong) {
    const auto text = value.string();
    if (!text || text->empty()) return wrong;
    out = *text;
    return nullptr;
}

// RFC 7515 §4.1.11: a recipient that does not understand an extension named in crit must refuse the token. This one
// understands none, b64 (RFC 7797) included. enc and zip are of JWE. jwk, jku, x5c and x5u are ignored: keys come from
// the caller alone.
Reason read_member(JwsHeader& header, std::string_view name, const JsonValue& value) {
    if (name == "alg") return read_text(value, header.alg, "alg is not a non-empty string");
    if (name == "kid") return read_text(value, header.kid, "kid is not a non-empty string");
    if (name == "typ") return read_text(value, header.typ, "typ is not a non-empty string");
    if (name == "crit") return "the header has member crit";
    if (name == "b64") return "the header has member b64";
    if (name == "enc" || name == "zip") return "the header is one of an encrypted token";
    return nullptr;
}

Result<JwsHeader> parse_header(std::string_view part) {
    std::string text;
    if (!base64url_decode_append(part, text)) return refuse_token("the header is not base64url");
    const auto document = parse_json(text, token_max_bytes);
    if (!document) return refuse_token("the header is not strict JSON");
    if (!document->root().is_object()) return refuse_token("the header is not a JSON object");
    JwsHeader header;
    Reason refused = nullptr;
    document->root().visit_members([&](std::string_view name, const JsonValue& value) {
        refused = read_member(header, name, value);
        return refused == nullptr;
    });
    if (refused != nullptr) return refuse_token(refused);
    if (header.alg.empty()) return refuse_token("the header names no algorithm");
    return header;
}

// The last few headers as encoded in tokens, with their meaning: an issuer's tokens share one header, and parsing it
// costs as much as the HMAC of the whole token. Only accepted headers are cached.
class HeaderMemo {
public:
    using Shared = std::shared_ptr<const JwsHeader>;

    [[nodiscard]] Shared find(std::string_view part) const noexcept {
        for (const Entry& entry : entries_)
            if (entry.part == part) return entry.header;
        return nullptr;
    }

    void keep(std::string_view part, const Shared& header) {
        constexpr std::size_t longest = 512;
        if (part.size() > longest) return;
        entries_[next_] = {std::string(part), header};
        next_ = (next_ + 1) % entries_.size();
    }

private:
    struct Entry {
        std::string part;  // no token has an empty one
        Shared header;
    };
    std::array<Entry, 4> entries_;
    std::size_t next_ = 0;
};

Result<HeaderMemo::Shared> read_header(std::string_view part) {
    thread_local HeaderMemo memo;
    if (auto known = memo.find(part)) return known;
    auto parsed = parse_header(part);
    if (!parsed) return std::move(parsed).error();
    auto header = std::make_shared<const JwsHeader>(std::move(*parsed));
    memo.keep(part, header);
    return HeaderMemo::Shared(std::move(header));
}

}  // namespace

Error refuse_token(std::string_view reason) {
    return {ErrorCode::token_refused, "invalid token", "", "", std::string(reason)};
}

Result<UnverifiedJws> parse_jws(std::string_view token) {
    const auto parts = split(token);
    if (!parts) return parts.error();
    auto header = read_header(parts->header);
    if (!header) return std::move(header).error();
    UnverifiedJws parsed;
    parsed.header = std::move(*header);
    if (!base64url_decode_append(parts->signature, parsed.signature))
        return refuse_token("the signature is not base64url");
    if (!base64url_decode_append(parts->payload, parsed.payload)) return refuse_token("the payload is not base64url");
    parsed.signing_input = token.substr(0, parts->header.size() + 1 + parts->payload.size());
    return parsed;
}

}  // namespace bastion
