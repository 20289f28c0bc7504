// Recordings: files in the instruments' own forms. The .jls were made by the vendor's writer (data/make_jls.py), whose
// reader gave the energies expected here; the MLPerf Tiny traces come with the published energies.
#include "breakeven/meters/recordings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "breakeven/error.h"
#include "breakeven/meters/choose.h"
#include "breakeven/time/clock.h"
#include "breakeven/time/random.h"
#include "fakes/shared_data.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using namespace literals;
using testing::HasSubstr;

std::string bytes_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
}

std::string own_data(const std::string& name) {
    return bytes_of(fs::path(__FILE__).parent_path() / "data" / name);
}

/// The message of the refusal of `read`.
template <class Read>
std::string refusal_of(Read read) {
    try {
        read();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return "accepted";
}

std::string csv_refusal(const std::string& text) {
    return refusal_of([&] { parse_power_csv(text, "power.csv"); });
}

double energy_of(const Recording& recording, const TimeWindow& window) {
    const auto energy = recording.trace.energy(window).energy;
    EXPECT_TRUE(energy.has_value());
    return energy ? energy->in(joules) : 0.0;
}

// Tables.

TEST(PowerCsv, CurrentTimesVoltageOrPower) {
    const Recording product = parse_power_csv("time,current,voltage\n0,1,5\n1,1,5\n2,2,5\n", "a");
    EXPECT_DOUBLE_EQ(energy_of(product, {0_s, 2_s}), 5 + 7.5);
    const Recording power = parse_power_csv("time_s;note;power_mW\r\n0;x;1000\r\n1;y;3000\r\n", "a");
    EXPECT_DOUBLE_EQ(energy_of(power, {0_s, 1_s}), 2);
    EXPECT_FALSE(power.has_calendar_time);
    const Recording scaled = parse_power_csv("Time (ms),Current (mA),Voltage (V)\n0,100,5\n1000,100,5\n", "a");
    EXPECT_DOUBLE_EQ(energy_of(scaled, {0_s, 1_s}), 0.5);
    EXPECT_TRUE(parse_power_csv("time,power\n1767225600,1\n1767225601,1\n", "a").has_calendar_time);
}

TEST(PowerCsv, JoulescopesStatisticsAreReadByTheirEnergy) {
    // A row's energy counts up to its time; its power is the mean since the row before.
    const std::string text =
        "#time,current,voltage,power,charge,energy\n"
        "0.5,0.4,4.75,1.9,0.2,0.95\n1.0,0.4,4.75,1.9,0.4,1.90\n1.5,0.6,4.7,2.82,0.7,3.31\n2.0,0.4,4.75,1.9,0.9,4.26\n";
    const Recording recording = parse_power_csv(text, "js220.csv");
    EXPECT_NEAR(energy_of(recording, {0.5_s, 2_s}), 4.26 - 0.95, 1e-12);
    EXPECT_NEAR(energy_of(recording, {1_s, 1.5_s}), 1.41, 1e-12);
    EXPECT_NEAR(energy_of(recording, {1.25_s, 1.75_s}), 1.41 / 2 + 0.95 / 2, 1e-12);
    EXPECT_THAT(csv_refusal("#time,energy\n0,1\n1,2\n2,1\n"), HasSubstr("goes back"));
}

TEST(PowerCsv, SaysWhichColumnIsMissing) {
    EXPECT_THAT(csv_refusal("current,voltage\n1,2\n"), HasSubstr("no column 'time'"));
    EXPECT_THAT(csv_refusal("time,current\n0,1\n1,1\n"), HasSubstr("no column 'voltage'"));
    EXPECT_THAT(csv_refusal("time,voltage\n0,1\n1,1\n"), HasSubstr("no column 'current'"));
    EXPECT_THAT(csv_refusal("time,temperature\n0,1\n"), HasSubstr("neither 'power'"));
    EXPECT_THAT(csv_refusal("0,1,5\n1,1,5\n"), HasSubstr("first line must name the columns"));
    EXPECT_THAT(csv_refusal("time,power,power_mW\n0,1,1\n"), HasSubstr("second column"));
}

TEST(PowerCsv, AMissingColumnShowsBeforeThereAreRows) {
    EXPECT_THROW(check_power_csv_header("time,current\n", "power.csv"), Error);
    EXPECT_THROW(check_power_csv_header("time,current\n0,1\n1,", "power.csv"), Error);
    EXPECT_NO_THROW(check_power_csv_header("time,current,voltage\n", "power.csv"));
    EXPECT_NO_THROW(check_power_csv_header("", "power.csv")) << "it is not begun";
    EXPECT_NO_THROW(check_power_csv_header("time,curr", "power.csv")) << "the line is not whole yet";
}

TEST(ChosenMeter, RefusesATableWithoutItsColumnsAtOnce) {
    const std::filesystem::path file = std::filesystem::path(testing::TempDir()) / "no_columns.csv";
    VirtualClock clock;
    const std::string meter = "csv:" + file.string() + ",sync=pulse";
    EXPECT_NO_THROW(make_meter(meter, {}, clock)) << "the instrument may begin later";
    std::ofstream(file) << "time,temperature\n0,21\n";
    try {
        make_meter(meter, {}, clock);
        ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("neither 'power'"));
    }
    std::filesystem::remove(file);
    EXPECT_EQ(clock.now(), Seconds(0)) << "nothing was waited for";
}

