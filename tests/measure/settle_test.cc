// Settling: an engine whose threads outlast its turn makes nobody else look slow, in a measurement and whatever its
// order.
#include "breakeven/measure/settle.h"

#include <gtest/gtest.h>

#include "breakeven/measure/measurement.h"
#include "fakes/fake_runner.h"

namespace breakeven {
namespace {

/// The first's threads look for work for 40 ms after each run; meanwhile the second takes 8 ms instead of 3. Its own
/// threads sleep after 10 ms without work: a run that wakes them takes 1 ms longer.
struct Pair {
    VirtualClock clock;
    Seconds spins_until{0.0};
    Seconds asleep_from{0.0};
    fakes::FakeRunner spinning{clock, [this](std::size_t) {
                                   spins_until = clock.now() + Seconds(0.044);
                                   return Seconds(0.004);
                               }};
    fakes::FakeRunner disturbed{clock, [this](std::size_t) {
                                    const Seconds begins = clock.now();
                                    const bool sleeps = begins > asleep_from;
                                    const Seconds time =
                                        Seconds(begins < spins_until ? 0.008 : 0.003) + Seconds(sleeps ? 0.001 : 0.0);
                                    asleep_from = begins + time + Seconds(0.01);
                                    return time;
                                }};

    MeasurementSet measure(const Platform& first, TurnOrder order) {
        const Platform second{"openvino", "cpu", 2};
        PowerMeter meter{Powers{}};
        MeasureOptions options;
        options.order = order;
        return breakeven::measure({{first, spinning, {}}, {second, disturbed, {}}}, options, clock, meter);
    }
};

TEST(Settling, ThreadsOfARivalAreAsleepAndOwnOnesAwakeInEveryCountedRun) {
    for (const TurnOrder order : {TurnOrder::mirrored, TurnOrder::shuffled}) {
        const MeasurementSet set = Pair().measure({"onnxruntime", "cpu", 2}, order);
        const std::vector<Seconds>& samples = set.measurements[1].samples;
        // But for the very first, of whose pace nothing is known.
        for (std::size_t i = 1; i < samples.size(); ++i) EXPECT_NEAR(samples[i].count(), 0.003, 1e-9) << i;
    }
}

TEST(Settling, ARivalWithoutThreadsCostsNoRest) {
    VirtualClock clock;
    fakes::FakeRunner a(clock, [](std::size_t) { return Seconds(0.001); });
    fakes::FakeRunner b(clock, [](std::size_t) { return Seconds(0.001); });
    PowerMeter meter{Powers{}};
    const Platform one{"onnxruntime", "cpu", 1};
    measure({{one, a, {}}, {one, b, {}}}, {}, clock, meter);
    EXPECT_NEAR(clock.now().count(), 0.001 * static_cast<double>(a.runs + b.runs), 1e-9);
}

}  // namespace
}  // namespace breakeven
