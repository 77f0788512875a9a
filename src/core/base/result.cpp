#include "core/base/result.hpp"

#include <stdexcept>

namespace bastion {

Error::Error() noexcept = default;
Error::Error(ErrorCode code, std::string_view message, std::string_view detail, std::string_view hint,
             std::string_view log_detail)
    : code(code), message(message), detail(detail), hint(hint), log_detail(log_detail) {}
Error::Error(const Error& other) = default;
Error::Error(Error&& other) noexcept = default;
Error& Error::operator=(const Error& other) = default;
Error& Error::operator=(Error&& other) noexcept = default;
Error::~Error() = default;

ErrorPointer on_heap(Error&& error) { return std::make_unique<Error>(std::move(error)); }

Error& known(const ErrorPointer& error) {
    if (error == nullptr) throw std::logic_error("a success has no error");
    return *error;
}

Error invalid_argument(std::string_view message, std::string_view hint) {
    return {ErrorCode::invalid_argument, message, {}, hint};
}

}  // namespace bastion
