// SecretBytes: the only holder of keys, passwords and plaintext in src/core. Move-only, wiped when it dies, compared in
// constant time, never printed. Secrets as small as a key are kept in locked memory that no core dump holds
// (key_memory.hpp). It lives as long as its owner; long-lived keys are in a SecretBytes of a static cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace bastion {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;

// The bytes of a string, without a copy.
inline ByteSpan as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A string over bytes, without a copy.
inline std::string_view as_text(ByteSpan bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The memory of small ones. The heap is for numerous values that are not keys.
enum class SecretPlace { key_memory, heap };

class SecretBytes {
public:
    SecretBytes() noexcept = default;
    explicit SecretBytes(std::size_t size, SecretPlace place = SecretPlace::key_memory);
    explicit SecretBytes(ByteSpan bytes, SecretPlace place = SecretPlace::key_memory);
    SecretBytes(SecretBytes&& other) noexcept;
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes();

    [[nodiscard]] std::uint8_t* data() noexcept { return data_; }
    [[nodiscard]] const std::uint8_t* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] ByteSpan span() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(span()); }

    void wipe() noexcept;

private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    bool in_key_memory_ = false;
};

// Equality in time that depends on the lengths alone (libsodium's).
[[nodiscard]] bool constant_time_equal(ByteSpan left, ByteSpan right) noexcept;

// Overwrites memory that another object owns; never optimised away.
void wipe_memory(void* memory, std::size_t size) noexcept;

// Fills with random bytes from libsodium's generator. The seam through which tests inject randomness.
void random_bytes(std::span<std::uint8_t> out) noexcept;

}  // namespace bastion
