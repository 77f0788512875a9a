#include "core/event/secret_call.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace bastion {
namespace {

// Functions of the extension with an argument or a result that is a password, a token, a key or plaintext, or the hash of
// a password: an error of a statement quotes either. test/tap/t/log_redaction.pl compares this list with the functions
// in the catalogue.
constexpr std::string_view secret_functions[] = {
    // passwords
    "accept_password", "check_account", "check_signup", "user_create", "hold_for_login", "check_password",
    "is_password_hash", "is_short_password", "login", "password_change", "password_check", "password_attempt",
    "password_flaw", "password_format", "password_hash", "password_hash_if_free", "password_needs_rehash",
    "password_length", "password_refusal", "password_store", "password_verify", "signup", "signup_invited",
    "user_password_set", "account_claim", "account_convert", "account_delete", "account_recovery_cancel",
    "account_recovery_finish", "account_recovery_start", "convert_verified", "email_change", "signup_anonymous",
    "signup_pending", "stale_person", "verify_pending",
    // tokens and API keys
    "invitation_accept", "api_key_of", "authenticate", "challenge_hash", "challenge_is_of_state", "challenge_make",
    "challenge_is_open", "challenge_open", "challenge_spend", "challenge_use", "invitation_token_hash", "jws_verify",
    "jwt_verify", "login_challenge", "login_finish", "login_mfa", "login_place", "login_state", "login_tenant",
    "open_invitation", "refresh", "refresh_token_hash", "refresh_token_next", "session_answer", "session_continue",
    "tenant_switch", "token", "token_revoke", "token_session", "id_token_options", "id_token_read", "identity_link",
    "jws_type", "login_id_token", "account_delete_cancel", "email_change_confirm", "email_undo",
    "invitation_decline_link", "login_code", "login_link", "one_time_find", "one_time_id", "one_time_matches",
    "one_time_try", "reset_password", "verify_email",
    // hashes of API keys of other systems, and the keys with which they were made
    "api_key_scheme_add", "digest_or_null", "import_api_keys", "import_api_keys_from", "imported_api_key",
    "imported_api_key_mac", "pepper_add", "pepper_make",
    // tokens of delegations
    "delegate", "delegation_token", "token_delegation",
    // codes and secrets of second factors
    "factor_accept", "recovery_code_mac", "recovery_code_make", "recovery_code_use", "recovery_codes_renew",
    "passkey_accept", "passkey_add", "passkey_answer", "passkey_assert", "passkey_challenge", "passkey_confirm",
    "passkey_login", "passkey_login_options", "passkey_new", "passkey_options", "passkey_request", "passkey_requests",
    "passkey_use", "recovery_codes_replace", "step_up", "totp_add", "totp_confirm", "totp_make", "totp_step",
    // keys, which may be private ones by mistake
    "issuer_add", "issuer_check", "issuer_key_set", "issuer_keys_set", "jwk_public", "jwk_thumbprint", "jwt_sign",
    "kids_of", "application_key_export", "key_export", "public_key_pem",
    // what is signed, authenticated or wrapped, and random bytes
    "key_mac", "key_mac_for", "key_mac_verify", "key_mac_verify_for", "key_sign", "key_sign_for", "key_verify",
    "key_verify_for", "random_bytes", "wrapped_key_create", "wrapped_key_create_for", "wrapped_key_open",
    "wrapped_key_open_for",
    // plaintext, and values that other systems encrypted, together with their key
    "aes_gcm_open", "blind_index", "blind_index_for", "import_aes_gcm", "import_pgp_sym", "bytes_or_null",
    "import_rows", "import_secret_value", "import_secrets", "import_secrets_from", "imported_secret", "import_users",
    "import_users_from", "seal", "seal_for", "sealed", "change_payload_check", "setting_apply", "setting_import",
    "setting_import_for", "setting_import_one", "setting_open", "setting_open_for", "setting_opened",
    "setting_plaintext", "setting_request", "setting_seal", "setting_seal_for", "setting_validate",
    "setting_write_sealed", "settings_import", "value_flaw", "secret_put", "secret_put_for", "secret_put_text",
    // what they return: plaintext, private keys, tokens and API keys
    "access_token", "one_time_derive", "outbox_claim", "api_key_add_secret", "api_key_create", "api_key_make",
    "api_key_rotate", "invite", "jwk_generate", "open_bytea", "open_bytea_for", "open_text", "open_text_for",
    "device_find", "device_keep", "secret_get", "secret_get_bytea", "secret_get_for", "secret_get_jsonb",
    "mfa_required", "session_begin", "session_start", "tenant_required", "token_issue", "token_sign"};

// Views with plaintext, which count in any position.
constexpr std::string_view secret_views[] = {"opened_secrets"};

struct SecretSetting {
    std::string_view qualifier;
    std::string_view name;
    std::string_view shown;
};

// Settings that hold a token: the extension's own, and those of a front door that carry its request.
constexpr SecretSetting secret_settings[] = {{"bastion", "token", "bastion.token"},
                                             {"request", "headers", "request.headers"},
                                             {"request", "cookies", "request.cookies"}};

// How both JSON objects of a JWS begin, {" in base64url, and the letter of U&"...".
constexpr std::string_view jws_begin = "eyJ";
constexpr char escaped_name = 'u';

// How the extension's own tokens begin.
constexpr std::string_view token_prefixes[] = {"bst_live_", "bst_ch_", "bst_ot_", "bst_dv_", "bsr_", "bsi_"};
constexpr std::size_t token_digits = 16;

constexpr char fold(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Bytes of identifiers, those of any character beyond ASCII among them. A table, because each byte of the log is looked up.
constexpr std::array<bool, 256> word_bytes = [] {
    std::array<bool, 256> table{};
    for (std::size_t byte = 0; byte < table.size(); ++byte) {
        const char folded = fold(static_cast<char>(byte));
        table[byte] = (folded >= 'a' && folded <= 'z') || (folded >= '0' && folded <= '9') || folded == '_' ||
                      folded == '$' || byte >= 0x80U;
    }
    return table;
}();

constexpr bool in_word(char c) noexcept { return word_bytes[static_cast<unsigned char>(c)]; }

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr std::string_view part(std::string_view text, std::size_t begin, std::size_t end) noexcept {
    return {text.data() + begin, end - begin};
}

bool same_letters(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return fold(a) == fold(b); });
}

