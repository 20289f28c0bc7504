// The machine's facts, noise, meters and sample inputs: from text files of our own, so that any host will do.
#include "breakeven/measure/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "breakeven/error.h"
#include "breakeven/measure/noise.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/tensor/strings.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

class MachineTest : public testing::Test {
   protected:
    MachineTest() {
        std::string name = (std::filesystem::temp_directory_path() / "breakeven-machine-XXXXXX").string();
        root = mkdtemp(name.data());
        files = {root / "proc", root / "sys", root / "etc"};
    }
    ~MachineTest() override { std::filesystem::remove_all(root); }

    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((root / path).parent_path());
        std::ofstream(root / path) << text;
    }

    std::filesystem::path root;
    SystemFiles files;
    VirtualClock clock;
};

TEST_F(MachineTest, ReadsWhatTheKernelSays) {
    write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Imaginary 9000 @ 2.5GHz\nflags\t: fpu\n");
    write("proc/meminfo", "MemTotal:       24651736 kB\nMemFree: 1 kB\n");
    write("etc/machine-id", "0123456789abcdef\n");
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    write("sys/fs/cgroup/cpu.max", "150000 100000\n");
    const Machine machine = this_machine(files);
    EXPECT_EQ(machine.cpu, "Imaginary 9000 @ 2.5GHz");
    EXPECT_EQ(machine.memory, Bytes(24651736LL * 1024));
    EXPECT_EQ(machine.governor, "powersave");
    EXPECT_DOUBLE_EQ(machine.quota->in(processors), 1.5);
    EXPECT_GE(machine.threads, 1);
    EXPECT_THAT(fingerprint(machine), testing::Not(HasSubstr("0123456789abcdef"))) << "the id is not for publication";
}

TEST_F(MachineTest, GetsByWithoutAnyFile) {
    const Machine machine = this_machine(files);
    EXPECT_THAT(machine.cpu, HasSubstr("unknown"));
    EXPECT_FALSE(machine.governor.has_value());
    EXPECT_FALSE(machine.quota.has_value());
    EXPECT_EQ(machine.memory, Bytes(0));
}

TEST_F(MachineTest, UnderstandsBothKindsOfControlGroups) {
    write("sys/fs/cgroup/cpu.max", "max 100000\n");
    EXPECT_FALSE(this_machine(files).quota.has_value());
    std::filesystem::remove(root / "sys/fs/cgroup/cpu.max");
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    EXPECT_FALSE(this_machine(files).quota.has_value());
    write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n");
    EXPECT_DOUBLE_EQ(this_machine(files).quota->in(processors), 0.5);
}

TEST_F(MachineTest, FingerprintTellsHostsAndSettingsApart) {
    write("etc/machine-id", "one\n");
    const std::string one = fingerprint(this_machine(files));
    EXPECT_EQ(one, fingerprint(this_machine(files)));
    write("etc/machine-id", "two\n");
    const std::string two = fingerprint(this_machine(files));
    EXPECT_NE(one, two);
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    EXPECT_NE(two, fingerprint(this_machine(files)));
}

TEST_F(MachineTest, FilesOfRubbishAreNoFacts) {
    write("proc/cpuinfo", std::string("\0\xff:::\n: :\n:", 11));
    write("proc/meminfo", "MemTotal: many kB\n");
    write("sys/fs/cgroup/cpu.max", "a b\n");
    const Machine machine = this_machine(files);
    EXPECT_EQ(machine.memory, Bytes(0));
    EXPECT_FALSE(machine.quota.has_value());
}

/// Two samples one second apart on a machine of two threads, nothing happening between them.
struct Quiet {
    NoiseSample before;
    NoiseSample after;
    Machine machine;
    Quiet() {
        after.at = 10_s;
        after.processors_all = 20_s;
        after.processors_busy = 9_s;
        after.own = 9_s;
        after.preempted = 20;
        machine.threads = 2;
        machine.governor = "performance";
    }
    std::vector<std::string> warnings() const { return noise_warnings(before, after, machine); }
};

TEST(Noise, AQuietMachineGivesNoWarning) {
    EXPECT_THAT(Quiet().warnings(), testing::IsEmpty());
}

TEST(Noise, EachDisturbanceGivesItsOwnLine) {
    const auto only_line = [](const std::function<void(Quiet&)>& disturb) {
        Quiet quiet;
        disturb(quiet);
        const std::vector<std::string> warnings = quiet.warnings();
        EXPECT_EQ(warnings.size(), 1U);
        return warnings.empty() ? "" : warnings[0];
    };
    EXPECT_THAT(only_line([](Quiet& q) { q.after.processors_stolen = 1_s; }), HasSubstr("5.0 %"));
    EXPECT_THAT(only_line([](Quiet& q) { q.after.processors_busy = 15_s; }), HasSubstr("30 %"));
    EXPECT_THAT(only_line([](Quiet& q) { q.after.preempted = 2000; }), HasSubstr("200 times a second"));
    EXPECT_THAT(only_line([](Quiet& q) { q.after.throttled = 3; }), HasSubstr("heat 3 times"));
    EXPECT_THAT(only_line([](Quiet& q) { q.machine.governor = "powersave"; }), HasSubstr("powersave"));
    EXPECT_THAT(only_line([](Quiet& q) { q.machine.quota = processors(0.5); }), HasSubstr("0.5 of 2"));
    EXPECT_THAT(only_line([](Quiet& q) {
                    q.before.frequency_hz = 3.0e9;
                    q.after.frequency_hz = 2.0e9;
                }),
                HasSubstr("3.00 to 2.00 GHz"));
}

