#include "pg/jose/token_slot.hpp"

namespace bastion::pg {

void refuse(Slot& slot, std::string_view detail) noexcept {
    const uint64 generation = slot.verified.keys_generation;
    slot.verified = {};
    slot.verified.keys_generation = generation;
    slot.verified.refusal = "token_refused";
    const std::size_t size = std::min(detail.size(), sizeof slot.log_detail - 1);
    std::memcpy(slot.log_detail, detail.data(), size);
    slot.log_detail[size] = '\0';
    slot.verified.log_detail = slot.log_detail;
}

void refuse_or_raise(Slot& slot, const CallFailure& failure) {
    if (failure.sqlstate != ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION) raise(failure);
    refuse(slot, failure.log_detail);
}

}  // namespace bastion::pg
