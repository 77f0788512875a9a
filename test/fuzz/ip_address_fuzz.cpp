// Addresses, networks and X-Forwarded-For: any text; what parses is written in one way, which parses to the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/ip_address.hpp"
#include "core/base/secret_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = bastion::as_text({data, size});
    if (const auto address = bastion::parse_ip_address(text)) {
        if (bastion::parse_ip_address(bastion::format_ip_address(*address)) != address) std::abort();
        const auto own = bastion::parse_ip_network(text);
        if (!own || !bastion::contains(*own, *address)) std::abort();
    }
    if (const auto network = bastion::parse_ip_network(text)) {
        if (bastion::parse_ip_network(bastion::format_ip_network(*network)) != network) std::abort();
        if (!bastion::contains(*network, network->address)) std::abort();
    }
    for (std::size_t hops = 0; hops < 4; ++hops) {
        const auto address = bastion::forwarded_address(text, hops);
        if (address && bastion::parse_ip_address(bastion::format_ip_address(*address)) != address) std::abort();
    }
    return 0;
}
