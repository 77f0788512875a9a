#include "pg/jose/verified_tokens.hpp"

#include "pg/key/data_keys.hpp"

namespace bastion::pg {
namespace {

// The header of a value; the claims follow.
struct Head {
    Identity identity;
    char key[max_kid_size];
};

VerifiedCache tokens("tokens");
std::string verified_for_issuer;
int verified_with_leeway = 0;

}  // namespace

// Every input of a token's verification is part of the place, or its change drops all values.
VerifiedPlace locate_token(std::string_view token, std::string_view own_issuer, int own_leeway) {
    if (verified_for_issuer != own_issuer || verified_with_leeway != own_leeway) {
        tokens.drop_all();
        verified_for_issuer = own_issuer;
        verified_with_leeway = own_leeway;
    }
    return tokens.locate(token, keys_generation(), 0);
}

bool find_verified(Slot& slot, const VerifiedPlace& place, double now) {
    const VerifiedValue* known = tokens.find(place);
    if (known == nullptr || *known->dates.exp <= now || *known->dates.nbf > now) return false;
    Head head;
    std::memcpy(&head, known->bytes.data(), sizeof head);
    std::memcpy(slot.key, head.key, sizeof slot.key);
    slot.claims = known->bytes.text().substr(sizeof head);
    slot.valid_from = *known->dates.nbf;
    slot.valid_until = *known->dates.exp;
    slot.verified = {nullptr, nullptr, head.identity, slot.claims.c_str(), slot.key, keys_generation(), false};
    return true;
}

void keep_verified(const Slot& slot, const VerifiedPlace& place) {
    Head head{};
    head.identity = slot.verified.identity;
    std::memcpy(head.key, slot.key, sizeof head.key);
    std::string value(reinterpret_cast<const char*>(&head), sizeof head);
    value += slot.claims;
    tokens.keep(place, {slot.valid_until, slot.valid_from, std::nullopt}, as_bytes(value));
}

}  // namespace bastion::pg
