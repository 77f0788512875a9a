// The root key: the one secret that lives outside the database. root key -> HKDF with the vault's uuid -> key
// encryption key -> one random data key per (tenant, purpose, version), stored wrapped. Called lazily by src/pg when it
// needs a key, and by bastion.init(). A RootKey lives as long as the backend's cache keeps it.
//
// The file holds one line, the newline at its end may be missing:
//   pg_bastion root key 1 <64 hexadecimal digits>
// Its rule is that of ssl_key_file: a regular file, owned by the server's user without access for group or others, or
// owned by root and at most 0640. Symbolic links are followed. It must not lie inside the data directory, because every
// base backup would include it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"

namespace bastion {

inline constexpr std::size_t root_key_bytes = 32;

struct RootKey {
    SecretBytes key;
    std::string id;  // 16 hexadecimal digits of SHA-256("pg_bastion/root/1" || key); not a secret
};

// The key with its id; invalid_argument unless it has 32 bytes.
Result<RootKey> make_root_key(SecretBytes key);

struct RootKeyPlaces {
    std::string data_directory;
    std::string credentials_directory;  // systemd's $CREDENTIALS_DIRECTORY; empty where there is none
};

// The line without its newline, and the key that it holds; empty for any other content.
inline constexpr std::size_t root_key_line_bytes = 22 + 2 * root_key_bytes;
std::optional<SecretBytes> parse_root_key_line(ByteSpan content);

// The sources in bastion.root_key, separated by commas, so a command cannot contain one: the first wraps, all unwrap.
std::vector<std::string_view> root_key_sources(std::string_view setting);

// The file of a source: 'auto' is `<data directory>.bastion-root-key`, 'file:/path' that path, 'credential:name' a file that
// systemd provides (root_key_missing when it provides none). Anything else, a relative path included, is invalid_argument;
// 'command:' has no file (root_key_command.hpp).
Result<std::string> root_key_path(std::string_view source, const RootKeyPlaces& places);

// Errors: root_key_missing when the file is missing or must not be used (the message names the reason, log_detail the path,
// because any client may cause a load), io_failure when the operating system refuses to read it.
Result<RootKey> load_root_key_file(const std::string& path, const std::string& data_directory);

// Writes a new random key and makes it durable. invalid_argument for an existing file, a relative path, a parent that is
// not writable, on another device than the data directory, or inside it; io_failure when the operating system refuses, also
// for a missing parent. A failure leaves no file behind. Messages name the path: the caller is the superuser.
Result<RootKey> create_root_key_file(const std::string& path, const std::string& data_directory);

// The key encryption key of one vault; `vault` is its uuid, 16 bytes.
Result<SecretBytes> derive_kek(const RootKey& root, ByteSpan vault);

// The use of a data key; a wrapped key opens under its own label only.
struct DataKeyLabel {
    std::string_view tenant;  // uuid, 16 bytes, or empty for the installation's own
    std::string_view purpose;
    std::uint32_t version = 1;
    std::uint32_t key_id = 0;
};

SecretBytes generate_data_key();
Result<Bytes> wrap_data_key(const SecretBytes& dek, const SecretBytes& kek, const DataKeyLabel& label);
// sealed_invalid when the key encryption key or the label is another, or the bytes were changed.
Result<SecretBytes> unwrap_data_key(ByteSpan wrapped, const SecretBytes& kek, const DataKeyLabel& label);

}  // namespace bastion
