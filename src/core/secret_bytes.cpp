#include "core/secret_bytes.hpp"

#include <sodium.h>

#include <algorithm>
#include <utility>

namespace bastion {

SecretBytes::SecretBytes(std::size_t size) : data_(std::make_unique<std::uint8_t[]>(size)), size_(size) {}

SecretBytes::SecretBytes(ByteSpan bytes) : SecretBytes(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_.get());
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        wipe();
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

SecretBytes::~SecretBytes() { wipe(); }

void SecretBytes::wipe() noexcept {
    if (data_) {
        sodium_memzero(data_.get(), size_);
        data_.reset();
    }
    size_ = 0;
}

bool constant_time_equal(ByteSpan left, ByteSpan right) noexcept {
    return left.size() == right.size() && (left.empty() || sodium_memcmp(left.data(), right.data(), left.size()) == 0);
}

void wipe_memory(void* memory, std::size_t size) noexcept {
    if (size > 0) sodium_memzero(memory, size);
}

void random_bytes(std::span<std::uint8_t> out) noexcept {
    if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace bastion
