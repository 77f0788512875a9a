// Where unit tests find the published test vectors: the folder named by BASTION_VECTORS, else ../shared/vectors beside
// the project. A test that needs them begins with BASTION_NEEDS_VECTORS(): without the folder it is skipped for an
// ordinary user and fails where CI is set, so that no missing vector goes unnoticed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bastion::test {

inline std::filesystem::path folder_named_by(const char* variable) {
    const char* folder = std::getenv(variable);
    return folder == nullptr ? "" : folder;
}

// The folder named by BASTION_SOURCE, else the one that the tests were compiled in.
inline std::filesystem::path project_folder() {
    const auto named = folder_named_by("BASTION_SOURCE");
    if (!named.empty()) return named;
    return std::filesystem::absolute(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

inline std::filesystem::path vectors_folder() {
    const auto named = folder_named_by("BASTION_VECTORS");
    return named.empty() ? project_folder().parent_path() / "shared" / "vectors" : named;
}

inline bool running_in_ci() {
    const char* ci = std::getenv("CI");
    return ci != nullptr && *ci != '\0';
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The bytes of a vector file; a missing one is a test failure.
inline std::string read_vector(const std::string& relative) {
    const auto path = vectors_folder() / relative;
    EXPECT_TRUE(std::filesystem::is_regular_file(path)) << "no test vectors in " << relative;
    return read_file(path);
}

}  // namespace bastion::test

#define BASTION_NEEDS_VECTORS()                                                                    \
    do {                                                                                           \
        if (!std::filesystem::is_directory(bastion::test::vectors_folder())) {                     \
            if (bastion::test::running_in_ci()) FAIL() << "the folder of test vectors is missing"; \
            GTEST_SKIP() << "needs test vectors: set BASTION_VECTORS to their folder";             \
        }                                                                                          \
    } while (false)
