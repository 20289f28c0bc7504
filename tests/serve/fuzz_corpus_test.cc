// The request path's fuzz target (tests/fuzz/request_fuzz.cc) over its seeds, on every test run: what breaks one of its
// rules traps.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

TEST(RequestFuzz, EverySeedEndsInAnAnswerOrARefusal) {
    const auto corpus = std::filesystem::path(__FILE__).parent_path().parent_path() / "fuzz" / "corpus" / "request";
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        const std::string bytes = text.str();
        for (std::size_t length = bytes.size();; length /= 2) {  // and cut short
            EXPECT_EQ(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), length), 0);
            if (length == 0) break;
        }
        ++files;
    }
    EXPECT_GE(files, 10);
}

}  // namespace
