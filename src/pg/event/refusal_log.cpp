#include "pg/event/refusal_log.hpp"

#include "core/event/log_budget.hpp"
#include "pg/base/shared_memory.hpp"
#include "pg/base/text.hpp"
#include "pg/event/server_log.hpp"

extern "C" {
#include "common/hashfn.h"
#include "utils/inet.h"
}

namespace bastion::pg {
namespace {

constexpr int64 microseconds_per_minute = INT64CONST(60000000);

struct SharedBudget {
    uint64 seed;  // so that no client chooses addresses that share an entry
    LogBudget budget;
};

SharedBudget* shared = nullptr;
LWLock* lock = nullptr;
LogBudget own_budget;

void attach_budget(void* memory, LWLock* its_lock, bool fresh) {
    lock = its_lock;
    shared = static_cast<SharedBudget*>(memory);
    if (!fresh) return;
    new (memory) SharedBudget{};
    if (!pg_strong_random(&shared->seed, sizeof shared->seed)) shared->seed = 0;
}

Size budget_size() { return sizeof(SharedBudget); }

SharedPiece piece{"pg_bastion refusals", "pg_bastion_refusals", budget_size, attach_budget};

// A client has a /64 of IPv6 at least.
uint64 hash_of(const inet* address, uint64 seed) {
    if (address == nullptr) return seed;
    const int size = ip_family(address) == PGSQL_AF_INET6 ? 8 : 4;
    return hash_bytes_extended(ip_addr(address), size, seed);
}

LogBudget::Verdict take_line(const inet* address) {
    const int64 minute = GetCurrentTimestamp() / microseconds_per_minute;
    if (shared == nullptr) return own_budget.take(hash_of(address, 0), minute);
    LWLockAcquire(lock, LW_EXCLUSIVE);
    const LogBudget::Verdict verdict = shared->budget.take(hash_of(address, shared->seed), minute);
    LWLockRelease(lock);
    return verdict;
}

}  // namespace

void prepare_refusal_log() { (void)request_shared_piece(piece); }

extern "C" {

PG_FUNCTION_INFO_V1(bastion_log_refusal);
Datum bastion_log_refusal(PG_FUNCTION_ARGS) {
    if (PG_ARGISNULL(1)) PG_RETURN_VOID();
    const char* message = server_text(PG_GETARG_TEXT_PP(1)).c_str();
    const LogBudget::Verdict verdict = take_line(PG_ARGISNULL(0) ? nullptr : PG_GETARG_INET_PP(0));
    if (!verdict.write) PG_RETURN_VOID();
    if (verdict.left_out > 0)
        message = psprintf("%s; %u more of this address were not logged", message, verdict.left_out);
    log_server_only(message);
    PG_RETURN_VOID();
}

}  // extern "C"

}  // namespace bastion::pg
