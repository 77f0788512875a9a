// Entries of the log of changes: any bytes are taken. What is read is written to the same bytes, its views are of the bytes, and its
// JSON is JSON.
#include <cstdint>
#include <cstdlib>

#include "core/audit/entry.hpp"

namespace {

bool is_inside(bastion::ByteSpan part, bastion::ByteSpan whole) {
    return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bastion::ByteSpan bytes(data, size);
    const auto read = bastion::read_entry(bytes);
    if (!read) return 0;
    for (const bastion::EntryColumn& column : read->entry.columns)
        if (!is_inside(column.value.bytes, bytes) || !is_inside(bastion::as_bytes(column.name), bytes)) std::abort();
    const auto again = bastion::encode_entry(read->entry);
    if (!again || bastion::as_text(bytes) != *again) std::abort();
    const std::string json = bastion::entry_json(read->entry);
    if (json.front() != '{' || json.back() != '}') std::abort();
    if (bastion::read_entry(bytes.first(size - 1))) std::abort();
    return 0;
}
