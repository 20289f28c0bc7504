// Live meters and what they read: counters that wrap, sensors that are sampled, trees in the form that the kernel
// documents (powercap.rst, hwmon/sysfs-interface.rst, sysfs-class-power), a library that stands in for NVIDIA's.
#include "breakeven/meters/live_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "breakeven/error.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/meters/choose.h"
#include "breakeven/meters/nvml.h"
#include "breakeven/meters/sysfs.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using namespace literals;
using testing::ElementsAre;
using testing::HasSubstr;

RC_GTEST_PROP(Counted, AWrapIsMended, (std::uint32_t start, std::uint32_t more)) {
    const double full = 1e6;
    const double before = start % 1000000;
    const double energy = more % 1000000;
    const double after = std::fmod(before + energy, full);
    RC_ASSERT(std::abs(counted(joules(before), joules(after), joules(full)).in(joules)-energy) < 1e-6);
}

class FakeTree : public testing::Test {
   protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "breakeven-meters-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        sys = pattern;
    }
    void TearDown() override { fs::remove_all(sys); }

    void write(const std::string& path, const std::string& text) {
        fs::create_directories((sys / path).parent_path());
        std::ofstream(sys / path) << text << "\n";
    }
    /// As an Intel package with its cores inside, and memory outside of it.
    void add_rapl() {
        for (const auto& [zone, name] : {std::pair{"intel-rapl:0", "package-0"},
                                         {"intel-rapl:0:0", "core"},
                                         {"intel-rapl:0:1", "dram"},
                                         {"intel-rapl:1", "psys"},
                                         {"intel-rapl-mmio:0", "package-0"}}) {
            const std::string folder = std::string("class/powercap/") + zone;
            write(folder + "/name", name);
            write(folder + "/energy_uj", "1000000");
            write(folder + "/max_energy_range_uj", "262143328850");
        }
        write("class/powercap/intel-rapl/enabled", "1");
    }
    template <class Source>
    static std::vector<std::string> names(const Findings<Source>& findings) {
        std::vector<std::string> list;
        for (const auto& each : findings.found) list.push_back(each.name);
        return list;
    }
    std::string refusal(const std::string& specification) {
        try {
            make_meter(specification, {}, clock, places());
        } catch (const Error& error) {
            return error.what();
        }
        return "made";
    }
    MeterPlaces places() const { return {.sys = sys, .nvml = BREAKEVEN_FAKE_NVML}; }

    fs::path sys;
    VirtualClock clock;
};

TEST_F(FakeTree, RaplCountsPackagesAndMemoryOnce) {
    add_rapl();
    EXPECT_THAT(names(find_rapl(sys, "")), ElementsAre("package-0", "dram"));
    EXPECT_THAT(names(find_rapl(sys, "psys")), ElementsAre("psys"));
    EXPECT_THAT(find_rapl(sys, "gpu").reason, HasSubstr("psys"));
    const auto meter = make_meter("rapl", {}, clock, places());
    meter->start();
    write("class/powercap/intel-rapl:0/energy_uj", "6000000");
    write("class/powercap/intel-rapl:0:1/energy_uj", "1500000");
    EXPECT_NEAR(meter->stop({.busy = 1_s, .elapsed = 1_s}).energy->value.in(joules), 5.5, 1e-9);
    EXPECT_EQ(meter->name(), "rapl");
}

TEST_F(FakeTree, RaplWraps) {
    add_rapl();
    write("class/powercap/intel-rapl:0/energy_uj", "262143000000");
    const auto meter = make_meter("rapl:package-0", {}, clock, places());
    meter->start();
    write("class/powercap/intel-rapl:0/energy_uj", "671150");
    EXPECT_NEAR(meter->stop({.busy = 1_s, .elapsed = 1_s}).energy->value.in(joules), 1.0, 1e-6);
    meter->start();
    EXPECT_THAT(meter->stop({.busy = 1_s, .elapsed = 200_s}).reason, HasSubstr("more than once"));
}

