#include "core/base/secret_bytes.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "core/base/key_memory.hpp"

namespace bastion {

SecretBytes::SecretBytes(std::size_t size, SecretPlace place) : size_(size) {
    if (size == 0) return;
    if (place == SecretPlace::key_memory) data_ = static_cast<std::uint8_t*>(allocate_key_memory(size));
    in_key_memory_ = data_ != nullptr;
    if (!in_key_memory_) data_ = std::make_unique<std::uint8_t[]>(size).release();
}

SecretBytes::SecretBytes(ByteSpan bytes, SecretPlace place) : SecretBytes(bytes.size(), place) {
    std::copy(bytes.begin(), bytes.end(), data_);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      in_key_memory_(other.in_key_memory_) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        wipe();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        in_key_memory_ = other.in_key_memory_;
    }
    return *this;
}

SecretBytes::~SecretBytes() { wipe(); }

void SecretBytes::wipe() noexcept {
    if (data_ != nullptr) {
        sodium_memzero(data_, size_);
        if (in_key_memory_)
            release_key_memory(data_, size_);
        else
            std::default_delete<std::uint8_t[]>()(data_);
    }
    data_ = nullptr;
    size_ = 0;
}

// libsodium compares the sizes of hashes with vector instructions, and others byte by byte.
bool constant_time_equal(ByteSpan left, ByteSpan right) noexcept {
    if (left.size() != right.size()) return false;
    switch (left.size()) {
        case 0: return true;
        case crypto_verify_16_BYTES: return crypto_verify_16(left.data(), right.data()) == 0;
        case crypto_verify_32_BYTES: return crypto_verify_32(left.data(), right.data()) == 0;
        case crypto_verify_64_BYTES: return crypto_verify_64(left.data(), right.data()) == 0;
        default: return sodium_memcmp(left.data(), right.data(), left.size()) == 0;
    }
}

void wipe_memory(void* memory, std::size_t size) noexcept {
    if (size > 0) sodium_memzero(memory, size);
}

void random_bytes(std::span<std::uint8_t> out) noexcept {
    if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace bastion
