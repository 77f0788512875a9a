#include "core/session/challenge.hpp"

#include <algorithm>
#include <array>

#include "core/base/encoding.hpp"
#include "core/base/framing.hpp"

namespace bastion {
namespace {

constexpr char version = 1;
constexpr std::size_t nonce_bytes = 16;
constexpr std::size_t state_bytes = 16;
constexpr std::size_t mac_bytes = 32;
constexpr std::size_t pepper_at = 1;
constexpr std::size_t expiry_at = 5;
constexpr std::size_t purpose_size_at = 9 + nonce_bytes;
constexpr std::size_t purpose_at = purpose_size_at + 4;
constexpr std::size_t least_bytes = purpose_at + state_bytes + mac_bytes;
constexpr std::string_view whole_label = "pg_bastion/challenge/1";
constexpr std::string_view state_label = "pg_bastion/challenge/state/1";

// Labels separate both from each other and from everything else that a pepper is used for.
Result<Mac> labelled_mac(const HmacKey& pepper, std::string_view label, std::initializer_list<std::string_view> parts) {
    std::string message;
    append_length_prefixed(message, label);
    for (const std::string_view part : parts) append_length_prefixed(message, part);
    Result<Mac> mac = pepper.compute(message);
    wipe_memory(message.data(), message.size());
    return mac;
}

// The nonce, so that two challenges of one state have nothing in common.
Result<Mac> state_mac(const HmacKey& pepper, std::string_view head, std::string_view state) {
    return labelled_mac(pepper, state_label, {head.substr(0, purpose_size_at), state});
}

Result<Mac> whole_mac(const HmacKey& pepper, std::string_view covered) {
    return labelled_mac(pepper, whole_label, {covered});
}

void append_mac(std::string& out, const Mac& mac, std::size_t size) { out.append(as_text(mac.span().first(size))); }

std::uint32_t number_at(ByteSpan bytes, std::size_t at) noexcept {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | bytes[at + i];
    return number;
}

Error malformed() { return Error{ErrorCode::malformed_text, "not a challenge"}; }

}  // namespace

Result<std::string> challenge_make(const HmacKey& pepper, const ChallengeTerms& terms, std::string_view state) {
    std::array<std::uint8_t, nonce_bytes> nonce;
    random_bytes(nonce);
    std::string bytes(1, version);
    append_u32(bytes, terms.pepper);
    append_u32(bytes, terms.expires_at);
    bytes.append(as_text(nonce));
    append_length_prefixed(bytes, terms.purpose);
    bytes.append(terms.body);
    const Result<Mac> of_state = state_mac(pepper, bytes, state);
    if (!of_state) return of_state.error();
    append_mac(bytes, *of_state, state_bytes);
    const Result<Mac> of_all = whole_mac(pepper, bytes);
    if (!of_all) return of_all.error();
    append_mac(bytes, *of_all, mac_bytes);
    std::string text = std::string(challenge_prefix) + base64url_encode(as_bytes(bytes));
    if (text.size() > max_challenge_chars) return Error{ErrorCode::limit_exceeded, "the challenge would be too long"};
    return text;
}

Result<UnverifiedChallenge> UnverifiedChallenge::read(std::string_view text) {
    if (text.size() > max_challenge_chars || !text.starts_with(challenge_prefix)) return malformed();
    Result<Bytes> decoded = base64url_decode(text.substr(challenge_prefix.size()));
    if (!decoded || decoded->size() < least_bytes || decoded->front() != version) return malformed();
    UnverifiedChallenge challenge;
    challenge.bytes_ = std::move(*decoded);
    const ByteSpan bytes = challenge.bytes_;
    const std::size_t purpose_size = number_at(bytes, purpose_size_at);
    if (purpose_size > bytes.size() - least_bytes) return malformed();
    const std::size_t body_at = purpose_at + purpose_size;
    challenge.terms_ = {.pepper = number_at(bytes, pepper_at),
                        .expires_at = number_at(bytes, expiry_at),
                        .purpose = as_text(bytes.subspan(purpose_at, purpose_size)),
                        .body = as_text(bytes.subspan(body_at, bytes.size() - state_bytes - mac_bytes - body_at))};
    return challenge;
}

Result<const ChallengeTerms*> UnverifiedChallenge::verify(const HmacKey& pepper, std::string_view purpose,
                                                          std::uint64_t now) const {
    const ByteSpan covered = ByteSpan(bytes_).first(bytes_.size() - mac_bytes);
    const Result<Mac> mac = whole_mac(pepper, as_text(covered));
    if (!mac) return mac.error();
    const bool genuine = constant_time_equal(mac->span(), ByteSpan(bytes_).last(mac_bytes));
    return genuine && terms_.purpose == purpose && now < terms_.expires_at ? &terms_ : nullptr;
}

Result<bool> UnverifiedChallenge::is_of_state(const HmacKey& pepper, std::string_view state) const {
    const Result<Mac> mac = state_mac(pepper, as_text(bytes_), state);
    if (!mac) return mac.error();
    return constant_time_equal(mac->span().first(state_bytes),
                               ByteSpan(bytes_).last(mac_bytes + state_bytes).first(state_bytes));
}

}  // namespace bastion
