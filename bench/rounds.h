// Interleaved rounds of two arms: the ratio of their medians with its interval, printed as one line.
// Interleaving and pairing let a machine's drift hit both arms alike.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "breakeven/stats/compare.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/text.h"

namespace breakeven::bench {

inline Seconds time_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::steady_clock::now() - start;
}

/// Samples of two arms, taken in turn; which goes first alternates.
struct Arms {
    std::vector<Seconds> ours;
    std::vector<Seconds> floor;
};

inline Arms interleave(int rounds, const std::function<Seconds()>& ours, const std::function<Seconds()>& floor) {
    Arms arms;
    for (int round = 0; round < rounds; ++round) {
        if (round % 2 == 0) arms.ours.push_back(ours());
        arms.floor.push_back(floor());
        if (round % 2 == 1) arms.ours.push_back(ours());
    }
    return arms;
}

}  // namespace breakeven::bench
