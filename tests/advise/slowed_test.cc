// Running slowed down for real, or the reason why not.
#include "breakeven/advise/slowed.h"

#include <gtest/gtest.h>

#include <chrono>

#include "breakeven/emulator/slow_device.h"
#include "breakeven/error.h"
#include "breakeven/measure/steady_clock.h"

namespace breakeven {
namespace {

using namespace literals;

/// Computes for so long.
class Busy final : public Runner {
   public:
    explicit Busy(Seconds work) : work_(work) {}
    const std::vector<TensorSpec>& inputs() const override { return none_; }
    const std::vector<TensorSpec>& outputs() const override { return none_; }
    RunResult run(std::span<const Tensor> /*tensors*/) override {
        ++runs;
        timespec begin{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        for (timespec now = begin; since(begin, now) < work_; ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)) continue;
        return {};
    }
    int runs = 0;

   private:
    static Seconds since(const timespec& begin, const timespec& now) {
        return Seconds(static_cast<double>(now.tv_sec - begin.tv_sec) +
                       static_cast<double>(now.tv_nsec - begin.tv_nsec) * 1e-9);
    }
    Seconds work_;
    std::vector<TensorSpec> none_;
};

TEST(MeasureSlowed, TakesItsMultipleOrSaysWhyNot) {
    Busy busy(20_ms);
    SteadyClock clock;
    const Slowed slowed =
        measure_slowed(busy, {}, {.platform = parse_platform("cpu:1"), .unslowed = 20_ms, .slowdown = 6.0}, clock);
    if (!slowed.times) {
        EXPECT_NE(slowed.reason.find("control group"), std::string::npos) << slowed.reason;
        return;
    }
    EXPECT_GE(slowed.times->p50, 20_ms * 6.0 * 0.85) << "a busy machine may make it longer";
    EXPECT_GE(slowed.times->p99, slowed.times->p50);
}

TEST(MeasureSlowed, RefusesTimesTooShortForAQuotaWithoutRunning) {
    Busy busy(1_ms);
    SteadyClock clock;
    const Slowed slowed =
        measure_slowed(busy, {}, {.platform = parse_platform("cpu:1"), .unslowed = 1_ms, .slowdown = 4.0}, clock);
    EXPECT_FALSE(slowed.times);
    EXPECT_NE(slowed.reason.find("periods"), std::string::npos) << slowed.reason;
    EXPECT_EQ(busy.runs, 0);
}

TEST(MeasureSlowed, RefusesWhatIsNoProcessor) {
    Busy busy(20_ms);
    SteadyClock clock;
    Platform platform = parse_platform("cpu:1");
    platform.unit = "gpu";
    EXPECT_FALSE(measure_slowed(busy, {}, {.platform = platform, .unslowed = 1_s, .slowdown = 4.0}, clock).times);
    EXPECT_EQ(busy.runs, 0);
}

}  // namespace
}  // namespace breakeven
