// Addresses and networks of the Internet Protocol, for the networks of API keys, and for the client's address in the
// X-Forwarded-For header of an HTTP front door. An IPv4 address mapped into IPv6 (RFC 4291 section 2.5.5.2) is the IPv4
// address, whichever way it is written. Called by src/pg. Nothing here keeps state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bastion {

struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};  // the first 4 for IPv4, the others zero
    bool is_v6 = false;

    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

struct IpNetwork {
    IpAddress address;  // bits after the prefix are zero
    std::uint8_t bits = 0;

    friend bool operator==(const IpNetwork&, const IpNetwork&) = default;
};

// Dotted decimal without leading zeros, or RFC 4291 section 2.2; no zone, port or white space.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(std::string_view text);

// From the bytes of a socket's address: 4 or 16 of them.
[[nodiscard]] std::optional<IpAddress> ip_address_of(const std::uint8_t* bytes, std::size_t size) noexcept;

// An address, alone or with `/` and the length of a prefix; bits after the prefix are cleared.
[[nodiscard]] std::optional<IpNetwork> parse_ip_network(std::string_view text);

[[nodiscard]] bool contains(const IpNetwork& network, const IpAddress& address) noexcept;

[[nodiscard]] std::string format_ip_address(const IpAddress& address);
[[nodiscard]] std::string format_ip_network(const IpNetwork& network);

// The address that the outermost of `hops` trusted proxies saw: each of them appends the address of its client to
// X-Forwarded-For, so it is the one `hops` places from the end. Empty if that place holds no address (with or without
// port), or if the header has fewer places: those further left are the client's own claim.
[[nodiscard]] std::optional<IpAddress> forwarded_address(std::string_view header, std::size_t hops);

}  // namespace bastion
