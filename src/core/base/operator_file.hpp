// Files that the operator of the server writes and that decide about access: lists of passwords, filters. Each use opens the file
// anew and checks the opened file, so that a replaced one counts at once and nothing of it is kept. It is read with pread(): a file
// that somebody truncates meanwhile gives an error, where a memory map would end the server.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/file_descriptor.hpp"
#include "core/base/result.hpp"

namespace bastion {

class OperatorFile {
public:
    // `kind` names the file in messages: "password blocklist". Only root and the server's user may be able to write it. Every
    // failure is io_failure, with the path in the log alone.
    [[nodiscard]] static Result<OperatorFile> open(std::string_view kind, const std::string& path);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // Fills `out`; a file that ends before is a failure.
    [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::uint8_t> out) const;
    // The file does not have the form that it should have.
    [[nodiscard]] Error unusable(std::string_view reason, std::string_view hint = {}) const;

private:
    OperatorFile(FileDescriptor file, std::string_view kind, const std::string& path) noexcept;

    FileDescriptor file_;
    std::string kind_;
    std::string path_;
    std::uint64_t size_ = 0;
};

}  // namespace bastion
