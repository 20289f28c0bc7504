// The study's transfer formula and link profiles: closed forms, properties, and profile text however hostile.
#include "breakeven/link/transfer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "breakeven/error.h"
#include "breakeven/link/profile.h"

namespace breakeven {
namespace {

using namespace literals;

LinkProfile link_of(double latency_s, double up, double down) {
    return {.name = "x",
            .one_way_latency = Seconds(latency_s),
            .up = bytes_per_second(up),
            .down = bytes_per_second(down),
            .up_energy = std::nullopt,
            .down_energy = std::nullopt};
}

TEST(TransferTime, OfTheStudysEthernetIsRoundTripPlusBytesOverRates) {
    const TransferTime time = transfer_time(*study_link("ethernet"), {.up = 49152_B, .down = 400_B});
    EXPECT_DOUBLE_EQ(time.rtt.count(), 0.020);
    EXPECT_DOUBLE_EQ(time.up.count(), 49152 / 3.04e6);
    EXPECT_DOUBLE_EQ(time.down.count(), 400 / 7.13e6);
    EXPECT_DOUBLE_EQ(time.total().count(), 0.020 + 49152 / 3.04e6 + 400 / 7.13e6);
}

TEST(TransferTime, At5GCountsBitsAsAnEighthOfBytes) {
    EXPECT_NEAR(transfer_time(*study_link("5g"), {.up = Bytes(25'250'000), .down = 0_B}).up.count(), 1.0, 1e-12);
}

RC_GTEST_PROP(TransferTime, DoublingARateNeverRaisesIt, ()) {
    const auto rate = *rc::gen::inRange(1, 1000000000);
    const Payload payload{.up = Bytes(*rc::gen::inRange(0, 1000000000)), .down = Bytes(*rc::gen::inRange(0, 1000000))};
    const double up = rate;
    RC_ASSERT(transfer_time(link_of(0.01, 2 * up, 1e6), payload).total() <=
              transfer_time(link_of(0.01, up, 1e6), payload).total());
    RC_ASSERT(transfer_time(link_of(0.01, 1e6, 2 * up), payload).total() <=
              transfer_time(link_of(0.01, 1e6, up), payload).total());
}

TEST(NetworkEnergy, MultipliesBytesByJoulesPerByte) {
    const auto energy = network_energy(*study_link("wifi"), {.up = 1000_B, .down = 100_B});
    ASSERT_TRUE(energy);
    EXPECT_DOUBLE_EQ(energy->in(joules), 1000 * 139e-9 + 100 * 110e-9);
}

TEST(NetworkEnergy, IsUnknownWhereTheLinkHasNoFigures) {
    EXPECT_FALSE(network_energy(*study_link("5g"), {.up = 1000_B, .down = 100_B}));
    LinkProfile half = *study_link("wifi");
    half.down_energy.reset();
    EXPECT_FALSE(network_energy(half, {.up = 1000_B, .down = 100_B}));
}

TEST(StudyLinks, AreThreeAndRadioIsWifi) {
    EXPECT_EQ(study_links().size(), 3U);
    EXPECT_EQ(study_link("radio"), study_link("wifi"));
    EXPECT_FALSE(study_link("carrier pigeon"));
}

TEST(LinkProfileText, OfEachStudyLinkReadsBackTheSame) {
    for (const LinkProfile& link : study_links()) {
        EXPECT_EQ(parse_link_profile(link_profile_text(link), "x"), link) << link_profile_text(link);
    }
    EXPECT_EQ(link_profile_text(*study_link("ethernet")),
              R"({"name":"ethernet","one_way_latency":"10ms","up":"3.04MB/s","down":"7.13MB/s",)"
              R"("up_energy":"128nJ/B","down_energy":"57nJ/B"})");
}

RC_GTEST_PROP(LinkProfileText, ReadsBackTheSame, ()) {
    const auto fraction = [] { return *rc::gen::inRange(0, 1 << 30) / static_cast<double>(1 << 30); };
    LinkProfile link = link_of(fraction() * 60, 1 + fraction() * 1e11, 1 + fraction() * 1e6);
    if (*rc::gen::arbitrary<bool>()) link.up_energy = joules_per_byte(fraction());
    if (*rc::gen::arbitrary<bool>()) link.down_energy = joules_per_byte(fraction() * 1e-6);
    RC_ASSERT(parse_link_profile(link_profile_text(link), "y") == link);
}

TEST(LinkProfileText, TakesItsNameFromWhereItCame) {
    const LinkProfile link =
        parse_link_profile(R"({"one_way_latency":"10ms","up":"3.04MB/s","down":"202Mbit/s"})", "lab.json");
    EXPECT_EQ(link.name, "lab.json");
    EXPECT_DOUBLE_EQ(link.down.in(bytes_per_second), 25.25e6);
    EXPECT_FALSE(link.up_energy);
}

struct Refused {
    const char* text;
    const char* because;
};

TEST(LinkProfileText, IsRefusedWithItsReason) {
    const std::string nested(60000, '[');
    const std::string huge(100000, ' ');
    const Refused cases[] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"\xff\xfe\x00{", "not JSON"},
        {nested.c_str(), "not JSON"},
        {huge.c_str(), "bytes long"},
        {"[]", "JSON object"},
        {"17", "JSON object"},
        {R"({"up":"1MB/s","down":"1MB/s"})", "'one_way_latency' is missing"},
        {R"({"one_way_latency":"1ms","down":"1MB/s"})", "'up' is missing"},
        {R"({"one_way_latency":"1ms","up":"1MB/s"})", "'down' is missing"},
        {R"({"one_way_latency":"1ms","up":"1MB/s","down":"1MB/s","loss":"1%"})", "unknown key 'loss'"},
        {R"({"one_way_latency":"1ms","up":"1MB/s","up":"2MB/s","down":"1MB/s"})", "'up' appears twice"},
        {R"({"one_way_latency":10,"up":"1MB/s","down":"1MB/s"})", "string with its unit"},
        {R"({"one_way_latency":"10","up":"1MB/s","down":"1MB/s"})", "unit is missing"},
        {R"({"one_way_latency":"10ms","up":"1MB","down":"1MB/s"})", "unknown unit 'MB'"},
        {R"({"one_way_latency":"10ms","up":"0MB/s","down":"1MB/s"})", "'up' is 0 B/s"},
        {R"({"one_way_latency":"10ms","up":"1MB/s","down":"1e300GB/s"})", "'down' is"},
        {R"({"one_way_latency":"10ms","up":"1MB/s","down":"nan MB/s"})", "finite"},
        {R"({"one_way_latency":"-1ms","up":"1MB/s","down":"1MB/s"})", "not negative"},
        {R"({"one_way_latency":"2h","up":"1MB/s","down":"1MB/s"})", "between 0 and 60 s"},
        {R"({"one_way_latency":"1ms","up":"1MB/s","down":"1MB/s","up_energy":"5J/B"})", "'up_energy' is 5"},
        {R"({"name":"","one_way_latency":"1ms","up":"1MB/s","down":"1MB/s"})", "'name' must be"},
        {R"({"name":"a\u001b[2J","one_way_latency":"1ms","up":"1MB/s","down":"1MB/s"})", "'name' must be"},
        {R"({"name":{},"one_way_latency":"1ms","up":"1MB/s","down":"1MB/s"})", "'name' must be"},
    };
    for (const Refused& refused : cases) {
        try {
            parse_link_profile(refused.text, "evil.json");
            ADD_FAILURE() << "read " << std::string(refused.text).substr(0, 80);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_NE(std::string(error.what()).find(refused.because), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find("evil.json"), std::string::npos) << error.what();
        }
    }
}

}  // namespace
}  // namespace breakeven