TEST_F(FakeTree, AMeterThatDisappearsInTheMiddleGivesAReason) {
    add_rapl();
    const auto meter = make_meter("rapl", {}, clock, places());
    meter->start();
    fs::remove_all(sys / "class/powercap/intel-rapl:0:1");
    EXPECT_THAT(meter->stop({.busy = 1_s, .elapsed = 1_s}).reason, HasSubstr("was lost"));
    EXPECT_THAT(meter->stop({.busy = 1_s, .elapsed = 1_s}).reason, HasSubstr("it is gone"));
    meter->start();
    EXPECT_THAT(meter->stop({.busy = 1_s, .elapsed = 1_s}).reason, HasSubstr("it is gone"));
}

TEST_F(FakeTree, Ina3221IsReadAsVoltageTimesCurrent) {  // an Orin's, as hwmon shows it
    const std::string folder = "class/hwmon/hwmon3/";
    write(folder + "name", "ina3221");
    for (const auto& [channel, label] : {std::pair{"1", "VDD_IN"}, {"2", "VDD_CPU_GPU_CV"}}) {
        write(folder + "in" + channel + "_label", label);
        write(folder + "in" + channel + "_input", "5000");
        write(folder + "curr" + channel + "_input", "800");
    }
    write("class/hwmon/hwmon1/name", "cpu_thermal");
    write("class/hwmon/hwmon1/temp1_input", "42000");
    EXPECT_THAT(names(find_ina(sys, "")), ElementsAre("ina3221/VDD_IN", "ina3221/VDD_CPU_GPU_CV"));
    EXPECT_NEAR(find_ina(sys, "VDD_IN").found.at(0).source->read().in(watts), 4.0, 1e-12);
    EXPECT_THAT(refusal("ina"), HasSubstr("say which: ina3221/VDD_IN, ina3221/VDD_CPU_GPU_CV"));
    EXPECT_EQ(refusal("ina:ina3221/VDD_IN"), "made");
    EXPECT_THAT(refusal("hwmon:cpu_thermal"), HasSubstr("none is named"));
}

TEST_F(FakeTree, Ina226TellsItsPower) {  // an i.MX board's
    write("class/hwmon/hwmon0/name", "ina226");
    write("class/hwmon/hwmon0/power1_input", "2375000");
    write("class/hwmon/hwmon0/in1_input", "5000");
    write("class/hwmon/hwmon0/curr1_input", "475");
    EXPECT_NEAR(find_ina(sys, "").found.at(0).source->read().in(watts), 2.375, 1e-12);
    EXPECT_THAT(names(find_hwmon(sys, "")), ElementsAre("ina226/power1"));
}

TEST_F(FakeTree, TheOlderJetsonsDriverUnderIio) {
    write("bus/iio/devices/iio:device0/name", "ina3221x");
    write("bus/iio/devices/iio:device0/in_power0_input", "1250");
    write("bus/iio/devices/iio:device0/rail_name_0", "POM_5V_IN");
    const auto found = find_ina(sys, "");
    EXPECT_THAT(names(found), ElementsAre("ina3221x/POM_5V_IN"));
    EXPECT_NEAR(found.found.at(0).source->read().in(watts), 1.25, 1e-12);
}

TEST_F(FakeTree, ABatteryCountsOnlyWhileItDischarges) {
    write("class/power_supply/AC/type", "Mains");
    write("class/power_supply/BAT0/type", "Battery");
    write("class/power_supply/BAT0/status", "Charging");
    write("class/power_supply/BAT0/current_now", "-1000000");
    write("class/power_supply/BAT0/voltage_now", "12000000");
    EXPECT_THAT(find_batteries(sys, "").reason, HasSubstr("unplug"));
    write("class/power_supply/BAT0/status", "Discharging");
    EXPECT_NEAR(find_batteries(sys, "").found.at(0).source->read().in(watts), 12.0, 1e-9);
    write("class/power_supply/BAT0/power_now", "9500000");
    EXPECT_NEAR(find_batteries(sys, "BAT0").found.at(0).source->read().in(watts), 9.5, 1e-9);
    EXPECT_THAT(find_batteries(sys, "BAT1").reason, HasSubstr("BAT1"));
}

