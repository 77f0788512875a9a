#include "core/door/door_place.hpp"

#include <algorithm>

namespace bastion {
namespace {

constexpr std::size_t longest_name = 63;
constexpr std::size_t longest_path = 16 * std::size_t{1024};
constexpr std::size_t most_sources = 16;

// Characters of slugs and uuids.
constexpr bool is_name_char(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= longest_name && std::all_of(text.begin(), text.end(), is_name_char);
}

void add_distinct(std::vector<std::string>& names, std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

// False for a value that no tenant or unit can have.
bool take(PlacePart part, std::string_view value, PlaceNames& names) {
    if (!is_name(value)) return false;
    add_distinct(part == PlacePart::tenant ? names.tenants : names.units, value);
    return true;
}

bool take_all(const std::vector<PlaceSegment>& segments, const std::vector<std::string_view>& values,
              PlaceNames& names) {
    for (std::size_t i = 0; i < segments.size(); ++i)
        if (segments[i].part != PlacePart::literal && !take(segments[i].part, values[i], names)) return false;
    return true;
}

// As many values as segments, and each literal its own.
bool has_form(const std::vector<PlaceSegment>& segments, const std::vector<std::string_view>& values) noexcept {
    return std::equal(segments.begin(), segments.end(), values.begin(), values.end(),
                      [](const PlaceSegment& segment, std::string_view value) {
                          return segment.part != PlacePart::literal || segment.literal == value;
                      });
}

DoorFlaw two_units(const PlaceNames& names) noexcept {
    return names.units.size() > 1 ? DoorFlaw::two_places : DoorFlaw::none;
}

// The template of a source.

std::optional<PlaceSegment> parse_segment(std::string_view text) {
    if (text == "{tenant}") return PlaceSegment{PlacePart::tenant, {}};
    if (text == "{unit}") return PlaceSegment{PlacePart::unit, {}};
    const bool is_plain = !text.empty() && text != "." && text != ".." &&
                          std::all_of(text.begin(), text.end(),
                                      [](char c) { return is_name_char(c) || c == '_' || c == '.' || c == '~'; });
    if (!is_plain) return std::nullopt;
    return PlaceSegment{PlacePart::literal, std::string(text)};
}

bool names_each_once(const std::vector<PlaceSegment>& segments) noexcept {
    const auto count = [&](PlacePart part) {
        return std::count_if(segments.begin(), segments.end(), [&](const auto& each) { return each.part == part; });
    };
    return count(PlacePart::tenant) <= 1 && count(PlacePart::unit) <= 1 &&
           count(PlacePart::tenant) + count(PlacePart::unit) > 0;
}

std::optional<std::vector<PlaceSegment>> parse_segments(std::string_view text, char separator) {
    std::vector<PlaceSegment> out;
    for (const std::string_view part : split(text, separator)) {
        std::optional<PlaceSegment> segment = parse_segment(part);
        if (!segment) return std::nullopt;
        out.push_back(*std::move(segment));
    }
    if (!names_each_once(out)) return std::nullopt;
    return out;
}

std::optional<PlaceSource> with_segments(PlaceOrigin origin, std::string_view name, std::string_view text,
                                         char separator) {
    std::optional<std::vector<PlaceSegment>> segments = parse_segments(text, separator);
    if (!segments) return std::nullopt;
    return PlaceSource{origin, std::string(name), *std::move(segments)};
}

// NAME or NAME=TEMPLATE.
std::optional<PlaceSource> parse_named(PlaceOrigin origin, std::string_view text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    const std::string_view name = text.substr(0, equals);
    if (!is_http_token(name)) return std::nullopt;
    return with_segments(origin, origin == PlaceOrigin::header ? lower_ascii(name) : std::string(name),
                         equals == text.size() ? "{tenant}" : text.substr(equals + 1), '/');
}

std::optional<PlaceSource> parse_source(std::string_view item) {
    if (item == "claim") return PlaceSource{PlaceOrigin::claim, {}, {{PlacePart::tenant, {}}}};
    const std::size_t colon = std::min(item.find(':'), item.size());
    const std::string_view kind = item.substr(0, colon);
    const std::string_view rest = item.substr(std::min(colon + 1, item.size()));
    if (kind == "claim") return parse_named(PlaceOrigin::claim, rest);
    if (kind == "header") return parse_named(PlaceOrigin::header, rest);
    if (kind == "host") return with_segments(PlaceOrigin::host, {}, lower_ascii(rest), '.');
    if (kind == "path" && rest.starts_with('/')) return with_segments(PlaceOrigin::path, {}, rest.substr(1), '/');
    return std::nullopt;
}

// The segments of a path.

constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// RFC 3986 section 2.1; empty for an escape that is none, and for control characters and backslashes.
std::optional<std::string> decode(std::string_view segment) {
    std::string out;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        char c = segment[i];
        if (c == '%') {
            const int high = i + 2 < segment.size() ? hex_digit(segment[i + 1]) : -1;
            const int low = high < 0 ? -1 : hex_digit(segment[i + 2]);
            if (low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20U || c == '\x7F' || c == '\\') return std::nullopt;
        out.push_back(c);
    }
    return out;
}

// A decoded segment of which some part is . or .., alone or before parameters.
bool climbs(std::string_view segment) {
    const std::vector<std::string_view> parts = split(segment, '/');
    return std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
        part = part.substr(0, part.find(';'));
        return part == "." || part == "..";
    });
}

// The decoded segments; empty for a path that programs may read in different ways within the first `counted` of them.
std::optional<std::vector<std::string>> path_segments(std::string_view path, std::size_t counted) {
    if (!path.starts_with('/') || path.size() > longest_path) return std::nullopt;
    const std::vector<std::string_view> raw = split(path.substr(1), '/');
    std::vector<std::string> out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        std::optional<std::string> segment = decode(raw[i]);
        if (!segment || climbs(*segment)) return std::nullopt;
        const bool is_empty = segment->empty() && i + 1 < raw.size();
        if (i < counted && (is_empty || segment->find('/') != segment->npos)) return std::nullopt;
        out.push_back(*std::move(segment));
    }
    return out;
}

