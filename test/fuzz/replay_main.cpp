// Runs a fuzz target once over every file of the folders and files named on its command line: the corpus as an ordinary
// test, for builds without libFuzzer. No file at all is a failure, so that a moved corpus does not pass silently.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

void run(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        if (fs::is_regular_file(argv[i])) {
            run(argv[i]);
            ++count;
        } else if (fs::is_directory(argv[i])) {
            for (const fs::directory_entry& entry : fs::directory_iterator(argv[i])) {
                if (!entry.is_regular_file()) continue;
                run(entry.path());
                ++count;
            }
        }
    }
    std::printf("%zu inputs\n", count);
    return count == 0 ? 1 : 0;
}