TEST(PowerCsv, NamesTheLineThatIsWrong) {
    EXPECT_THAT(csv_refusal("time,power\n0,1\n1,one\n2,1\n"), HasSubstr("line 3: 'one' is not a number"));
    EXPECT_THAT(csv_refusal("time,power\n0,1\n2,1\n1,1\n"), HasSubstr("line 4"));
    EXPECT_THAT(csv_refusal("time,power\n0,1\n1,9e12\n2,1\n"), HasSubstr("9000000000000 W"));
    EXPECT_THAT(csv_refusal("time,power\n,1\n1,1\n"), HasSubstr("time is empty"));
    EXPECT_THAT(csv_refusal(""), HasSubstr("empty"));
    EXPECT_THAT(csv_refusal("time,power\n0,1\n"), HasSubstr("fewer than two rows"));
    EXPECT_THAT(csv_refusal("time,power\n0,\n1,\n2,nan\n"), HasSubstr("no row has a power"));
}

TEST(PowerCsv, ARowThatIsStillBeingWrittenIsLeftOut) {
    const Recording recording = parse_power_csv("time,power\n0,1\n1,1\n2,1\n3,12345", "a");
    EXPECT_EQ(recording.trace.span().to, Seconds(2_s));
}

TEST(PowerCsv, AnEmptyCellWasNotMeasured) {
    std::string text = "time,power\n";
    for (int i = 0; i < 100; ++i) text += std::to_string(i) + (i >= 40 && i < 60 ? ",\n" : ",1\n");
    const Recording recording = parse_power_csv(text, "a");
    EXPECT_NEAR(recording.trace.energy({0_s, 99_s}).covered.count(), 79, 1e-9);
}

TEST(PowerCsv, SurvivesAnyBytes) {
    Random random(3);
    const std::string seed = "time,current,voltage\n0,1,5\n1,1,5\n2,2,5\n3,nan,5\n";
    for (int i = 0; i < 3000; ++i) {
        std::string text = seed;
        for (std::uint64_t n = 1 + random.below(5); n > 0; --n) {
            text[random.below(text.size())] = static_cast<char>(random.below(256));
        }
        try {
            parse_power_csv(text, "a");
        } catch (const Error&) {
        }
    }
}

// MLPerf Tiny.

/// The published energy of each inference of a run, and its windows' inferences (windows.csv beside the trace).
struct Published {
    const char* folder;
    double inferences;
    double median;  ///< microjoules
};

class EnergyRun : public testing::TestWithParam<Published> {};

