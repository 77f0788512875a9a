// Signed notes (C2SP signed-note), their keys with Ed25519, checkpoints (C2SP tlog-checkpoint) and the cosignatures of witnesses (C2SP
// tlog-cosignature, type 0x04). Called by the functions of checkpoints and witnesses of the audit log. Views live as long as the
// text that was parsed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit/tree_hash.hpp"
#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t note_most_bytes = 256 * 1024;
inline constexpr std::size_t note_most_signatures = 100;

enum class NoteKeyType : std::uint8_t { ed25519 = 0x01, cosignature_v1 = 0x04 };

using Ed25519Public = std::array<std::uint8_t, 32>;

// The name and the key of a signer; the id is made of both and the type.
struct NoteKey {
    std::string name;
    NoteKeyType type = NoteKeyType::ed25519;
    Ed25519Public key{};

    [[nodiscard]] std::array<std::uint8_t, 4> id() const;
};

// No plus sign, no space and no control character, and not empty.
[[nodiscard]] bool is_note_key_name(std::string_view name);

// A verifier key, <name>+<8 hexadecimal digits of the id>+<base64 of type and key>. Parsing refuses (22P02) other types, and an id that
// is not that of name and key.
[[nodiscard]] std::string verifier_key_text(const NoteKey& key);
[[nodiscard]] Result<NoteKey> parse_verifier_key(std::string_view text);

// One line: — <name> <base64 of id and signature>.
struct NoteSignature {
    std::string_view line;  // without its newline
    std::string_view name;
    std::array<std::uint8_t, 4> id{};
    Bytes signature;
};

// Signature lines alone, each with its newline; malformed_text for anything else.
[[nodiscard]] Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines);

struct Note {
    std::string_view text;  // with its last newline
    std::vector<NoteSignature> signatures;
};
[[nodiscard]] Result<Note> parse_note(std::string_view note);

// Text of a checkpoint: origin, size and root, each on a line. Extension lines are refused: the audit log writes none.
struct Checkpoint {
    std::string_view origin;
    std::uint64_t size = 0;
    TreeHash root{};
};
[[nodiscard]] std::string checkpoint_text(const Checkpoint& checkpoint);
[[nodiscard]] Result<Checkpoint> parse_checkpoint(std::string_view text);

// The line that signs a text, with its newline. `secret` is the seed and the public key, 64 bytes.
[[nodiscard]] Result<std::string> sign_note(std::string_view text, const NoteKey& key, ByteSpan secret);

// A seed and its public key.
struct Ed25519Pair {
    Ed25519Public public_key{};
    SecretBytes secret;  // 64 bytes
};
[[nodiscard]] Ed25519Pair make_ed25519_pair();

// The moment, in seconds since 1970, at which the witness cosigned the text; empty unless the signature is of this key and valid.
[[nodiscard]] std::optional<std::int64_t> cosigned_at(const NoteSignature& signature, std::string_view text,
                                                      const NoteKey& witness);

// One hash in base64 on each line.
[[nodiscard]] std::string hash_lines(std::span<const TreeHash> hashes);

}  // namespace bastion
