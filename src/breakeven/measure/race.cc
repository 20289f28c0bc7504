// Race: see race.h.
#include "breakeven/measure/race.h"

#include <algorithm>

#include "breakeven/measure/settle.h"
#include "breakeven/stats/compare.h"

namespace breakeven {
namespace {

constexpr std::size_t turn_runs_most = 1000;
/// Fewer rounds cannot be compared (stats/compare.h).
constexpr std::size_t rounds_to_compare = 6;
/// A busy machine disturbs several rounds in a row: nobody leaves for what those few show.
constexpr std::size_t rounds_to_leave = 10;
/// Who is slower than this in each of some rounds needs no statistics.
constexpr double hopeless = 1.15;
constexpr std::size_t rounds_hopeless = 2;

Seconds median(std::vector<Seconds> values) {
    return Seconds(quantile(sorted_copy([&] {
                                std::vector<double> numbers;
                                for (const Seconds value : values) numbers.push_back(value.count());
                                return numbers;
                            }()),
                            0.5));
}

class Lane final {
   public:
    explicit Lane(const Racer& racer) : racer_(racer) {}

    bool runs() const { return runs_; }
    const std::vector<Seconds>& rounds() const { return rounds_; }
    void leave(Finish finish) {
        standing.finish = finish;
        runs_ = false;
    }

    void take_turn(const RaceLimits& limits, Clock& clock) {
        try {
            const bool is_first = pace_ == Seconds(0);
            if (!is_first && (pace_ < settle_below || limits.rest > Seconds(0))) {
                settle(racer_.runner, racer_.inputs, limits.rest, clock);
            }
            std::vector<Seconds> times;
            const Seconds began = clock.now();
            Seconds now = began;
            do {
                (void)racer_.runner.run(racer_.inputs);
                const Seconds after = clock.now();
                times.push_back(after - now);
                now = after;
            } while (now - began < limits.turn && times.size() < turn_runs_most);
            pace_ = std::max(median(std::move(times)), Seconds(1e-9));
            if (!is_first) rounds_.push_back(pace_);
        } catch (const Error& error) {
            standing.failure = error;
            leave(Finish::failed);
        }
    }

    Standing standing;

   private:
    const Racer& racer_;
    std::vector<Seconds> rounds_;
    Seconds pace_{0.0};
    bool runs_ = true;
};

/// Fills in how `lane` did against the winner, over the rounds both ran.
void compare_with(const Lane& winner, Lane& lane) {
    const std::size_t n = std::min(winner.rounds().size(), lane.rounds().size());
    lane.standing.rounds = lane.rounds().size();
    if (lane.rounds().empty()) return;
    lane.standing.latency = median(lane.rounds());
    if (n == 0 || &winner == &lane) return;
    const std::span<const Seconds> subject = std::span(lane.rounds()).first(n);
    const std::span<const Seconds> baseline = std::span(winner.rounds()).first(n);
    const auto compared = compare_medians({.subject = subject, .baseline = baseline});
    lane.standing.ratio = compared
                              ? compared->ratio
                              : median({subject.begin(), subject.end()}) / median({baseline.begin(), baseline.end()});
    lane.standing.ci95.reset();
    if (compared) lane.standing.ci95 = compared->ci95;
}

bool is_hopeless(const Lane& leader, const Lane& lane) {
    if (lane.rounds().size() < rounds_hopeless) return false;
    return *std::ranges::min_element(lane.rounds()) > hopeless * *std::ranges::max_element(leader.rounds());
}

const Lane* leader_of(const std::vector<Lane>& lanes) {
    const Lane* leader = nullptr;
    Seconds least{0.0};
    for (const Lane& lane : lanes) {
        if (!lane.runs() || lane.rounds().empty()) continue;
        const Seconds own = median(lane.rounds());
        if (leader == nullptr || own < least) {
            leader = &lane;
            least = own;
        }
    }
    return leader;
}

/// Sends home who was shown to be slower. Whether all the others are shown to be tied.
bool weed_out(std::vector<Lane>& lanes, const RaceLimits& limits) {
    const Lane* leader = leader_of(lanes);
    if (leader == nullptr) return true;
    bool settled = true;
    for (Lane& lane : lanes) {
        if (!lane.runs() || &lane == leader) continue;
        compare_with(*leader, lane);
        const Standing& standing = lane.standing;
        const bool is_slower = standing.rounds >= rounds_to_leave && standing.ci95 && standing.ci95->low > 1.0 &&
                               standing.ratio > 1.0 + limits.tie;
        if (is_slower || is_hopeless(*leader, lane)) {
            lane.leave(Finish::slower);
        } else if (!standing.ci95 || standing.ci95->high > 1.0 + limits.tie) {
            settled = false;
        }
    }
    return settled;
}

}  // namespace

RaceResult race(const std::vector<Racer>& racers, const RaceLimits& limits, Clock& clock) {
    std::vector<Lane> lanes;
    lanes.reserve(racers.size());
    for (const Racer& racer : racers) lanes.emplace_back(racer);
    const auto stopped = [&] { return limits.stop != nullptr && limits.stop->load(std::memory_order_relaxed); };
    const Seconds began = clock.now();
    RaceResult result;
    for (std::size_t round = 0; round <= limits.rounds && !result.settled && !stopped(); ++round) {
        const double gone = limits.time > Seconds(0) ? (clock.now() - began) / limits.time : 1.0;
        // The first round only warms up; one more must follow it, or nothing is known.
        if (round > 1 && gone >= 1.0) break;
        if (limits.progress) limits.progress(std::min(gone, 1.0));
        for (std::size_t i = 0; i < lanes.size() && !stopped(); ++i) {
            Lane& lane = lanes[round % 2 == 0 ? i : lanes.size() - 1 - i];  // a slow drift hits all alike
            if (!lane.runs()) continue;
            lane.take_turn(limits, clock);
        }
        const auto left = std::ranges::count_if(lanes, &Lane::runs);
        if (left == 0) break;
        if (round > 0 && !stopped()) {
            const bool all_tied = weed_out(lanes, limits);
            const bool alone = std::ranges::count_if(lanes, &Lane::runs) == 1;
            result.settled = (alone || all_tied) && round >= rounds_to_compare;
        }
    }
    if (const Lane* winner = leader_of(lanes); winner != nullptr) {
        result.winner = static_cast<std::size_t>(winner - lanes.data());
        for (Lane& lane : lanes) {
            compare_with(*winner, lane);
            // It lost against another leader; against this one, while both ran, it did not.
            if (lane.standing.finish == Finish::slower && lane.standing.ratio < 1.0) {
                lane.standing.finish = Finish::tied;
                result.settled = false;
            }
        }
    }
    for (Lane& lane : lanes) result.standings.push_back(lane.standing);
    return result;
}

}  // namespace breakeven
