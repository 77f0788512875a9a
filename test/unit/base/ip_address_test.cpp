// Addresses, networks and X-Forwarded-For.
#include "core/base/ip_address.hpp"

#include <gtest/gtest.h>

#include "unit/base/words.hpp"

namespace bastion {
namespace {

using bastion::test::words;

std::string network(std::string_view text) {
    const auto parsed = parse_ip_network(text);
    return parsed ? format_ip_network(*parsed) : "refused";
}

std::string address(std::string_view text) {
    const auto parsed = parse_ip_address(text);
    return parsed ? format_ip_address(*parsed) : "refused";
}

std::string forwarded(std::string_view header, std::size_t hops) {
    const auto parsed = forwarded_address(header, hops);
    return parsed ? format_ip_address(*parsed) : "unknown";
}

bool within(std::string_view net, std::string_view ip) {
    return contains(*parse_ip_network(net), *parse_ip_address(ip));
}

TEST(IpAddress, MappedAddressesAreIpv4) {
    EXPECT_EQ(address("10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(address("::ffff:10.0.0.1"), "10.0.0.1");
    EXPECT_EQ(address("::FFFF:a00:1"), "10.0.0.1");
    EXPECT_EQ(address("2001:DB8::1"), "2001:db8::1");
    EXPECT_EQ(address("::10.0.0.1"), "::10.0.0.1");
    const std::uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1};
    EXPECT_EQ(*ip_address_of(mapped, 16), *parse_ip_address("10.0.0.1"));
    EXPECT_EQ(*ip_address_of(mapped + 12, 4), *parse_ip_address("10.0.0.1"));
    EXPECT_FALSE(ip_address_of(mapped, 5));
}

TEST(IpAddress, TakesNoOtherForm) {
    for (const char* text :
         {"", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "0x7f.1.1.1", "1.2.3.4:80",
          ":::", "1::2::3", "fe80::1%eth0", "[::1]", "g::1", "1.2.3.4/32"}) {
        SCOPED_TRACE(words(text));
        EXPECT_EQ(address(text), "refused");
    }
    EXPECT_EQ(address(std::string("1.2.3.4\0", 8)), "refused");
    EXPECT_EQ(address(std::string(1000, ':')), "refused");
}

TEST(IpNetwork, ClearsWhatIsAfterThePrefix) {
    EXPECT_EQ(network("10.1.2.3"), "10.1.2.3/32");
    EXPECT_EQ(network("10.1.2.3/8"), "10.0.0.0/8");
    EXPECT_EQ(network("10.1.2.3/0"), "0.0.0.0/0");
    EXPECT_EQ(network("2001:db8:ffff::/33"), "2001:db8:8000::/33");
    EXPECT_EQ(network("::ffff:10.1.2.3/104"), "10.0.0.0/8");
    EXPECT_EQ(network("::ffff:0:0/96"), "0.0.0.0/0");
    EXPECT_EQ(network("::ffff:10.1.2.3"), "10.1.2.3/32");
    for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8",
                             "::/129", "10.0.0.0/8 "}) {
        SCOPED_TRACE(words(text));
        EXPECT_EQ(network(text), "refused");
    }
}

TEST(IpNetwork, ContainsItsOwn) {
    EXPECT_TRUE(within("10.0.0.0/8", "10.255.255.255"));
    EXPECT_TRUE(within("10.0.0.0/8", "::ffff:10.1.1.1"));
    EXPECT_TRUE(within("::ffff:10.0.0.0/104", "10.1.1.1"));
    EXPECT_FALSE(within("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(within("10.0.0.0/31", "10.0.0.1"));
    EXPECT_FALSE(within("10.0.0.0/31", "10.0.0.2"));
    EXPECT_TRUE(within("0.0.0.0/0", "255.255.255.255"));
    EXPECT_FALSE(within("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(within("2001:db8::/32", "2001:db8:1::1"));
    // the whole of IPv6 does not hold IPv4, not even mapped
    EXPECT_FALSE(within("::/0", "::ffff:10.0.0.1"));
}

TEST(ForwardedAddress, CountsTrustedHopsFromTheEnd) {
    EXPECT_EQ(forwarded("203.0.113.7", 1), "203.0.113.7");
    EXPECT_EQ(forwarded("1.1.1.1, 203.0.113.7", 1), "203.0.113.7");
    EXPECT_EQ(forwarded("1.1.1.1, 203.0.113.7, 10.0.0.1", 2), "203.0.113.7");
    EXPECT_EQ(forwarded("203.0.113.7,10.0.0.1", 3), "unknown");
    EXPECT_EQ(forwarded("203.0.113.7", 0), "unknown");
    EXPECT_EQ(forwarded("", 1), "unknown");
    EXPECT_EQ(forwarded("203.0.113.7, ", 1), "unknown");
    EXPECT_EQ(forwarded("203.0.113.7, unknown", 1), "unknown");
    EXPECT_EQ(forwarded(" 203.0.113.7:4711 ", 1), "203.0.113.7");
    EXPECT_EQ(forwarded("[2001:db8::1]:4711", 1), "2001:db8::1");
    EXPECT_EQ(forwarded("[2001:db8::1]", 1), "2001:db8::1");
    EXPECT_EQ(forwarded("2001:db8::1", 1), "2001:db8::1");
    for (const char* text :
         {"[203.0.113.7]", "[2001:db8::1", "[2001:db8::1]x", "203.0.113.7:", "203.0.113.7:123456", "[::1]:"}) {
        SCOPED_TRACE(words(text));
        EXPECT_EQ(forwarded(text, 1), "unknown");
    }
}

}  // namespace
}  // namespace bastion