TEST(Noise, TheLineBetweenQuietAndNoisyIsOnePercentOfSteal) {
    Quiet quiet;
    quiet.after.processors_stolen = 0.19_s;
    EXPECT_THAT(quiet.warnings(), testing::IsEmpty());
    quiet.after.processors_stolen = 0.21_s;
    EXPECT_EQ(quiet.warnings().size(), 1U);
}

TEST_F(MachineTest, NoiseIsReadFromTheKernelsCounters) {
    const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
    write("proc/stat", "cpu  100 10 50 800 20 5 5 30 40 0\ncpu0 1 2 3\n");
    write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "7\n");
    write("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n");
    const NoiseSample sample = sample_noise(files, clock);
    EXPECT_NEAR(sample.processors_all.count(), 1020 * tick, 1e-9) << "guest time is in user time already";
    EXPECT_NEAR(sample.processors_busy.count(), 170 * tick, 1e-9);
    EXPECT_NEAR(sample.processors_stolen.count(), 30 * tick, 1e-9);
    EXPECT_EQ(sample.throttled, 7);
    EXPECT_DOUBLE_EQ(*sample.frequency_hz, 2.4e9);
}

TEST_F(MachineTest, AWatchSaysWhatHappenedSinceItWasMade) {
    const Machine machine = this_machine(files);
    write("proc/stat", "cpu  0 0 0 1000 0 0 0 0 0 0\n");
    const NoiseWatch watch(machine, clock, files);
    clock.advance(1_s);
    EXPECT_THAT(watch.warnings(), testing::IsEmpty());
    write("proc/stat", "cpu  0 0 0 1100 0 0 0 50 0 0\n");
    EXPECT_THAT(watch.warnings(), testing::ElementsAre(HasSubstr("33.3 %")));
}

TEST(SampleInput, HasTypeAndShapeAndOpenDimensionsOfOne) {
    const std::vector<TensorSpec> specifications{{"image", DType::float32, {-1, 3, 4, 4}},
                                                 {"ids", DType::int64, {2, 5}}};
    const std::vector<Tensor> inputs = sample_inputs(specifications, 1);
    ASSERT_EQ(inputs.size(), 2U);
    EXPECT_EQ(inputs[0].shape(), (Shape{1, 3, 4, 4}));
    EXPECT_EQ(inputs[1].dtype(), DType::int64);
}

TEST(SampleInput, FollowsTheSeedAndNothingElse) {
    const TensorSpec specification{"x", DType::float32, {100}};
    EXPECT_EQ(to_doubles(sample_input(specification, 1)), to_doubles(sample_input(specification, 1)));
    EXPECT_NE(to_doubles(sample_input(specification, 1)), to_doubles(sample_input(specification, 2)));
}

TEST(SampleInput, LiesInTheRangeOfItsType) {
    const std::vector<std::pair<DType, double>> below{
        {DType::boolean, 2},  {DType::uint8, 256}, {DType::int8, 10},   {DType::uint16, 10}, {DType::int16, 10},
        {DType::uint32, 10},  {DType::int32, 10},  {DType::uint64, 10}, {DType::int64, 10},  {DType::float16, 1},
        {DType::bfloat16, 1}, {DType::float32, 1}, {DType::float64, 1}};
    for (const auto& [dtype, limit] : below) {
        double sum = 0.0;
        double largest = 0.0;
        constexpr int n = 20000;
        for (const double value : to_doubles(sample_input({"x", dtype, {n}}, 3))) {
            ASSERT_GE(value, 0.0) << name(dtype);
            ASSERT_LT(value, limit) << name(dtype);
            sum += value;
            largest = std::max(largest, value);
        }
        const double top = limit > 1 ? limit - 1 : 1.0;
        EXPECT_NEAR(sum / n / top, 0.5, 0.02) << name(dtype);
        EXPECT_GT(largest / top, 0.98) << name(dtype);
    }
}

TEST(SampleInput, MakesWords) {
    const Tensor words = sample_input({"text", DType::string, {3}}, 1);
    EXPECT_EQ(decode_strings(words).size(), 3U);
}

TEST(SampleInput, RefusesShapesNobodyMeans) {
    for (const DType dtype : {DType::float32, DType::string}) {
        try {
            sample_input({"huge", dtype, {100000, 100000, 100}}, 1);
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_THAT(error.what(), HasSubstr("huge"));
        }
    }
}

}  // namespace
}  // namespace breakeven
