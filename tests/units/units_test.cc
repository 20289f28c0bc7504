// Quantities: arithmetic that means something compiles, the rest does not; text goes in and out with its unit.
#include "breakeven/units/units.h"

#include <gtest/gtest.h>

#include "breakeven/error.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using namespace literals;

template <class A, class B>
constexpr bool addable = requires(A a, B b) { a + b; };
template <class A, class B>
constexpr bool dividable = requires(A a, B b) { a / b; };

static_assert(addable<Joules, Joules>);
static_assert(!addable<Watts, Joules>);
static_assert(!addable<Bytes, Seconds>);
static_assert(!dividable<Bytes, JoulesPerByte>, "the printed formula divides; energy per byte multiplies");
static_assert(!std::is_convertible_v<double, Joules>);

TEST(Units, SizeOverRateIsTime) {
    EXPECT_DOUBLE_EQ((3040_kB / megabytes_per_second(3.04)).count(), 1.0);
}

TEST(Units, PowerTimesTimeIsEnergyAndBack) {
    const Joules energy = watts(5) * 200_ms;
    EXPECT_DOUBLE_EQ(energy.in(joules), 1.0);
    EXPECT_DOUBLE_EQ((energy / 2_s).in(watts), 0.5);
    EXPECT_DOUBLE_EQ((energy * 2_s).in(joule_seconds), 2.0);
}

TEST(Units, BitsAreAnEighthOfBytes) {
    EXPECT_DOUBLE_EQ(megabits_per_second(202).in(bytes_per_second), 25.25e6);
    EXPECT_DOUBLE_EQ(parse_rate("202Mbit/s", "rate").in(megabytes_per_second), 25.25);
}

TEST(Text, ReadsQuantitiesWithTheirUnit) {
    EXPECT_EQ(parse_bytes("49152B", "size"), Bytes(49152));
    EXPECT_EQ(parse_bytes("10kB", "size"), Bytes(10000));
    EXPECT_EQ(parse_bytes("10KiB", "size"), Bytes(10240));
    EXPECT_EQ(parse_bytes("2GiB", "size"), 2_GiB);
    EXPECT_DOUBLE_EQ(parse_seconds("50ms", "time").count(), 0.05);
    EXPECT_DOUBLE_EQ(parse_seconds("2 min", "time").count(), 120);
    EXPECT_DOUBLE_EQ(parse_watts("900mW", "power").in(watts), 0.9);
    EXPECT_DOUBLE_EQ(parse_joules_per_byte("57nJ/B", "energy").in(joules_per_byte), 57e-9);
}

TEST(Text, RefusesWhatHasNoUnitOrNoSense) {
    for (const char* text : {"5", "", "ms", "-5ms", "nan s", "inf s", "5 parsecs", "1e999s", "5ms5", "0x10s"}) {
        try {
            parse_seconds(text, "--deadline");
            FAIL() << "read '" << text << "'";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_NE(std::string(error.what()).find("50ms"), std::string::npos) << error.what();
        }
    }
    EXPECT_THROW(parse_bytes("99999999999GB", "size"), Error);
}

TEST(Text, PrintsThreeDigitsWithTheFittingPrefix) {
    EXPECT_EQ(to_text(Bytes(999)), "999 B");
    EXPECT_EQ(to_text(Bytes(49152)), "49.2 kB");
    EXPECT_EQ(to_text(35.14_ms), "35.1 ms");
    EXPECT_EQ(to_text(999.96_ms), "1.00 s");
    EXPECT_EQ(to_text(0_s), "0 s");
    EXPECT_EQ(to_text(joules(0.174)), "174 mJ");
    EXPECT_EQ(to_text(megabytes_per_second(3.04)), "3.04 MB/s");
}

TEST(Origin, MixingYieldsTheWeaker) {
    const Figure<Seconds> measured{1_s, Origin::measured};
    const Figure<Seconds> modelled{2_s, Origin::modelled};
    EXPECT_EQ((measured + modelled).origin, Origin::modelled);
    EXPECT_EQ((measured + measured).origin, Origin::measured);
    EXPECT_EQ(weaker(Origin::modelled, Origin::published), Origin::published);
}

TEST(Error, IsOneLineWhateverALibrarySaid) {
    const Error error(ErrorKind::input, "load 'x\ny'", "first\n\n  second\t\x01" + std::string(5000, 'z'));
    const std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_LT(text.size(), 1400U);
}

}  // namespace
}  // namespace breakeven
