// Hashes through OpenSSL's structs, deprecated since 3.0 in favour of EVP: a struct is copied for each message, and may lie in
// locked memory. EVP allocates a context for each copy, which doubles the time of an HMAC of a short message, a fifth of
// what opening a sealed value takes.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "core/base/hmac.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

namespace bastion {
namespace {

template <class State_, std::size_t block_, std::size_t size_, int (*init_)(State_*),
          int (*update_)(State_*, const void*, std::size_t), int (*final_)(unsigned char*, State_*)>
struct Hash {
    using State = State_;
    static constexpr std::size_t block = block_;
    static constexpr std::size_t size = size_;

    static bool init(State& state) { return init_(&state) == 1; }
    static bool update(State& state, ByteSpan bytes) { return update_(&state, bytes.data(), bytes.size()) == 1; }
    static bool finish(State& state, std::uint8_t* out) { return final_(out, &state) == 1; }
};

using Sha1 = Hash<SHA_CTX, 64, 20, SHA1_Init, SHA1_Update, SHA1_Final>;
using Sha256 = Hash<SHA256_CTX, 64, 32, SHA256_Init, SHA256_Update, SHA256_Final>;
using Sha384 = Hash<SHA512_CTX, 128, 48, SHA384_Init, SHA384_Update, SHA384_Final>;
using Sha512 = Hash<SHA512_CTX, 128, 64, SHA512_Init, SHA512_Update, SHA512_Final>;

// Calls visit with the Hash of that name, which is not none.
template <class Visit>
auto with_hash(HashId hash, Visit&& visit) {
    switch (hash) {
        case HashId::sha1: return visit(Sha1());
        case HashId::sha384: return visit(Sha384());
        case HashId::sha512: return visit(Sha512());
        default: return visit(Sha256());
    }
}

Error hmac_failed() { return {ErrorCode::internal, "could not compute an HMAC"}; }

// A state on the stack, wiped by its destructor.
template <class H>
class Running {
public:
    Running() : good_(H::init(state_)) {}
    explicit Running(const SecretBytes& kept) { std::memcpy(&state_, kept.data(), sizeof state_); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { wipe_memory(&state_, sizeof state_); }

    void absorb(ByteSpan bytes) { good_ = good_ && H::update(state_, bytes); }
    [[nodiscard]] bool finish(std::uint8_t* out) { return good_ && H::finish(state_, out); }
    [[nodiscard]] bool keep(SecretBytes& out) const {
        out = SecretBytes(sizeof state_);
        std::memcpy(out.data(), &state_, sizeof state_);
        return good_;
    }

private:
    typename H::State state_;
    bool good_ = true;
};

// RFC 2104 §2: the key as one block, hashed when it is longer, else followed by zeros.
template <class H>
bool fill_block(ByteSpan key, SecretBytes& block) {
    if (key.size() <= H::block) {
        std::copy(key.begin(), key.end(), block.data());
        return true;
    }
    Running<H> hash;
    hash.absorb(key);
    return hash.finish(block.data());
}

template <class H>
bool keep_state(const SecretBytes& block, std::uint8_t pad, SecretBytes& out) {
    SecretBytes padded(block.span());
    std::for_each_n(padded.data(), padded.size(), [pad](std::uint8_t& byte) { byte ^= pad; });
    Running<H> hash;
    hash.absorb(padded.span());
    return hash.keep(out);
}

template <class H>
bool compute_mac(const SecretBytes& inner, const SecretBytes& outer, ByteSpan message, Mac& mac) {
    mac.size = H::size;
    Running<H> first(inner);
    first.absorb(message);
    if (!first.finish(mac.bytes.data())) return false;
    Running<H> second(outer);
    second.absorb(mac.span());
    return second.finish(mac.bytes.data());
}

}  // namespace

std::size_t hash_size(HashId hash) noexcept {
    return hash == HashId::none ? 0 : with_hash(hash, [](auto h) { return decltype(h)::size; });
}

Result<HmacKey> HmacKey::create(HashId hash, ByteSpan key) {
    if (hash == HashId::none || key.empty()) return hmac_failed();
    constexpr std::uint8_t ipad = 0x36;
    constexpr std::uint8_t opad = 0x5c;
    HmacKey made(hash);
    const bool ready = with_hash(hash, [&](auto h) {
        using H = decltype(h);
        SecretBytes block(H::block);
        return fill_block<H>(key, block) && keep_state<H>(block, ipad, made.inner_) &&
               keep_state<H>(block, opad, made.outer_);
    });
    if (!ready) return hmac_failed();
    return made;
}

Result<Mac> HmacKey::compute(std::string_view message) const {
    Mac mac;
    if (!with_hash(hash_, [&](auto h) { return compute_mac<decltype(h)>(inner_, outer_, as_bytes(message), mac); }))
        return hmac_failed();
    return mac;
}

}  // namespace bastion