inline bool same_word(std::string_view left, std::string_view right) noexcept {
    return left.size() == right.size() && same_letters(left, right);
}

struct Word {
    std::size_t begin = 0;
    std::size_t end = 0;
};

// The next word after the end of this one.
inline bool next_word(std::string_view text, Word& word) noexcept {
    const char* const end = text.data() + text.size();
    const char* at = text.data() + word.end;
    while (at != end && !in_word(*at)) ++at;
    word.begin = static_cast<std::size_t>(at - text.data());
    while (at != end && in_word(*at)) ++at;
    word.end = static_cast<std::size_t>(at - text.data());
    return word.begin < text.size();
}

std::size_t after_space(std::string_view text, std::size_t at) noexcept {
    while (at < text.size() && is_space(text[at])) ++at;
    return at;
}

bool begins(std::string_view text, std::size_t at, std::string_view wanted) noexcept {
    return at <= text.size() && text.size() - at >= wanted.size() && part(text, at, at + wanted.size()) == wanted;
}

// Behind spaces and comments. Comments of one kind may be inside each other.
std::size_t after_blank(std::string_view text, std::size_t at) noexcept {
    for (;;) {
        at = after_space(text, at);
        if (begins(text, at, "--")) {
            while (at < text.size() && text[at] != '\n') ++at;
        } else if (begins(text, at, "/*")) {
            std::size_t depth = 0;
            do {
                const bool opens = begins(text, at, "/*");
                const bool closes = begins(text, at, "*/");
                depth = opens ? depth + 1 : closes ? depth - 1 : depth;
                at += opens || closes ? 2 : 1;
            } while (depth > 0 && at < text.size());
        } else {
            return std::min(at, text.size());
        }
    }
}

// A quotation mark, as plans in JSON, YAML and XML write it too.
constexpr std::string_view quotation_marks[] = {"\"", "\\\"", "&quot;"};

std::size_t after_quote(std::string_view text, std::size_t at) noexcept {
    for (const std::string_view mark : quotation_marks)
        if (begins(text, at, mark)) return at + mark.size();
    return at;
}

std::size_t before_quote(std::string_view text, std::size_t at) noexcept {
    for (std::size_t mark = std::size(quotation_marks); mark-- > 0;) {
        const std::size_t size = quotation_marks[mark].size();
        if (at >= size && begins(text, at - size, quotation_marks[mark])) return at - size;
    }
    return at;
}

