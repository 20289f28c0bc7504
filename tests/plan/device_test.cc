// Device files: powers come in with their unit, and what is not given is not invented.
#include "breakeven/plan/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

TEST(DeviceFile, GivesNameAndPowers) {
    const Device device = parse_device(R"({"name": "board", "active_power": "5W", "idle_power": "900mW"})", "b.json");
    EXPECT_EQ(device.name, "board");
    EXPECT_DOUBLE_EQ(device.powers.active->in(watts), 5.0);
    EXPECT_DOUBLE_EQ(device.powers.idle->in(watts), 0.9);
    EXPECT_DOUBLE_EQ(parse_device(R"({"active_power_w": 3.5})", "b").powers.active->in(watts), 3.5);
    EXPECT_FALSE(parse_device("{}", "b").powers.active.has_value()) << "what is not given is not invented";
}

TEST(DeviceFile, RefusesWhatItCannotTrust) {
    for (const char* text :
         {"", "[]", "{", R"({"active_power": 5})", R"({"active_power": "5"})", R"({"active_power": "5J"})",
          R"({"active_power_w": -1})", R"({"active_power_w": 1e30})", R"({"active_power_w": "5"})",
          R"({"active_powr": "5W"})", R"({"name": 7})", R"({"active_power": "5W", "active_power_w": 5})"}) {
        try {
            parse_device(text, "my.json");
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << text;
            EXPECT_THAT(error.what(), HasSubstr("my.json")) << text;
        }
    }
}

TEST(DeviceFile, TheCommandLineWins) {
    const Powers file{.active = watts(5), .idle = watts(1)};
    const Powers both = merged(file, {.active = watts(7), .idle = {}});
    EXPECT_EQ(both, (Powers{.active = watts(7), .idle = watts(1)}));
}

}  // namespace
}  // namespace breakeven
