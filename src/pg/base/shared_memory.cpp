#include "pg/base/shared_memory.hpp"

namespace bastion::pg {
namespace {

SharedPiece* pieces = nullptr;
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

void request_memory() {
    if (previous_request != nullptr) previous_request();
    for (const SharedPiece* piece = pieces; piece != nullptr; piece = piece->next) {
        RequestAddinShmemSpace(MAXALIGN(piece->size()));
        RequestNamedLWLockTranche(piece->tranche, 1);
    }
}

void attach_memory() {
    if (previous_startup != nullptr) previous_startup();
    for (const SharedPiece* piece = pieces; piece != nullptr; piece = piece->next) {
        bool found = false;
        LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
        void* memory = ShmemInitStruct(piece->name, piece->size(), &found);
        piece->attach(memory, &GetNamedLWLockTranche(piece->tranche)->lock, !found);
        LWLockRelease(AddinShmemInitLock);
    }
}

}  // namespace

bool request_shared_piece(SharedPiece& piece) {
    if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade) return false;
    if (pieces == nullptr) {
        previous_request = shmem_request_hook;
        shmem_request_hook = request_memory;
        previous_startup = shmem_startup_hook;
        shmem_startup_hook = attach_memory;
    }
    piece.next = pieces;
    pieces = &piece;
    return true;
}

}  // namespace bastion::pg
