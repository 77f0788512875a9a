// Requests of front doors: any headers, cookies, path and method. What is read is a token or a name of the allowed characters, a flaw
// has neither, and a path that names a tenant has no segment that climbs.
#include <cstdint>
#include <cstdlib>

#include "core/base/secret_bytes.hpp"
#include "core/door/door_request.hpp"

namespace {

const bastion::DoorRules& rules() {
    static const bastion::DoorRules made =
        *bastion::parse_door_rules("bearer, header:x-api-key, cookie:session",
                                   "header:x-organization, path:/organizations/{tenant}/projects/{unit}, "
                                   "host:{tenant}.example.com",
                                   "/rpc/login");
    return made;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 63 &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == text.npos;
}

void check(const bastion::DoorRequest& request) {
    if (request.flaw != bastion::DoorFlaw::none && !request.token.empty()) std::abort();
    if (request.token.find_first_of(" ,;\"'\\\n") != std::string::npos) std::abort();
    if (request.flaw != bastion::DoorFlaw::none) return;
    for (const std::string& name : request.places.tenants)
        if (!is_name(name)) std::abort();
    for (const std::string& name : request.places.units)
        if (!is_name(name)) std::abort();
    if (request.places.units.size() > 1) std::abort();
}

}  // namespace

// Lines: headers, cookies, path, method.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<std::string_view> lines = bastion::split(bastion::as_text({data, size}), '\n');
    const auto line = [&](std::size_t i) { return i < lines.size() ? lines[i] : std::string_view(); };
    for (const bool behind_proxy : {false, true}) {
        const bastion::RequestTexts texts{line(0), line(1), line(2), line(3), behind_proxy};
        const bastion::DoorRequest request = bastion::read_request(rules(), texts);
        check(request);
        const bool named_by_path = !behind_proxy && line(0).empty() && !request.places.tenants.empty();
        if (named_by_path && request.flaw == bastion::DoorFlaw::none &&
            line(2).find("/../") < line(2).find_first_of("?#"))
            std::abort();
    }
    // Settings take any text.
    (void)bastion::parse_door_rules(line(0), line(1), line(2)).ok();
    return 0;
}
