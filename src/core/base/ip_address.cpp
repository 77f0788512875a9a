#include "core/base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace bastion {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t longest_text = 45;
constexpr std::uint8_t mapped_bits = 96;

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// 0 to 999 without leading zeros.
std::optional<unsigned> parse_small_number(std::string_view text) noexcept {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

bool is_port(std::string_view text) noexcept {
    return !text.empty() && text.size() <= 5 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// [v6], [v6]:port, v4:port, or the address alone.
std::optional<IpAddress> parse_with_port(std::string_view text) {
    if (!text.empty() && text.front() == '[') {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
        const std::string_view inside = text.substr(1, end - 1);
        return inside.find(':') != std::string_view::npos ? parse_ip_address(inside) : std::nullopt;
    }
    const std::size_t colon = text.find(':');
    const bool one_colon = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    if (!one_colon) return parse_ip_address(text);
    return is_port(text.substr(colon + 1)) ? parse_ip_address(text.substr(0, colon)) : std::nullopt;
}

void clear_after(IpAddress& address, std::size_t bits) noexcept {
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        const std::size_t kept = bits > i * 8 ? std::min<std::size_t>(8, bits - i * 8) : 0;
        address.bytes[i] &= static_cast<std::uint8_t>(0xFF00u >> kept);
    }
}

std::uint8_t width(const IpAddress& address) noexcept { return address.is_v6 ? 128 : 32; }

bool is_mapped(const IpAddress& address) noexcept {
    return address.is_v6 && std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.bytes.begin());
}

IpAddress unmapped(const IpAddress& address) noexcept {
    IpAddress out;
    std::copy_n(address.bytes.begin() + mapped_prefix.size(), 4, out.bytes.begin());
    return out;
}

// As written, mapped addresses too.
std::optional<IpAddress> parse_as_written(std::string_view text) {
    if (text.empty() || text.size() > longest_text) return std::nullopt;
    char copy[longest_text + 1];
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    IpAddress address;
    address.is_v6 = text.find(':') != std::string_view::npos;
    const int parsed = inet_pton(address.is_v6 ? AF_INET6 : AF_INET, copy, address.bytes.data());
    return parsed == 1 && std::strlen(copy) == text.size() ? std::optional(address) : std::nullopt;
}

}  // namespace

std::optional<IpAddress> parse_ip_address(std::string_view text) {
    const std::optional<IpAddress> address = parse_as_written(text);
    return address && is_mapped(*address) ? unmapped(*address) : address;
}

std::optional<IpAddress> ip_address_of(const std::uint8_t* bytes, std::size_t size) noexcept {
    if (size != 4 && size != 16) return std::nullopt;
    IpAddress address;
    address.is_v6 = size == 16;
    std::copy_n(bytes, size, address.bytes.begin());
    return is_mapped(address) ? unmapped(address) : address;
}

std::optional<IpNetwork> parse_ip_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    std::optional<IpAddress> address = parse_as_written(text.substr(0, slash));
    if (!address) return std::nullopt;
    IpNetwork network{*address, width(*address)};
    if (slash != std::string_view::npos) {
        const std::optional<unsigned> bits = parse_small_number(text.substr(slash + 1));
        if (!bits || *bits > network.bits) return std::nullopt;
        network.bits = static_cast<std::uint8_t>(*bits);
    }
    if (is_mapped(network.address) && network.bits >= mapped_bits) {
        network.address = unmapped(network.address);
        network.bits = static_cast<std::uint8_t>(network.bits - mapped_bits);
    }
    clear_after(network.address, network.bits);
    return network;
}

bool contains(const IpNetwork& network, const IpAddress& address) noexcept {
    if (network.address.is_v6 != address.is_v6) return false;
    IpAddress masked = address;
    clear_after(masked, network.bits);
    return masked == network.address;
}

std::string format_ip_address(const IpAddress& address) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.is_v6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof text);
    return text;
}

std::string format_ip_network(const IpNetwork& network) {
    return format_ip_address(network.address) + "/" + std::to_string(network.bits);
}

std::optional<IpAddress> forwarded_address(std::string_view header, std::size_t hops) {
    if (hops == 0) return std::nullopt;
    for (;;) {
        const std::size_t comma = header.rfind(',');
        const std::string_view last = comma == std::string_view::npos ? header : header.substr(comma + 1);
        if (--hops == 0) return parse_with_port(trim(last));
        if (comma == std::string_view::npos) return std::nullopt;
        header = header.substr(0, comma);
    }
}

}  // namespace bastion