// What a parenthesis, a quotation mark, an escape and a comment begin with.
constexpr bool may_call(char c) noexcept {
    return c == '(' || c == '"' || c == '\\' || c == '&' || c == '/' || c == '-';
}

// Something else than a call follows most words: another word after one space.
inline bool may_be_called(std::string_view text, std::size_t at) noexcept {
    if (at + 1 < text.size() && text[at] == ' ' && in_word(text[at + 1])) return false;
    const std::size_t next = after_space(text, at);
    return next < text.size() && may_call(text[next]);
}

// Whether a parenthesis, or a comment in front of one, follows a name and makes it a call. A line end may be written \n.
bool is_called(std::string_view text, std::size_t at) noexcept {
    at = after_quote(text, at);
    for (std::size_t last = text.size() + 1; last != at;) {
        last = at;
        at = after_space(text, at);
        for (const std::string_view escape : {"\\n", "\\t", "\\r"})
            if (begins(text, at, escape)) at += escape.size();
    }
    return begins(text, at, "(") || begins(text, at, "/*") || begins(text, at, "--");
}

// U&"…", a name with escapes, which could be any.
bool has_escapes(std::string_view text, const Word& word) noexcept {
    if (word.end - word.begin != 1 || fold(text[word.begin]) != escaped_name) return false;
    const std::size_t at = begins(text, word.end, "&amp;") ? word.end + 5 : word.end + 1;
    return begins(text, word.end, "&") && after_quote(text, at) != at;
}

// Whether the word is qualified by the qualifier: qualifier.word, each optionally in quotes.
bool is_qualified(std::string_view text, std::size_t begin, std::string_view qualifier) noexcept {
    begin = before_quote(text, begin);
    if (begin == 0 || text[--begin] != '.') return false;
    begin = before_quote(text, begin);
    if (begin < qualifier.size()) return false;
    const std::size_t first = begin - qualifier.size();
    return same_word(part(text, first, begin), qualifier) && (first == 0 || !in_word(text[first - 1]));
}

// header.claims.signature of a JWS: the first two begin with {" in base64url.
bool is_jws(std::string_view text, const Word& word) noexcept {
    return word.end - word.begin >= token_digits && begins(text, word.begin, jws_begin) &&
           begins(text, word.end, ".") && begins(text, word.end + 1, jws_begin);
}

bool is_own_token(std::string_view text, const Word& word) noexcept {
    static_assert(
        std::ranges::all_of(token_prefixes, [](std::string_view prefix) { return prefix.starts_with("bs"); }));
    if (word.end - word.begin < 3 || text[word.begin + 1] != 's') return false;
    for (const std::string_view prefix : token_prefixes) {
        const std::size_t first = word.begin + prefix.size();
        if (!begins(text, word.begin, prefix) || text.size() - first < token_digits) continue;
        const std::string_view digits = part(text, first, first + token_digits);
        // A hyphen is a digit of base64url, and no part of a word.
        if (std::all_of(digits.begin(), digits.end(), [](char c) { return in_word(c) || c == '-'; })) return true;
    }
    return false;
}

std::string_view token_in(std::string_view text, const Word& word) noexcept {
    return is_own_token(text, word) || is_jws(text, word) ? "token" : std::string_view();
}

bool is_listed(std::string_view list, std::string_view wanted) noexcept {
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t comma = std::min(list.find(',', begin), list.size());
        std::size_t first = after_space(list, begin);
        std::size_t last = comma;
        while (last > first && is_space(list[last - 1])) --last;
        if (first < last && same_word(part(list, first, last), wanted)) return true;
        begin = comma + 1;
    }
    return false;
}

// First bytes of what counts in any position: most words of the log begin with another one, and end there.
constexpr std::array<bool, 256> telling_bytes = [] {
    std::array<bool, 256> table{};
    const auto tell = [&table](char c) {
        table[static_cast<unsigned char>(c)] = true;
        if (c >= 'a' && c <= 'z') table[static_cast<unsigned char>(c - 'a' + 'A')] = true;
    };
    for (const std::string_view view : secret_views) tell(view.front());
    for (const SecretSetting& setting : secret_settings) tell(setting.name.front());
    for (const std::string_view prefix : token_prefixes) tell(prefix.front());
    tell(jws_begin.front());
    tell(escaped_name);
    return table;
}();

