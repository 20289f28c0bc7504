// Findings: the answer in words, computed from a results table: thresholds, who wins where, what goes with what, what
// compressing bought, how far the model is from the measurement, and how the thesis' figures compare.
#pragma once

#include <string>
#include <vector>

#include "breakeven/stats/correlation.h"
#include "breakeven/thesis/checks.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

struct Finding {
    std::string id;  ///< "thresholds"
    std::string title;
    std::vector<std::string> lines;
};

struct StudyAnswer {
    std::string headline;
    std::string lead;
    std::vector<Finding> findings;
};

StudyAnswer answer(const Results& results, const ThesisChecks& checks);

/// The rows that compete for a variant: all that the device can choose, but a modelled offload only where the same one
/// was not measured.
std::vector<const Row*> contenders(const Results& results, std::size_t variant);

/// How often each series wins, by latency or by energy; most first.
struct Wins {
    std::string series;
    std::size_t count = 0;
};
/// How many variants somebody won: a study may not be complete.
std::size_t decided(const std::vector<Wins>& all);
enum class WinBy { latency, energy_high, energy_low };
std::vector<Wins> wins(const Results& results, WinBy by);

/// A variant's latency as a multiple of another form's of the same network, size, platform.
struct Gain {
    std::string series;
    std::string recipe;           ///< the quicker form hoped for
    std::string against;          ///< "" (uncompressed) or another recipe
    std::vector<double> ratios;   ///< latency of `against` / latency of `recipe`, one a network and size
    std::vector<std::string> of;  ///< their networks
};
std::vector<Gain> compression_gains(const Results& results);

/// Figures of the rows of one series that can be set against each other.
struct Observations {
    std::string series;
    std::vector<const Row*> rows;
};
/// One for each series, in the order of the table.
std::vector<Observations> by_series(const Results& results);

}  // namespace breakeven
