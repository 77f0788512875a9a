// The one translator from Error to SQLSTATE, and the only place that raises errors of src/core.
#include "pg/base/guard.hpp"

namespace bastion::pg {
namespace {

int sqlstate_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument: return ERRCODE_INVALID_PARAMETER_VALUE;
        case ErrorCode::malformed_text: return ERRCODE_INVALID_TEXT_REPRESENTATION;
        case ErrorCode::limit_exceeded: return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
        case ErrorCode::unsupported: return ERRCODE_FEATURE_NOT_SUPPORTED;
        case ErrorCode::token_refused: return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
        case ErrorCode::busy: return ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
        case ErrorCode::root_key_missing: return MAKE_SQLSTATE('B', 'A', '0', '0', '1');
        case ErrorCode::root_key_wrong: return MAKE_SQLSTATE('B', 'A', '0', '0', '2');
        case ErrorCode::sealed_invalid: return MAKE_SQLSTATE('B', 'A', '0', '0', '3');
        case ErrorCode::io_failure: return ERRCODE_IO_ERROR;
        case ErrorCode::internal: break;
    }
    return ERRCODE_INTERNAL_ERROR;
}

// Memory of the current context; the size must be valid. With MCXT_ALLOC_NO_OOM the server does not ereport.
void* allocate_or_throw(std::size_t size) {
    void* memory = palloc_extended(size, MCXT_ALLOC_NO_OOM);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

void copy_clipped(std::span<char> out, std::string_view text) noexcept {
    std::size_t length = std::min(text.size(), out.size() - 1);
    while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
    std::memcpy(out.data(), text.data(), length);
    out[length] = '\0';
}

void capture(CallFailure& failure, const Error& error) noexcept {
    failure.sqlstate = sqlstate_of(error.code);
    copy_clipped(failure.message, error.message);
    copy_clipped(failure.detail, error.detail);
    copy_clipped(failure.hint, error.hint);
    copy_clipped(failure.log_detail, error.log_detail);
}

void capture_out_of_memory(CallFailure& failure) noexcept {
    failure = {};
    failure.sqlstate = ERRCODE_OUT_OF_MEMORY;
    copy_clipped(failure.message, "out of memory");
}

void capture_unexpected(CallFailure& failure, const char* what) noexcept {
    failure = {};
    failure.sqlstate = ERRCODE_INTERNAL_ERROR;
    copy_clipped(failure.message, "unexpected internal error");
    copy_clipped(failure.log_detail, what);
}

void raise(const CallFailure& failure) {
    Assert(!in_phase_b);
    Assert(failure.sqlstate != 0);
    ereport(ERROR, (errcode(failure.sqlstate), errmsg_internal("%s", failure.message),
                    failure.detail[0] != '\0' ? errdetail_internal("%s", failure.detail) : 0,
                    failure.hint[0] != '\0' ? errhint("%s", failure.hint) : 0,
                    failure.log_detail[0] != '\0' ? errdetail_log("%s", failure.log_detail) : 0));
    pg_unreachable();
}

Result<void> store(struct varlena*& out, ByteSpan bytes) {
    const std::size_t size = bytes.size() + VARHDRSZ;
    if (!AllocSizeIsValid(size)) return Error{ErrorCode::limit_exceeded, "result is too long"};
    auto* value = static_cast<struct varlena*>(allocate_or_throw(size));
    SET_VARSIZE(value, size);
    std::copy(bytes.begin(), bytes.end(), VARDATA(value));
    out = value;
    return {};
}

Result<void> store_as_is(char*& out, std::string_view bytes) {
    if (!AllocSizeIsValid(bytes.size() + 1)) return Error{ErrorCode::limit_exceeded, "result is too long"};
    auto* value = static_cast<char*>(allocate_or_throw(bytes.size() + 1));
    std::copy(bytes.begin(), bytes.end(), value);
    value[bytes.size()] = '\0';
    out = value;
    return {};
}

}  // namespace bastion::pg
