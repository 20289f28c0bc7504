// The link's probe against a real server on the loopback.
#include "breakeven/wire/probe.h"

#include <gtest/gtest.h>

#include <array>

#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::refusal;
using fakes::World;

TEST(Probe, GivesARateOrTheReasonForEachDirection) {
    World world;
    Client& client = world.start();
    const LinkProbe probe = probe_link(client, world.clock, {.time = Seconds(4), .call_max = Bytes(4 << 20)});
    EXPECT_GT(probe.round_trip, Seconds(0));
    EXPECT_GT(probe.connect, Seconds(0));
    // Loopback on a busy machine can be too fast to time: then it says so. Figures: tests/contract/emulated_probe.py.
    EXPECT_EQ(probe.up.rate.has_value(), probe.up.reason.empty());
    EXPECT_EQ(probe.down.rate.has_value(), probe.down.reason.empty());
    EXPECT_EQ(probe.server, "breakeven 0");
}

TEST(Probe, ItsModelIsBounded) {
    World world;
    Client& client = world.start();
    const std::array<std::int64_t, 1> wanted{std::int64_t{1} << 40};
    Request request{.model = "breakeven.probe",
                    .version = {},
                    .id = {},
                    .parameters = {},
                    .inputs = {{"payload", Tensor(DType::uint8, {0})},
                               {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
                    .outputs = {}};
    EXPECT_EQ(refusal(client.infer(request)), "reply_bytes is 1099511627776, it must be 0 to 16777216");
}

}  // namespace
}  // namespace breakeven
