#include "pg/identity/client_throttle.hpp"

#include "pg/base/settings.hpp"

namespace bastion::pg {
namespace {

char* exempt_networks = nullptr;

// Hands each network of a list with commas to `use`; false for a text that is no such list. Phase B.
template <class Use>
bool read_networks(std::string_view list, Use&& use) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string_view item = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        item.remove_prefix(std::min(item.find_first_not_of(' '), item.size()));
        item = item.substr(0, item.find_last_not_of(' ') + 1);
        const std::optional<IpNetwork> network = parse_ip_network(item);
        if (!network) return false;
        use(*network);
    }
    return true;
}

bool is_network_list(char** value, void** /*extra*/, GucSource /*source*/) {
    CallFailure failure;
    bool valid = false;
    const bool read = guarded(failure, [&]() -> Result<void> {
        valid = read_networks(*value, [](const IpNetwork&) {});
        return {};
    });
    if (read && valid) return true;
    GUC_check_errdetail("The value is a list of networks with commas, such as 10.0.0.0/8, fd00::/8.");
    return false;
}

const SettingsTable table([] {
    define(StringSetting{
        .name = "bastion.throttle_exempt_networks",
        .description = "Networks, with commas, whose clients are not counted by address when they log in.",
        .variable = &exempt_networks,
        .boot_value = "",
        .context = PGC_SUSET,
        .check = is_network_list});
});

bool is_loopback(const IpAddress& address) {
    return contains(*parse_ip_network("127.0.0.0/8"), address) || contains(*parse_ip_network("::1/128"), address);
}

bool is_exempt(const ThrottledClient& client) {
    bool exempt = is_loopback(client.address);
    (void)read_networks(client.exempt_networks,
                        [&](const IpNetwork& network) { exempt = exempt || contains(network, client.address); });
    return exempt;
}

std::string network_of(const IpAddress& address, int bits) {
    return format_ip_network(*parse_ip_network(format_ip_address(address) + '/' + std::to_string(bits)));
}

}  // namespace

ThrottledClient throttled_client() {
    require_valid("bastion.throttle_exempt_networks");
    ThrottledClient client{false, {}, exempt_networks};
    client.counts = client_address(client.address);
    return client;
}

Result<void> add_subject(ThrottleSubjects& out, ByteSpan secret, ThrottleKind kind, std::string_view value) {
    const Result<ThrottleSubject> subject = throttle_subject(secret, kind, value);
    if (!subject) return subject.error();
    out.of[out.count++] = *subject;
    return {};
}

Result<void> add_client(ThrottleSubjects& out, ByteSpan secret, const ThrottledClient& client, ThrottleKind kind,
                        std::string_view account) {
    if (!client.counts || is_exempt(client)) return {};
    const std::string network = network_of(client.address, client.address.is_v6 ? 64 : 24);
    if (Result<void> added = add_subject(out, secret, kind, network); !added) return added;
    if (client.address.is_v6 && kind == ThrottleKind::address) {
        Result<void> added = add_subject(out, secret, ThrottleKind::network, network_of(client.address, 48));
        if (!added) return added;
    }
    if (account.empty()) return {};
    return add_subject(out, secret, ThrottleKind::pair, network + ' ' + std::string(account));
}

}  // namespace bastion::pg