TEST_F(FakeTree, WhatIsNotThereSaysWhy) {
    EXPECT_THAT(refusal("rapl"), HasSubstr("no RAPL counters"));
    EXPECT_THAT(refusal("hwmon"), HasSubstr("no sensors"));
    EXPECT_THAT(refusal("ina"), HasSubstr("INA3221"));
    EXPECT_THAT(refusal("battery"), HasSubstr("no battery"));
    EXPECT_THAT(refusal("nvml:7"), HasSubstr("no GPU '7'"));
    EXPECT_THAT(refusal("csv"), HasSubstr("name the file"));
    EXPECT_THAT(refusal("csv:a.csv,sync=magic"), HasSubstr("pulse or calendar"));
    EXPECT_THAT(refusal("multimeter"), HasSubstr("must be powers, rapl"));
    for (const MeterStatus& status : meters_here({.sys = sys, .nvml = sys / "no-such-library.so"})) {
        EXPECT_NE(status.available, !status.reason.empty()) << status.name;
        if (status.name != "nvml") continue;
        EXPECT_THAT(status.reason, HasSubstr("driver brings it"));
    }
}

TEST_F(FakeTree, NvmlCountsEnergyWhereTheGpuDoes) {
    const NvmlFindings gpus = find_nvml(BREAKEVEN_FAKE_NVML, "");
    EXPECT_THAT(names(gpus.counters), ElementsAre("0 Fake Volta"));
    EXPECT_THAT(names(gpus.sensors), ElementsAre("1 Fake Maxwell"));
    EXPECT_NEAR(gpus.sensors.found.at(0).source->read().in(watts), 42.5, 1e-9);
    const auto meter = make_meter("nvml:0", {}, clock, places());
    meter->start();  // the fake counts 1.5 J at every look
    EXPECT_NEAR(meter->stop({.busy = 1_s, .elapsed = 1_s}).energy->value.in(joules), 1.5, 1e-9);
}

/// 2 W for the first ten readings, then 6 W; or a sensor that breaks.
class ScriptedSensor final : public PowerSensor {
   public:
    explicit ScriptedSensor(int lives) : lives_(lives) {}
    Watts read() override {
        if (reads_++ == lives_) throw Error(ErrorKind::unavailable, "read 'power1_input'", "it is gone");
        return watts(3);
    }

   private:
    int lives_;
    int reads_ = 0;
};

TEST(SensorMeter, SamplesWhileItRuns) {
    SteadyClock clock;
    SensorMeter meter("hwmon", std::make_unique<ScriptedSensor>(1000000), clock, 1_ms);
    for (int i = 0; i < 3; ++i) {
        meter.start();
        const Seconds began = clock.now();
        clock.sleep_until(began + 5_ms);
        const Seconds elapsed = clock.now() - began;
        EXPECT_NEAR(meter.stop({.busy = elapsed, .elapsed = elapsed}).energy->value / (watts(3) * elapsed), 1.0, 1e-6);
    }
}

TEST(SensorMeter, ASensorThatIsLostGivesAReasonAndMayComeBack) {
    SteadyClock clock;
    SensorMeter meter("hwmon", std::make_unique<ScriptedSensor>(1), clock, 100_s);
    meter.start();
    EXPECT_THAT(meter.stop({.busy = 1_s, .elapsed = 1_s}).reason, HasSubstr("was lost"));
    meter.start();
    EXPECT_TRUE(meter.stop({.busy = 1_s, .elapsed = 1_s}).energy.has_value());
}

TEST(Trapezoid, IsExactForALine) {
    std::vector<PowerSample> samples;
    for (const double t : {0.0, 0.1, 0.5, 0.55, 2.0}) samples.push_back({Seconds(t), watts(1 + 3 * t)});
    EXPECT_NEAR(trapezoid(samples).in(joules), 2.0 + 6.0, 1e-12);
    EXPECT_EQ(trapezoid({}), joules(0));
}

TEST(PowerMeter, ModelsWhatTheUserGave) {
    PowerMeter meter(Powers{.active = watts(5), .idle = watts(1)});
    meter.start();
    EXPECT_EQ(meter.stop({.busy = 2_s, .elapsed = 3_s}).energy->value, joules(10));
    EXPECT_EQ(meter.stop({.place = Place::nowhere, .elapsed = 3_s}).energy->value, joules(3));
    EXPECT_THAT(meter.stop({.busy = 2_s, .place = Place::server}).reason, HasSubstr("link"));
    EXPECT_THAT(PowerMeter({}).stop({.place = Place::nowhere}).reason, HasSubstr("--idle-power"));
}

}  // namespace
}  // namespace breakeven
