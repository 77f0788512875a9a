#include "core/base/operator_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace bastion {
namespace {

using FileStatus = struct stat;

std::string os_reason(int code) { return std::generic_category().message(code); }

const char* permission_problem(const FileStatus& file) noexcept {
    if (!S_ISREG(file.st_mode)) return "it is not a regular file";
    if (file.st_uid != ::geteuid() && file.st_uid != 0) return "it is not owned by the server's user or root";
    if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "group or others can write it";
    return nullptr;
}

}  // namespace

OperatorFile::OperatorFile(FileDescriptor file, std::string_view kind, const std::string& path) noexcept
    : file_(std::move(file)), kind_(kind), path_(path) {}

Result<OperatorFile> OperatorFile::open(std::string_view kind, const std::string& path) {
    // O_NONBLOCK: a FIFO must not stop the backend before it is seen to be one.
    OperatorFile file(FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)), kind, path);
    if (!file.file_.is_open()) return file.unusable(os_reason(errno));
    FileStatus status{};
    if (::fstat(file.file_.get(), &status) != 0) return file.unusable(os_reason(errno));
    if (const char* problem = permission_problem(status)) return file.unusable(problem);
    file.size_ = static_cast<std::uint64_t>(status.st_size);
    return file;
}

Result<void> OperatorFile::read(std::uint64_t offset, std::span<std::uint8_t> out) const {
    while (!out.empty()) {
        const ssize_t got = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return unusable(os_reason(errno));
        if (got == 0) return unusable("it ends early");
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

Error OperatorFile::unusable(std::string_view reason, std::string_view hint) const {
    return {ErrorCode::io_failure,
            "could not use the " + kind_ + ": " + std::string(reason),
            {},
            hint,
            "The file is \"" + path_ + "\"."};
}

}  // namespace bastion
