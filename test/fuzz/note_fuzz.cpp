// Signed notes, checkpoints, verifier keys and paths of tiles: any bytes are taken. What parses is written again as it was read, and no
// signature that was not made is one.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/audit/note.hpp"
#include "core/audit/tile.hpp"

namespace {

void check_note(std::string_view text) {
    const auto note = bastion::parse_note(text);
    if (!note) return;
    std::string again = std::string(note->text) + '\n';
    for (const bastion::NoteSignature& signature : note->signatures) {
        again += std::string(signature.line) + '\n';
        if (!bastion::is_note_key_name(signature.name) || signature.signature.empty()) std::abort();
        bastion::NoteKey key{std::string(signature.name), bastion::NoteKeyType::cosignature_v1, {}};
        if (bastion::cosigned_at(signature, note->text, key)) std::abort();
    }
    if (again != text) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_note(text);
    if (const auto checkpoint = bastion::parse_checkpoint(text))
        if (bastion::checkpoint_text(*checkpoint) != text) std::abort();
    if (const auto key = bastion::parse_verifier_key(text)) {
        const auto again = bastion::parse_verifier_key(bastion::verifier_key_text(*key));
        if (!again || again->name != key->name || again->key != key->key) std::abort();
    }
    if (const auto path = bastion::parse_tile_path(text))
        if (path->width == 0 || path->width > bastion::tile_width || path->level > 63) std::abort();
    return 0;
}
