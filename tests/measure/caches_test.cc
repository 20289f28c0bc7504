// Caches: read from files in the kernel's own form, and from this machine.
#include "breakeven/measure/caches.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using namespace literals;

class CachesInFiles : public testing::Test {
   protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "breakeven-caches-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        files_.sys = pattern;
    }
    void TearDown() override { fs::remove_all(files_.sys); }

    void add(int index, const std::string& level, const std::string& type, const std::string& size) {
        const auto folder = files_.sys / "devices/system/cpu/cpu0/cache" / ("index" + std::to_string(index));
        fs::create_directories(folder);
        std::ofstream(folder / "level") << level << "\n";
        std::ofstream(folder / "type") << type << "\n";
        std::ofstream(folder / "size") << size << "\n";
    }

    SystemFiles files_;
};

TEST_F(CachesInFiles, HoldDataAndNoInstructions) {  // an i.MX 8M Plus
    add(0, "1", "Data", "32K");
    add(1, "1", "Instruction", "32K");
    add(2, "2", "Unified", "512K");
    const Caches caches = caches_in(files_);
    ASSERT_EQ(caches.levels.size(), 2U);
    EXPECT_EQ(caches.levels[0].name, "L1d");
    EXPECT_EQ(caches.levels[0].size, 32_KiB);
    EXPECT_EQ(caches.levels[1].name, "L2");
    EXPECT_EQ(caches.levels[1].size, 512_KiB);
    EXPECT_TRUE(caches.reason.empty());
}

TEST_F(CachesInFiles, AreUnknownWithAReasonWhereTheKernelTellsNone) {
    EXPECT_TRUE(caches_in(files_).levels.empty());
    EXPECT_FALSE(caches_in(files_).reason.empty());
    add(0, "1", "Data", "many");
    add(1, "2", "Unified", "-4K");
    EXPECT_TRUE(caches_in(files_).levels.empty());
}

TEST(Caches, OfThisMachineGrowWithTheirDistance) {
    const Caches caches = this_machines_caches();
    EXPECT_NE(caches.levels.empty(), caches.reason.empty());
    for (std::size_t i = 1; i < caches.levels.size(); ++i) {
        EXPECT_GE(caches.levels[i].size, caches.levels[i - 1].size) << caches.levels[i].name;
    }
}

}  // namespace
}  // namespace breakeven
