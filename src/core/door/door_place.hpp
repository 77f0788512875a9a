// The tenant and unit that a request names: in a header, the path, the host name or a claim, by the setting
// bastion.tenant_from. Names are read here and looked up elsewhere; a name that is read is a claim of the client, and counts
// only where the user is a member. Nothing here keeps state.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/json.hpp"
#include "core/door/door_text.hpp"

namespace bastion {

enum class PlaceOrigin : std::uint8_t { claim, header, path, host };

enum class PlacePart : std::uint8_t { literal, tenant, unit };

struct PlaceSegment {
    PlacePart part;
    std::string literal;

    friend bool operator==(const PlaceSegment&, const PlaceSegment&) = default;
};

struct PlaceSource {
    PlaceOrigin origin;
    std::string name;                    // of the header or claim; empty for the tenant of the token itself
    std::vector<PlaceSegment> segments;  // between slashes, in a host between dots

    friend bool operator==(const PlaceSource&, const PlaceSource&) = default;
};

// "header:x-organization, header:x-project={unit}, path:/organizations/{tenant}/projects/{unit}, host:{tenant}.example.com,
// claim, claim:org". Error: invalid_argument.
[[nodiscard]] Result<std::vector<PlaceSource>> parse_place_sources(std::string_view setting);

// Different names that were read: more than one unit is a flaw, and several tenants are one only if all name the same.
struct PlaceNames {
    std::vector<std::string> tenants;
    std::vector<std::string> units;
};

// The value of a header, exactly in the form of the segments.
[[nodiscard]] DoorFlaw read_header_place(const PlaceSource& source, std::string_view value, PlaceNames& names);

// The path of a URL, with or without query, not decoded. It names what stands before the first segment that differs from the
// template. A path whose beginning depends on the program that reads it is a flaw: dot segments, encoded slashes, empty
// segments.
[[nodiscard]] DoorFlaw read_path_place(const PlaceSource& source, std::string_view path, PlaceNames& names);

// A host name with or without port, in any case. One that differs from the template names nothing.
[[nodiscard]] DoorFlaw read_host_place(const PlaceSource& source, std::string_view host, PlaceNames& names);

// A claim of the verified token; a claim that is missing or no text names nothing.
[[nodiscard]] DoorFlaw read_claim_place(const PlaceSource& source, const JsonValue& claims, PlaceNames& names);

}  // namespace bastion
