// Fuzzes the sealed envelope. The first byte chooses: 0, the rest is taken for a sealed value, which must not open;
// else the rest is a plaintext, sealed and opened again, with one bit changed at a place that the input names.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/key/sealed.hpp"

namespace {

using bastion::Bytes;
using bastion::ByteSpan;

void require(bool holds) {
    if (!holds) std::abort();
}

bastion::SealingKey& key() {
    static bastion::SealingKey made =
        bastion::SealingKey::create(bastion::SecretBytes(Bytes(bastion::data_key_bytes, 0x5A))).value();
    return made;
}

bool refused(const bastion::Result<bastion::SecretBytes>& opened) {
    return !opened.ok() && opened.error().code == bastion::ErrorCode::sealed_invalid;
}

void fuzz_round_trip(ByteSpan input) {
    const std::size_t place = input[0] * 256U + input[1];
    const ByteSpan plaintext = input.subspan(2);
    Bytes sealed = key().seal(plaintext, 7, "aad").value();
    const auto opened = key().open(sealed, "aad");
    require(opened.ok() && std::ranges::equal(opened->span(), plaintext));
    require(refused(key().open(sealed, "other")));
    sealed[place / 8 % sealed.size()] ^= static_cast<std::uint8_t>(1U << place % 8);
    require(refused(key().open(sealed, "aad")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteSpan input(data, size);
    if (size == 0) return 0;
    if (input[0] != 0) {
        if (size >= 3) fuzz_round_trip(input.subspan(1));
        return 0;
    }
    const ByteSpan sealed = input.subspan(1);
    const auto header = bastion::parse_sealed_header(sealed);
    require(header.ok() || header.error().code == bastion::ErrorCode::sealed_invalid);
    require(refused(key().open(sealed, "aad")));
    return 0;
}
