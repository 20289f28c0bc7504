// Knobs, and the kinds of cores that decide about pinning, on machines made of files.
#include "breakeven/measure/knobs.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>

#include "breakeven/measure/core_kinds.h"

namespace breakeven {
namespace {

/// A folder with the kernel's files, gone at the end.
class FakeSystem {
   public:
    FakeSystem() {
        std::string folder = (std::filesystem::temp_directory_path() / "breakeven-cores-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) std::abort();
        root_ = folder;
    }
    ~FakeSystem() { std::filesystem::remove_all(root_); }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text << "\n";
    }
    SystemFiles files() const { return {.proc = root_ / "proc", .sys = root_ / "sys", .etc = root_ / "etc"}; }

   private:
    std::filesystem::path root_;
};

bool offers(const std::vector<Knob>& knobs, const std::string& words) {
    return std::ranges::any_of(knobs, [&](const Knob& knob) { return knob.words == words; });
}

TEST(CoreKinds, BigAndLittleOnesAreToldApartByCapacity) {
    const FakeSystem system;  // an i.MX 95-like board: four small ones, two big ones
    system.write("sys/devices/system/cpu/present", "0-5");
    for (const int processor : {0, 1, 2, 3}) {
        system.write("sys/devices/system/cpu/cpu" + std::to_string(processor) + "/cpu_capacity", "446");
    }
    for (const int processor : {4, 5}) {
        system.write("sys/devices/system/cpu/cpu" + std::to_string(processor) + "/cpu_capacity", "1024");
    }
    EXPECT_EQ(core_kinds(system.files()), (CoreKinds{{4, 5}, {0, 1, 2, 3}}));
}

TEST(CoreKinds, AnX86HybridListsItsTwoKinds) {
    const FakeSystem system;
    system.write("sys/devices/system/cpu/present", "0-11");
    system.write("sys/devices/cpu_core/cpus", "0-3");
    system.write("sys/devices/cpu_atom/cpus", "4-11");
    const CoreKinds kinds = core_kinds(system.files());
    ASSERT_EQ(kinds.size(), 2U);
    EXPECT_EQ(kinds[0], (std::vector<int>{0, 1, 2, 3}));
    EXPECT_EQ(kinds[1].size(), 8U);
}

TEST(CoreKinds, WhereTheKernelTellsNothingThereIsNone) {
    EXPECT_TRUE(core_kinds(FakeSystem().files()).empty());
}

TEST(ProcessorList, DamagedOnesAreEmpty) {
    EXPECT_EQ(parse_processor_list("0-2,5"), (std::vector<int>{0, 1, 2, 5}));
    for (const char* text : {"", "-", "3-", "x", "4-2", "0-99999999999", "1,,2", "0-65535,0-65535"}) {
        EXPECT_TRUE(parse_processor_list(text).empty()) << text;
    }
}

TEST(Knobs, OneThreadHasNoSettingsOfThreads) {
    for (const char* platform : {"cpu:1", "openvino:cpu:1"}) {
        for (const Knob& knob : knobs_of(parse_platform(platform), GraphShape::branching, {{1}, {0}})) {
            EXPECT_EQ(knob.words.find("spin"), std::string::npos);
            EXPECT_EQ(knob.words.find("parallel"), std::string::npos);
            EXPECT_EQ(knob.words.find("streams"), std::string::npos);
        }
    }
}

TEST(Knobs, BranchesRunInParallelOnlyWhereThereAreSome) {
    const Platform platform = parse_platform("cpu:2");
    EXPECT_TRUE(offers(knobs_of(platform, GraphShape::branching, {}), "branches in parallel"));
    EXPECT_FALSE(offers(knobs_of(platform, GraphShape::chain, {}), "branches in parallel"));
}

TEST(Knobs, CoresArePinnedOnlyWhereTheyDiffer) {
    const Platform platform = parse_platform("cpu:2");
    EXPECT_FALSE(offers(knobs_of(platform, GraphShape::chain, {{0, 1}}), "fast cores alone"));
    const std::vector<Knob> knobs = knobs_of(platform, GraphShape::chain, {{4, 5}, {0, 1, 2, 3}});
    ASSERT_TRUE(offers(knobs, "fast cores alone"));
    // ONNX Runtime counts processors from 1, and pins all threads but the caller's.
    EXPECT_EQ(knobs.back().options.front().second, "5-6");
    const Platform more = parse_platform("cpu:4");
    EXPECT_FALSE(offers(knobs_of(more, GraphShape::chain, {{4, 5}, {0, 1, 2, 3}}), "fast cores alone"))
        << "there are but two of them";
}

TEST(Knobs, WithASettingAPlatformIsStillOneThatCanBeWritten) {
    for (const char* text : {"cpu:4", "openvino:cpu:4", "cpu:4,arena=on"}) {
        const Platform platform = parse_platform(text);
        for (const Knob& knob : knobs_of(platform, GraphShape::branching, {{2, 3, 4, 5}, {0, 1}})) {
            const Platform changed = with(platform, knob);
            EXPECT_EQ(parse_platform(to_text(changed)), changed) << to_text(changed);
            EXPECT_EQ(with(changed, knob), changed);
        }
    }
}

TEST(Knobs, UnknownEnginesAreLeftAsTheyAre) {
    EXPECT_TRUE(knobs_of(parse_platform("grpc://edge:8001"), GraphShape::branching, {}).empty());
    EXPECT_TRUE(knobs_of(parse_platform("cuda:0"), GraphShape::branching, {}).empty());
}

}  // namespace
}  // namespace breakeven