// The host name in lower case, without port and final dot; empty for anything else.
std::string host_name(std::string_view host) {
    const std::size_t colon = std::min(host.find(':'), host.size());
    const std::string_view port = host.substr(colon);
    if (port.size() == 1 || port.size() > 6 || port.find_first_not_of("0123456789", 1) != port.npos) return {};
    std::string_view name = host.substr(0, colon);
    if (name.ends_with('.')) name.remove_suffix(1);
    const bool is_plain =
        std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c) || c == '.' || c == '_'; });
    return is_plain ? lower_ascii(name) : std::string();
}

}  // namespace

Result<std::vector<PlaceSource>> parse_place_sources(std::string_view setting) {
    std::vector<PlaceSource> out;
    for (const std::string_view item : list_items(setting)) {
        std::optional<PlaceSource> source = parse_source(item);
        if (!source || out.size() == most_sources) return invalid_argument("invalid list of places");
        out.push_back(*std::move(source));
    }
    return out;
}

DoorFlaw read_header_place(const PlaceSource& source, std::string_view value, PlaceNames& names) {
    const std::vector<std::string_view> values = split(trim_blanks(value), '/');
    if (!has_form(source.segments, values) || !take_all(source.segments, values, names)) return DoorFlaw::place;
    return two_units(names);
}

DoorFlaw read_path_place(const PlaceSource& source, std::string_view path, PlaceNames& names) {
    const auto segments = path_segments(path.substr(0, path.find_first_of("?#")), source.segments.size());
    if (!segments) return DoorFlaw::path;
    for (std::size_t i = 0; i < std::min(segments->size(), source.segments.size()); ++i) {
        const PlaceSegment& wanted = source.segments[i];
        const std::string& found = (*segments)[i];
        if (wanted.part == PlacePart::literal ? wanted.literal != found : found.empty()) break;
        if (wanted.part != PlacePart::literal && !take(wanted.part, found, names)) return DoorFlaw::path;
    }
    return two_units(names);
}

DoorFlaw read_host_place(const PlaceSource& source, std::string_view host, PlaceNames& names) {
    const std::string name = host_name(trim_blanks(host));
    if (name.empty()) return DoorFlaw::host;
    const std::vector<std::string_view> labels = split(name, '.');
    if (!has_form(source.segments, labels)) return DoorFlaw::none;
    return take_all(source.segments, labels, names) ? two_units(names) : DoorFlaw::host;
}

DoorFlaw read_claim_place(const PlaceSource& source, const JsonValue& claims, PlaceNames& names) {
    const auto claim = claims.find(source.name);
    const auto text = claim ? claim->string() : std::nullopt;
    return text ? read_header_place(source, *text, names) : DoorFlaw::none;
}

}  // namespace bastion
