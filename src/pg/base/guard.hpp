// The error boundary. A SQL-callable function has three phases: A views its arguments with only PODs alive; B runs pure
// C++ inside guarded(), which lets no exception out and must call nothing that can ereport; C is back to PODs and returns
// or raises. Where assertions are compiled in, they check the phases. CallFailure is the POD that carries an Error from B to C; it lives on the caller's stack.
#pragma once

#include "core/base/result.hpp"
#include "core/base/secret_bytes.hpp"
#include "pg/base/pg.hpp"

namespace bastion::pg {

struct CallFailure {
    int sqlstate;
    char message[256];
    char detail[512];
    char hint[512];
    char log_detail[512];
};

// Copies text in UTF-8 and appends a NUL; truncates it at a character boundary when it is too long.
void copy_clipped(std::span<char> out, std::string_view text) noexcept;

// Fills the POD from an Error, clipped.
void capture(CallFailure& failure, const Error& error) noexcept;
void capture_out_of_memory(CallFailure& failure) noexcept;
void capture_unexpected(CallFailure& failure, const char* what) noexcept;

// Raises the failure. No C++ object that owns a resource may be alive.
[[noreturn]] void raise(const CallFailure& failure);

#ifdef USE_ASSERT_CHECKING
// An ereport that left phase B leaves this set, so the next phase B finds it.
inline bool in_phase_b = false;

struct PhaseB {
    PhaseB() noexcept {
        Assert(!in_phase_b);
        in_phase_b = true;
    }
    ~PhaseB() { in_phase_b = false; }
};
#else
struct PhaseB {};
#endif

// Phase B: runs `body`, which returns Result<void>; true when it succeeded.
template <class Body>
[[nodiscard]] bool guarded(CallFailure& failure, Body&& body) noexcept {
    try {
        [[maybe_unused]] const PhaseB phase;
        const Result<void> result = body();
        if (result.ok()) return true;
        capture(failure, result.error());
    } catch (const std::bad_alloc&) {
        capture_out_of_memory(failure);
    } catch (const std::exception& unexpected) {
        capture_unexpected(failure, unexpected.what());
    } catch (...) {
        capture_unexpected(failure, "unknown exception");
    }
    return false;
}

// Phases B and C for the functions that only succeed or raise.
template <class Body>
void guarded_or_raise(Body&& body) {
    CallFailure failure;
    if (!guarded(failure, std::forward<Body>(body))) raise(failure);
}

// A view of a bytea argument, already detoasted. text.hpp has those of text.
inline ByteSpan view(const struct varlena* value) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(VARDATA_ANY(value)),
            static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))};
}

// Copies bytes out of phase B into a bytea of the current memory context; never ereports.
[[nodiscard]] Result<void> store(struct varlena*& out, ByteSpan bytes);
// The same for a C string that no core function made and none reads: a path, or names in the encoding of the database.
[[nodiscard]] Result<void> store_as_is(char*& out, std::string_view bytes);

}  // namespace bastion::pg
