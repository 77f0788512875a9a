#include "core/audit/note.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>

#include "core/audit/tile.hpp"
#include "core/base/encoding.hpp"

namespace bastion {
namespace {

constexpr std::string_view signature_prefix = "\u2014 ";
constexpr std::size_t id_bytes = 4;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t name_most_bytes = 1000;

Error malformed(std::string_view message) { return {ErrorCode::malformed_text, message}; }

// signed-note: valid UTF-8 is checked where text enters; control characters and the spaces of Unicode are refused here.
constexpr std::string_view spaces[] = {" ",      "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
                                       "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
                                       "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; });
}

// The next line without its newline; empty at the end, and for a last line without a newline.
std::optional<std::string_view> take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

Result<NoteSignature> parse_signature(std::string_view line) {
    NoteSignature out;
    out.line = line;
    std::string_view rest = line;
    if (rest.substr(0, signature_prefix.size()) != signature_prefix) return malformed("invalid signature of a note");
    rest.remove_prefix(signature_prefix.size());
    const std::size_t space = rest.find(' ');
    out.name = rest.substr(0, space);
    if (space == std::string_view::npos || !is_note_key_name(out.name)) return malformed("invalid signature of a note");
    Result<Bytes> bytes = base64_decode(rest.substr(space + 1));
    if (!bytes || bytes->size() <= id_bytes) return malformed("invalid signature of a note");
    std::copy_n(bytes->begin(), id_bytes, out.id.begin());
    out.signature.assign(bytes->begin() + id_bytes, bytes->end());
    return out;
}

// A decimal without leading zeros.
std::optional<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || end != text.data() + text.size() || text.empty() || size > most_leaves) return {};
    if (text.size() > 1 && text.front() == '0') return {};
    return size;
}

}  // namespace

std::array<std::uint8_t, 4> NoteKey::id() const {
    // signed-note: SHA-256(name ‖ 0x0A ‖ type ‖ public key)[:4]
    std::string input = name + '\n' + static_cast<char>(type);
    input += as_text(key);
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest;
    crypto_hash_sha256(digest.data(), as_bytes(input).data(), input.size());
    std::array<std::uint8_t, 4> out;
    std::copy_n(digest.begin(), id_bytes, out.begin());
    return out;
}

bool is_note_key_name(std::string_view name) {
    if (name.empty() || name.size() > name_most_bytes || name.find_first_of("+\n\x7f") != std::string_view::npos)
        return false;
    return !has_control(name) && std::none_of(std::begin(spaces), std::end(spaces), [&](std::string_view space) {
        return name.find(space) != std::string_view::npos;
    });
}

std::string verifier_key_text(const NoteKey& key) {
    std::string material(1, static_cast<char>(key.type));
    material += as_text(key.key);
    return key.name + '+' + hex_encode(key.id()) + '+' + base64_encode(as_bytes(material));
}

Result<NoteKey> parse_verifier_key(std::string_view text) {
    const auto refused = [] { return malformed("invalid verifier key"); };
    // base64 has a plus sign, too; a name has none.
    const std::size_t first = text.find('+');
    const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
    if (second == std::string_view::npos || second - first != 2 * id_bytes + 1) return refused();
    NoteKey out;
    out.name = text.substr(0, first);
    const Result<Bytes> id = hex_decode(text.substr(first + 1, 2 * id_bytes));
    const Result<Bytes> material = base64_decode(text.substr(second + 1));
    if (!is_note_key_name(out.name) || !id || !material || material->size() != 1 + out.key.size()) return refused();
    out.type = static_cast<NoteKeyType>(material->front());
    if (out.type != NoteKeyType::ed25519 && out.type != NoteKeyType::cosignature_v1) return refused();
    std::copy(material->begin() + 1, material->end(), out.key.begin());
    const auto expected = out.id();
    if (!std::equal(expected.begin(), expected.end(), id->begin())) return refused();
    return out;
}

Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines) {
    if (lines.size() > note_most_bytes) return Error{ErrorCode::limit_exceeded, "the note is too long"};
    std::vector<NoteSignature> out;
    while (!lines.empty()) {
        const auto line = take_line(lines);
        if (!line) return malformed("the signature of a note has no newline");
        if (out.size() == note_most_signatures)
            return Error{ErrorCode::limit_exceeded, "the note has too many signatures"};
        Result<NoteSignature> signature = parse_signature(*line);
        if (!signature) return signature.error();
        out.push_back(std::move(*signature));
    }
    if (out.empty()) return malformed("the note has no signature");
    return out;
}

