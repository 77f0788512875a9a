// CBOR of authenticators, and what is parsed from it: any bytes are taken. A value views the bytes that it was read from and
// nothing else, and its levels and members are within their limits; a public key that parses verifies no empty signature.
#include <cstdint>
#include <cstdlib>

#include "core/mfa/authenticator_data.hpp"
#include "core/mfa/cbor.hpp"
#include "core/mfa/cose_key.hpp"

namespace {

void check_value(const bastion::CborValue& value, bastion::ByteSpan from, int level) {
    if (level > bastion::cbor_most_levels) std::abort();
    const auto* const begin = value.content.data();
    if (!value.content.empty() && (begin < from.data() || begin + value.content.size() > from.data() + from.size()))
        std::abort();
    if (value.elements.size() > from.size() || value.members.size() > from.size()) std::abort();
    for (const bastion::CborValue& element : value.elements) check_value(element, from, level + 1);
    for (const bastion::CborMember& member : value.members) {
        check_value(member.value, from, level + 1);
        const bool found = member.key.type == bastion::CborType::text
                               ? value.find(bastion::as_text(member.key.content)) == &member.value
                               : value.find(member.key.number) == &member.value;
        if (!found) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bastion::ByteSpan bytes(data, size);
    if (const auto read = bastion::read_cbor(bytes)) {
        if (read->size == 0 || read->size > size) std::abort();
        check_value(read->value, bytes, 0);
        // What follows a value changes nothing.
        const auto alone = bastion::read_cbor(bytes.first(read->size));
        if (!alone || alone->size != read->size || bastion::read_cbor(bytes.first(read->size - 1))) std::abort();
    }
    if (const auto key = bastion::parse_cose_key(bytes)) {
        const auto valid = bastion::cose_verify(*key, "x", {});
        if (!valid || *valid) std::abort();
    }
    if (const auto parsed = bastion::parse_authenticator_data(bytes))
        if (parsed->credential && parsed->credential->id.empty()) std::abort();
    return 0;
}
