#include "pg/base/identity.hpp"

namespace bastion::pg {
namespace {

// The two hexadecimal digits of each byte.
struct HexPair {
    char digits[2];
};
constexpr std::array<HexPair, 256> hex_pairs = [] {
    constexpr char digits[] = "0123456789abcdef";
    std::array<HexPair, 256> pairs{};
    for (int i = 0; i < 256; ++i) pairs[i] = {{digits[i >> 4], digits[i & 15]}};
    return pairs;
}();

// The value of each hexadecimal digit, and -1 for every other character.
constexpr std::array<signed char, 256> hex_values = [] {
    std::array<signed char, 256> values{};
    values.fill(-1);
    for (int i = 0; i < 10; ++i) values['0' + i] = static_cast<signed char>(i);
    for (int i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<signed char>(10 + i);
    return values;
}();

int hex_value(char c) noexcept { return hex_values[static_cast<unsigned char>(c)]; }

// Removes the next field, up to a space or another separator, from the front of `rest`.
std::string_view next_field(std::string_view& rest, char separator = ' ') noexcept {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return field;
}

bool parse_optional(std::string_view field, OptionalUuid& out) noexcept {
    out.present = field != "-";
    return !out.present || parse_uuid_text(field, out.value);
}

bool parse_actors(std::string_view field, ActorChain& out) noexcept {
    out.count = 0;
    if (field == "-") return true;
    while (out.count < max_actors) {
        if (!parse_uuid_text(next_field(field, ','), out.ids[out.count++])) return false;
        if (field.empty()) return true;
    }
    return false;
}

bool parse_number(std::string_view field, int64& out) noexcept {
    char text[24];
    if (field.empty() || field.size() >= sizeof text) return false;
    std::memcpy(text, field.data(), field.size());
    text[field.size()] = '\0';
    char* end = nullptr;
    out = std::strtoll(text, &end, 10);
    return *end == '\0';
}

template <std::size_t N>
bool parse_word(std::string_view field, char (&out)[N]) noexcept {
    if (field.empty() || field.size() >= N) return false;
    std::memcpy(out, field.data(), field.size());
    out[field.size()] = '\0';
    return true;
}

struct OptionalText {
    char text[uuid_text_size];
};

OptionalText optional_text(const OptionalUuid& uuid) noexcept {
    OptionalText out;
    if (uuid.present)
        format_uuid_text(uuid.value, out.text);
    else
        std::memcpy(out.text, "-", 2);
    return out;
}

struct ActorsText {
    char text[max_actors * uuid_text_size];
};

ActorsText actors_text(const ActorChain& actors) noexcept {
    ActorsText out{"-"};
    for (std::size_t i = 0; i < actors.count; ++i) {
        char uuid[uuid_text_size];
        format_uuid_text(actors.ids[i], uuid);
        char* place = out.text + i * uuid_text_size;
        std::memcpy(place, uuid, uuid_text_size);
        if (i > 0) place[-1] = ',';
    }
    return out;
}

}  // namespace

ProofLevel level_of(const Identity& identity) noexcept {
    const bool is_attested = std::strcmp(identity.level, "aal3") == 0;
    if (is_attested || std::strcmp(identity.level, "aal2") == 0) {
        if (identity.phr_time == 0) return ProofLevel::aal2;
        return is_attested ? ProofLevel::phrh : ProofLevel::phr;
    }
    return std::strcmp(identity.level, "aal1") == 0 ? ProofLevel::aal1 : ProofLevel::aal0;
}

bool same_uuid(const pg_uuid_t& left, const pg_uuid_t& right) noexcept {
    return std::memcmp(left.data, right.data, UUID_LEN) == 0;
}

bool same_uuid(const OptionalUuid& left, const OptionalUuid& right) noexcept {
    return left.present == right.present && (!left.present || same_uuid(left.value, right.value));
}

bool same_actors(const ActorChain& left, const ActorChain& right) noexcept {
    return left.count == right.count && std::memcmp(left.ids, right.ids, left.count * sizeof left.ids[0]) == 0;
}

OptionalUuid last_actor(const Identity& identity) noexcept {
    const ActorChain& actors = identity.actors;
    return actors.count > 0 ? OptionalUuid{true, actors.ids[actors.count - 1]} : OptionalUuid{};
}

OptionalUuid actor_of(const Identity& identity) noexcept {
    const OptionalUuid actor = last_actor(identity);
    return actor.present ? actor : OptionalUuid{true, identity.user};
}

const pg_uuid_t& credential_owner(const Identity& identity) noexcept {
    return is_impersonation(identity) && identity.actors.count > 0 ? identity.actors.ids[0] : identity.user;
}

bool same_identity(const Identity& left, const Identity& right) noexcept {
    return same_uuid(left.user, right.user) && same_actors(left.actors, right.actors) &&
           same_uuid(left.tenant, right.tenant) && same_uuid(left.session, right.session) &&
           same_uuid(left.api_key, right.api_key) && same_uuid(left.delegation, right.delegation);
}

void format_uuid_text(const pg_uuid_t& uuid, char (&out)[uuid_text_size]) noexcept {
    char* cursor = out;
    for (std::size_t i = 0; i < UUID_LEN; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *cursor++ = '-';
        std::memcpy(cursor, hex_pairs[uuid.data[i]].digits, 2);
        cursor += 2;
    }
    *cursor = '\0';
}

bool parse_uuid_text(std::string_view text, pg_uuid_t& out) noexcept {
    if (text.size() != uuid_text_size - 1) return false;
    const char* cursor = text.data();
    for (std::size_t i = 0; i < UUID_LEN; ++i) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *cursor++ != '-') return false;
        const int byte = hex_value(cursor[0]) << 4 | hex_value(cursor[1]);
        if (byte < 0) return false;
        out.data[i] = static_cast<unsigned char>(byte);
        cursor += 2;
    }
    return true;
}

void format_identity(const Identity& identity, char (&out)[identity_text_size]) noexcept {
    char user[uuid_text_size];
    format_uuid_text(identity.user, user);
    snprintf(out, sizeof out, "3 %s %s %s %lld %s %s %s %s %s %s %lld %lld %lld %lld", user,
             actors_text(identity.actors).text, optional_text(identity.tenant).text,
             static_cast<long long>(identity.tenant_number), optional_text(identity.unit).text,
             optional_text(identity.session).text, optional_text(identity.api_key).text,
             optional_text(identity.delegation).text, identity.method, identity.level,
             static_cast<long long>(identity.auth_time), static_cast<long long>(identity.phr_time),
             static_cast<long long>(identity.remembered_time), static_cast<long long>(identity.expires_at));
}

bool parse_identity(std::string_view payload, Identity& out) noexcept {
    std::string_view rest = payload;
    return next_field(rest) == "3" && parse_uuid_text(next_field(rest), out.user) &&
           parse_actors(next_field(rest), out.actors) && parse_optional(next_field(rest), out.tenant) &&
           parse_number(next_field(rest), out.tenant_number) && parse_optional(next_field(rest), out.unit) &&
           parse_optional(next_field(rest), out.session) && parse_optional(next_field(rest), out.api_key) &&
           parse_optional(next_field(rest), out.delegation) && parse_word(next_field(rest), out.method) &&
           parse_word(next_field(rest), out.level) && parse_number(next_field(rest), out.auth_time) &&
           parse_number(next_field(rest), out.phr_time) && parse_number(next_field(rest), out.remembered_time) &&
           parse_number(next_field(rest), out.expires_at) && rest.empty();
}

}  // namespace bastion::pg