// The bytes before the first underscore of a view, or of a token of ours.
constexpr std::array<bool, 256> before_underscore = [] {
    std::array<bool, 256> table{};
    const auto add = [&table](std::string_view name) {
        const char c = name[name.find('_') - 1];
        table[static_cast<unsigned char>(c)] = true;
        if (c >= 'a' && c <= 'z') table[static_cast<unsigned char>(c - 'a' + 'A')] = true;
    };
    for (const std::string_view view : secret_views) add(view);
    for (const std::string_view prefix : token_prefixes) add(prefix);
    return table;
}();

// Each call, each setting, each escaped name and each JWS has one of these bytes. A block of them is compared at once: an extension of
// GCC and Clang, as no compiler does that with the loop.
constexpr std::size_t block_size = 16;
using Block [[gnu::vector_size(block_size)]] = unsigned char;

bool has_hint(const char* text) noexcept {
    Block block;
    std::memcpy(&block, text, block_size);
    const auto found = (block == '(') | (block == '"') | (block == '\\') | (block == '&') | (block == '/') |
                       (block == '-') | (block == '.');
    std::array<std::uint64_t, 2> halves;
    static_assert(sizeof halves == sizeof found);
    std::memcpy(&halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

// Whether a text may hold a secret, were there no further names. Most statements without a call end here.
bool may_count(std::string_view text) noexcept {
    std::size_t at = 0;
    for (; text.size() - at >= block_size; at += block_size)
        if (has_hint(text.data() + at)) return true;
    std::array<char, block_size> rest{};
    std::copy(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), rest.begin());
    if (has_hint(rest.data())) return true;
    for (at = text.find('_', 1); at != text.npos; at = text.find('_', at + 1))
        if (before_underscore[static_cast<unsigned char>(text[at - 1])]) return true;
    return false;
}

std::string_view judge(std::string_view text, const Word& word, std::string_view further) noexcept {
    const std::string_view name = part(text, word.begin, word.end);
    if (may_be_called(text, word.end) && is_called(text, word.end))
        for (const std::string_view function : secret_functions)
            if (same_word(name, function)) return function;
    if (!further.empty() && is_listed(further, name)) return "bastion.redacted_names";
    if (!telling_bytes[static_cast<unsigned char>(name.front())]) return {};
    for (const std::string_view view : secret_views)
        if (same_word(name, view)) return view;
    for (const SecretSetting& setting : secret_settings)
        if (same_word(name, setting.name) && is_qualified(text, word.begin, setting.qualifier)) return setting.shown;
    if (has_escapes(text, word)) return "escaped name";
    return token_in(text, word);
}

// An identifier, which may be in quotes, and its end; empty when there is none.
std::size_t copy_identifier(std::string_view text, std::size_t at, std::span<char> out) noexcept {
    std::size_t size = 0;
    const auto append = [&](char c) {
        if (size + 1 < out.size()) out[size++] = c;
    };
    if (at < text.size() && text[at] == '"') {
        for (++at; at < text.size(); ++at) {
            if (text[at] == '"' && (++at >= text.size() || text[at] != '"')) break;
            append(text[at]);
        }
    } else {
        for (; at < text.size() && in_word(text[at]); ++at) append(fold(text[at]));
    }
    out[size] = '\0';
    return at;
}

}  // namespace

std::string_view find_secret_call(std::string_view text, std::string_view further) noexcept {
    if (further.empty() && !may_count(text)) return {};
    for (Word word; next_word(text, word);)
        if (const std::string_view found = judge(text, word, further); !found.empty()) return found;
    return {};
}

Executed find_executed(std::string_view text, std::size_t& from, std::span<char> name) noexcept {
    // Nearly every logged statement ends here: looking for one letter is much quicker than comparing each word.
    if (text.find('x', from) == text.npos && text.find('X', from) == text.npos) {
        from = text.size();
        return {};
    }
    for (Word word{from, from}; next_word(text, word);) {
        from = word.end;
        if (!same_word(part(text, word.begin, word.end), "execute")) continue;
        const std::size_t end = copy_identifier(text, after_blank(text, word.end), name);
        if (name.front() != '\0') return {true, begins(text, after_blank(text, end), "(")};
    }
    from = text.size();
    return {};
}

bool runs_deferred(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size(); at = std::min(text.find(';', at), text.size() - 1) + 1) {
        at = after_blank(text, at);
        Word first{at, at};
        if (!next_word(text, first) || first.begin != at) continue;
        for (const std::string_view end : {"commit", "end", "prepare", "set"})
            if (same_word(part(text, first.begin, first.end), end)) return true;
    }
    return false;
}

}  // namespace bastion