TEST_P(EnergyRun, IntegratesToThePublishedEnergyPerInference) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const Published& published = GetParam();
    const fs::path folder = fakes::shared_data() / "energy" / published.folder;
    const Recording recording = parse_trace_energy(bytes_of(folder / "trace1-energy.bin"), "trace");
    const auto windows = parse_measured_windows(bytes_of(folder / "trace1-timestamps.json"), "timestamps");
    ASSERT_EQ(windows.size(), 5U);
    // Each window against its own published energy, and the median against the headline.
    std::ifstream table(folder / "windows.csv");
    std::string line;
    std::getline(table, line);
    std::vector<double> each;
    for (const TimeWindow& window : windows) {
        ASSERT_TRUE(std::getline(table, line));
        std::istringstream cells(line);
        std::vector<double> numbers;
        for (std::string cell; std::getline(cells, cell, ',');) numbers.push_back(std::stod(cell));
        const double energy = energy_of(recording, window) * 1e6;
        EXPECT_NEAR(energy / numbers[6], 1.0, 1e-4) << "window " << numbers[0];
        EXPECT_NEAR(window.from.count(), numbers[1], 1e-9);
        each.push_back(energy / published.inferences);
    }
    std::sort(each.begin(), each.end());
    EXPECT_NEAR(each[2] / published.median, 1.0, 1e-4);
}
INSTANTIATE_TEST_SUITE_P(MlperfTiny, EnergyRun,
                         testing::Values(Published{"l4r5zi_ic", 30, 20236.298}, Published{"gap9_ic", 20000, 40.356}),
                         [](const auto& tested) { return tested.param.folder; });

std::string energy_file(float rate, const std::vector<float>& samples) {
    std::string bytes(1, '\xf1');
    bytes.append(reinterpret_cast<const char*>(&rate), sizeof rate);
    bytes.append(reinterpret_cast<const char*>(samples.data()), samples.size() * sizeof(float));
    return bytes;
}

TEST(TraceEnergy, ALostSampleIsAGap) {
    const Recording recording = parse_trace_energy(energy_file(10, {1e6F, std::nanf(""), 1e6F}), "a");
    EXPECT_EQ(recording.trace.pieces().size(), 2U);
    EXPECT_NEAR(recording.trace.energy({0_s, 0.3_s}).recorded.in(joules), 2.0, 1e-9);
}

TEST(TraceEnergy, RefusesWhatIsNone) {
    const auto refused = [](const std::string& bytes) { return refusal_of([&] { parse_trace_energy(bytes, "a"); }); };
    EXPECT_THAT(refused(""), HasSubstr("0xF1"));
    EXPECT_THAT(refused("time,power\n"), HasSubstr("0xF1"));
    EXPECT_THAT(refused(energy_file(0, {1})), HasSubstr("rate"));
    EXPECT_THAT(refused(energy_file(std::nanf(""), {1})), HasSubstr("rate"));
    EXPECT_THAT(refused(energy_file(1000, {1}) + "x"), HasSubstr("within a sample"));
    const auto stamps = [](const std::string& text) { return refusal_of([&] { parse_measured_windows(text, "a"); }); };
    EXPECT_THAT(stamps("[1, 2"), HasSubstr("not JSON"));
    EXPECT_THAT(stamps("{\"a\": 1}"), HasSubstr("array"));
    EXPECT_THAT(stamps("[1, 3, 2]"), HasSubstr("goes back"));
}

// Joulescope's file.

TEST(Jls, HasTheEnergyThatTheVendorsReaderFinds) {
    const Recording recording = parse_jls(own_data("power.jls"), "power.jls");
    ASSERT_TRUE(recording.has_calendar_time);
    const Seconds begin{1767225600.25};
    EXPECT_NEAR(recording.trace.span().from.count(), begin.count(), 1e-6);
    EXPECT_NEAR(energy_of(recording, {begin + 0.3_s, begin + 0.9_s}), 0.6151602754592895, 1e-6);
    const WindowEnergy all = recording.trace.energy({begin, begin + 2.5_s});
    EXPECT_NEAR(all.recorded.in(joules), 2.6373450877964495, 1e-6);
    EXPECT_NEAR(all.covered.count(), 2.3, 1e-5) << "200 samples were lost";
    EXPECT_FALSE(all.energy.has_value());
}