Result<Note> parse_note(std::string_view note) {
    if (note.size() > note_most_bytes) return Error{ErrorCode::limit_exceeded, "the note is too long"};
    // The text ends before the last empty line.
    const std::size_t blank = note.rfind("\n\n");
    if (blank == std::string_view::npos || has_control(note)) return malformed("invalid note");
    Result<std::vector<NoteSignature>> signatures = parse_signatures(note.substr(blank + 2));
    if (!signatures) return signatures.error();
    return Note{note.substr(0, blank + 1), std::move(*signatures)};
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
    return std::string(checkpoint.origin) + '\n' + std::to_string(checkpoint.size) + '\n' +
           base64_encode(checkpoint.root) + '\n';
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
    Checkpoint out;
    const auto origin = take_line(text);
    const auto size = take_line(text);
    const auto root = take_line(text);
    if (!origin || origin->empty() || !size || !root || !text.empty()) return malformed("invalid checkpoint");
    out.origin = *origin;
    const auto number = parse_size(*size);
    const Result<Bytes> hash = base64_decode(*root);
    if (!number || !hash || hash->size() != out.root.size()) return malformed("invalid checkpoint");
    out.size = *number;
    std::copy(hash->begin(), hash->end(), out.root.begin());
    return out;
}

Result<std::string> sign_note(std::string_view text, const NoteKey& key, ByteSpan secret) {
    if (secret.size() != crypto_sign_SECRETKEYBYTES || !is_note_key_name(key.name))
        return Error{ErrorCode::internal, "invalid key of a note"};
    const auto id = key.id();
    std::array<std::uint8_t, id_bytes + crypto_sign_BYTES> signature;
    std::copy(id.begin(), id.end(), signature.begin());
    crypto_sign_detached(signature.data() + id_bytes, nullptr, as_bytes(text).data(), text.size(), secret.data());
    return std::string(signature_prefix) + key.name + ' ' + base64_encode(signature) + '\n';
}

Ed25519Pair make_ed25519_pair() {
    Ed25519Pair out;
    SecretBytes seed(crypto_sign_SEEDBYTES);
    random_bytes({seed.data(), seed.size()});
    out.secret = SecretBytes(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(out.public_key.data(), out.secret.data(), seed.data());
    return out;
}

std::optional<std::int64_t> cosigned_at(const NoteSignature& signature, std::string_view text, const NoteKey& witness) {
    if (witness.type != NoteKeyType::cosignature_v1 || signature.name != witness.name || signature.id != witness.id() ||
        signature.signature.size() != time_bytes + crypto_sign_BYTES)
        return {};
    std::uint64_t seconds = 0;
    for (std::size_t i = 0; i < time_bytes; ++i) seconds = seconds << 8 | signature.signature[i];
    // tlog-cosignature: a time of at most 2^63 - 1.
    if (seconds > INT64_MAX) return {};
    const std::string message = "cosignature/v1\ntime " + std::to_string(seconds) + '\n' + std::string(text);
    if (crypto_sign_verify_detached(signature.signature.data() + time_bytes, as_bytes(message).data(), message.size(),
                                    witness.key.data()) != 0)
        return {};
    return static_cast<std::int64_t>(seconds);
}

std::string hash_lines(std::span<const TreeHash> hashes) {
    std::string out;
    for (const TreeHash& hash : hashes) {
        out += base64_encode(hash);
        out += '\n';
    }
    return out;
}

}  // namespace bastion
