// Result<T>: how every function of src/core reports failure. A value or an Error; exceptions are kept for bugs and for
// exhausted memory. src/pg/base/pg_error.cpp is the only place that turns an Error into an SQLSTATE. Results live as long as
// the call that made them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bastion {

// The kind of failure, in the terms of the caller; each has one SQLSTATE (pg_error.cpp).
enum class ErrorCode {
    invalid_argument,  // an invalid argument of the caller (22023)
    malformed_text,    // text that does not follow its format (22P02)
    limit_exceeded,    // a documented ceiling (54000)
    unsupported,       // an unsupported format or algorithm (0A000)
    token_refused,     // any reason to refuse a token; all look alike (28000)
    busy,              // resources are in use, may work later (53400)
    root_key_missing,  // no root key where one is needed (BA001)
    root_key_wrong,    // a root key, but another one (BA002)
    sealed_invalid,    // a sealed value that cannot be opened; all reasons look alike (BA003)
    io_failure,        // the operating system refused (58030)
    internal,          // a bug (XX000)
};

// `message`, `detail` and `hint` are shown to the client; `log_detail` goes to the server log alone. None of them ever
// holds a key, token, password or plaintext. Its members are compiled once, and not in every function that can fail.
struct Error {
    Error() noexcept;
    Error(ErrorCode code, std::string_view message, std::string_view detail = {}, std::string_view hint = {},
          std::string_view log_detail = {});
    Error(const Error& other);
    Error(Error&& other) noexcept;
    Error& operator=(const Error& other);
    Error& operator=(Error&& other) noexcept;
    ~Error();

    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::string detail;
    std::string hint;
    std::string log_detail;
};

Error invalid_argument(std::string_view message, std::string_view hint = {});

// On the heap, so that a Result is little more than its value.
using ErrorPointer = std::unique_ptr<Error>;

ErrorPointer on_heap(Error&& error);

// A bug, and an exception, for a success.
Error& known(const ErrorPointer& error);

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : error_(on_heap(std::move(error))) {}

    [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return ok(); }

    // A bug, and an exception, for a failure.
    T& value() & { return value_.value(); }
    const T& value() const& { return value_.value(); }
    T&& value() && { return std::move(value_).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }

    const Error& error() const& { return known(error_); }
    Error&& error() && { return std::move(known(error_)); }

private:
    std::optional<T> value_;
    ErrorPointer error_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() noexcept = default;
    Result(Error error) : error_(on_heap(std::move(error))) {}

    [[nodiscard]] bool ok() const noexcept { return error_ == nullptr; }
    explicit operator bool() const noexcept { return ok(); }
    const Error& error() const& { return known(error_); }
    Error&& error() && { return std::move(known(error_)); }

private:
    ErrorPointer error_;
};

}  // namespace bastion
