// AdaptivePolicy: Breakeven's own. Physics is known (bytes over rate, round trips, windows), so it estimates the few
// numbers that are not, as distributions, and takes the plan with the least expected time over them. While a plan
// waits, the bytes acknowledged so far say whether it will be late; then the local run starts beside it (a hedge; Dean
// & Barroso 2013, "The tail at scale"). A budget caps such duplicated runs: its price rises as it runs out, and the
// same price enters the choice, so a plan that would often need a hedge looks as dear as it is.
#pragma once

#include <cstdint>

#include "breakeven/plan/policy.h"

namespace breakeven {

class AdaptivePolicy final : public Policy {
   public:
    struct Options {
        SendWindow window = SendWindow::open;
        RateEstimator::Options rate{};
        Seconds first_round_trip{0.05};
        /// Runs that may be duplicated, of all; more makes late answers rarer and costs the device energy.
        double hedge_share = 0.08;
        double hedge_burst = 8.0;  ///< saved up at most, in runs: bad stretches need several at once
        double hedge_price = 0.1;  ///< of one hedge when the budget is half empty, in local runs
        double emergency = 1.0;    ///< with no budget left a hedge must save so many runs of the device
        Seconds probe_after{0.9};  ///< the link's rate is too old then; more often costs bytes and radio energy
        Bytes probe{16'000};
        double switch_gain = 0.01;  ///< another plan must be better by this share than the last one
        double reviews = 32.0;      ///< reviews in the time of a local run: more notices lateness earlier
    };
    AdaptivePolicy(const PlanTable& table, const Options& options);

    Choice choose(const Situation& situation) override;
    Review review(const Waiting& waiting) override;
    void observe(const Observation& observation) override;

   private:
    struct Score {
        double seconds = 0.0;
        double first_review = 0.0;
    };
    Score score(std::size_t plan, const RateDistribution& up, const Situation& situation) const;
    double hedge_worth() const;
    double last_moment(std::size_t plan, Seconds now, std::optional<Seconds> deadline) const;
    double review_step(Seconds now) const;
    double local_seconds(Seconds now) const;

    PlanTable table_;
    Options options_;
    RateEstimator up_;
    LogFilter down_to_up_;  ///< replies are rare while plans are local, so the downlink is known by its ratio
    RoundTripEstimator round_trip_;
    SlownessEstimator device_;
    SlownessEstimator server_;
    QueueEstimator queue_;
    double budget_;
    std::optional<std::size_t> last_plan_;
    std::optional<Seconds> last_probe_;
};

}  // namespace breakeven
