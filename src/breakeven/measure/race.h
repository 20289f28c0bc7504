// Race: which of several loaded networks is the quickest, with as few runs as it takes to tell. All take turns in
// rounds; whoever was shown to be slower leaves, so that the time goes to those that are close (racing: Maron & Moore
// 1994, "Hoeffding races"; here with the paired comparison of medians of stats/compare.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/error.h"
#include "breakeven/stats/interval.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct Racer {
    Runner& runner;
    const std::vector<Tensor>& inputs;
};

struct RaceLimits {
    Seconds time{5.0};   ///< of all; a round that has begun is ended
    Seconds turn{0.03};  ///< of one racer in one round; at least one run
    Seconds rest{0.0};   ///< before each turn, with uncounted runs after it (settle.h)
    std::size_t rounds = 200;
    /// Nobody minds being slower by this share: two as close as that are tied, and nothing is spent on telling them
    /// apart.
    double tie = 0.015;
    std::function<void(double)> progress;     ///< the share of the time that is gone; between rounds
    const std::atomic<bool>* stop = nullptr;  ///< set from anywhere: return what is known
};

enum class Finish { tied, slower, failed };

/// How one racer did. Against the winner: over the rounds that both ran.
struct Standing {
    Finish finish = Finish::tied;
    Seconds latency{0.0};                    ///< median over its rounds of their medians
    double ratio = 1.0;                      ///< to the winner's
    std::optional<Interval<double>> ci95{};  ///< of that; nothing where there were too few rounds
    std::size_t rounds = 0;
    std::optional<Error> failure{};
};

struct RaceResult {
    std::vector<Standing> standings;      ///< in the order of the racers
    std::optional<std::size_t> winner{};  ///< the least median of those that stayed; nothing when all failed
    bool settled = false;  ///< everybody else was shown to be slower or tied; else the time was over before
};

/// The first turn of each is not counted.
RaceResult race(const std::vector<Racer>& racers, const RaceLimits& limits, Clock& clock);

}  // namespace breakeven