TEST(Jls, IsReadFromAFileWithoutHoldingIt) {
    const fs::path path = fs::path(__FILE__).parent_path() / "data" / "current_voltage.jls";
    const Recording recording = read_recording("joulescope:" + path.string());
    EXPECT_NEAR(energy_of(recording, {0_s, 2.5_s}), 2.852033821368122, 1e-6);
    EXPECT_THROW(read_recording("joulescope:" + path.parent_path().string()), Error);
    EXPECT_THROW(read_recording("joulescope:nowhere.jls"), Error);
    EXPECT_THROW(read_recording("rapl"), Error);
}

TEST(Jls, MultipliesCurrentAndVoltageWhereThereIsNoPower) {
    const Recording recording = parse_jls(own_data("current_voltage.jls"), "a");
    EXPECT_FALSE(recording.has_calendar_time);
    EXPECT_NEAR(energy_of(recording, {0_s, 2.5_s}), 2.852033821368122, 1e-6);
    EXPECT_NEAR(energy_of(recording, {0.3_s, 0.9_s}), 0.615160275306474, 1e-6);
}

/// The chunks' places in a file: their tags lie 16 bytes into each.
std::vector<std::size_t> chunks_of(const std::string& bytes, int tag) {
    std::vector<std::size_t> places;
    for (std::size_t at = 32; at + 32 <= bytes.size();) {
        std::uint32_t length = 0;
        std::memcpy(&length, bytes.data() + at + 20, sizeof length);
        if (static_cast<unsigned char>(bytes[at + 16]) == tag) places.push_back(at);
        at += 32 + (length == 0 ? 0 : (length + 4 + 7) / 8 * 8);
    }
    return places;
}

TEST(Jls, TakesTheSummariesWhereTheSamplesWereLeftOut) {
    std::string bytes = own_data("current_voltage.jls");
    for (const std::size_t place : chunks_of(bytes, 0x22)) bytes[place + 16] = 0x40;  // user data: passed over
    const Recording recording = parse_jls(bytes, "a");
    const Recording whole = parse_jls(own_data("current_voltage.jls"), "a");
    // 16 samples a summary: the product of means is not the mean of products, but near it here.
    const TimeWindow window{0.304_s, 0.896_s};
    EXPECT_NEAR(energy_of(recording, window) / energy_of(whole, window), 1.0, 1e-3);
    EXPECT_LT(recording.trace.pieces().size(), whole.trace.pieces().size() / 10);
}

TEST(Jls, AFileThatWasNotClosedIsReadAsFarAsItGoes) {
    const std::string whole = own_data("power.jls");
    const std::size_t second = chunks_of(whole, 0x22).at(1);
    const Recording recording = parse_jls(whole.substr(0, second + 100), "a");
    EXPECT_NEAR(recording.trace.span().length().count(), 1.024, 1e-3);
}

TEST(Jls, RefusesWhatIsNone) {
    const auto refused = [](const std::string& bytes) { return refusal_of([&] { parse_jls(bytes, "a.jls"); }); };
    EXPECT_THAT(refused(""), HasSubstr("does not begin"));
    EXPECT_THAT(refused("\xd3tagfmt \r\n \n  \x1a  "), HasSubstr("before 2022"));
    std::string newer = own_data("power.jls");
    newer[27] = 2;
    EXPECT_THAT(refused(newer), HasSubstr("format is 2"));
    std::string renamed = own_data("power.jls");
    renamed.replace(renamed.find("power\0", 0, 6), 5, "watts");
    EXPECT_THAT(refused(renamed), HasSubstr("neither a signal 'power'"));
}

TEST(Jls, SurvivesAnyBytes) {
    Random random(5);
    const std::string seed = own_data("current_voltage.jls");
    for (int i = 0; i < 400; ++i) {
        std::string bytes = seed;
        for (std::uint64_t n = 1 + random.below(8); n > 0; --n) {
            bytes[random.below(i % 2 == 0 ? bytes.size() : 4000)] = static_cast<char>(random.below(256));
        }
        if (i % 3 == 0) bytes.resize(random.below(bytes.size()));
        try {
            parse_jls(bytes, "a");
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
        }
    }
}

}  // namespace
}  // namespace breakeven
