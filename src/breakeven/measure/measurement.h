// Measurement: how long a network takes on each of several platforms, measured in turns under the same conditions.
// Only Runner::run lies inside the timed stretch; the warm-up is found, not assumed; raw samples are kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/error.h"
#include "breakeven/measure/counters.h"
#include "breakeven/meters/meter.h"
#include "breakeven/stats/summary.h"
#include "breakeven/stats/warmup.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// What is measured: a model loaded on a platform, and the inputs of each of its runs.
struct Subject {
    Platform platform;
    Runner& runner;
    std::vector<Tensor> inputs;
    std::string title = {};  ///< what messages call it; empty: the platform
};

/// How the subjects take turns. Mirrored: A B C, C B A, ...: a slow drift hits all alike. Shuffled: each round anew, by
/// the seed: what comes in rhythm hits all alike.
enum class TurnOrder { mirrored, shuffled };

struct Progress {
    double fraction = 0.0;  ///< of the work, 0 to 1
    std::optional<Seconds> left;
    std::size_t runs = 0;  ///< of all subjects so far
};

struct MeasureOptions {
    /// Steady runs of each subject. Before them come those of the warm-up, at most as many again.
    std::size_t runs = 100;
    /// Instead of `runs`: until the steady runs of each subject together took so long (the study's window is 150 s).
    std::optional<Seconds> duration;
    /// Runs that are never counted, even where the series is too short to find the warm-up (below 50 runs).
    std::size_t warmup_least = 5;
    /// How long a subject's turn takes: longer ones disturb the caches less often, shorter ones mix better.
    Seconds turn{0.1};
    TurnOrder order = TurnOrder::mirrored;
    std::uint64_t seed = 1;
    /// How long nothing happens before each run: a sporadic application, whose connection rests in between.
    Seconds rest{0.0};
    /// Instead of none: rest so long before all, so that what the machine draws at rest is known.
    std::optional<Seconds> idle_baseline = {};
    Counters* counters = nullptr;                   ///< none where null
    std::function<void(const Progress&)> progress;  ///< between turns, at most ten times a second
    const std::atomic<bool>* stop = nullptr;        ///< set from anywhere: return what was measured
};

/// The parts of a remote run, as the server tells them; the network has what it does not account for.
struct ServerSummary {
    Summary queue;
    Summary compute;
    Summary network;
};

struct Measurement {
    Platform platform;
    std::string title;             ///< of the subject
    std::vector<Seconds> samples;  ///< all runs in order, those of the warm-up first
    /// Of each sample; empty where a run told none, as local ones do.
    std::vector<ServerTimes> server_times;
    /// Of each sample of a network in two parts: how long the head took on this device.
    std::vector<Seconds> head_times;
    Warmup warmup;
    std::optional<Summary> latency;       ///< of the steady runs; nothing when there were none
    std::optional<Summary> head;          ///< where every steady run had one
    std::optional<ServerSummary> server;  ///< where every steady run told its parts
    EnergyReading energy;                 ///< of one steady run, the mean
    /// The same above what the machine draws at rest, where that was measured.
    std::optional<Figure<Joules>> energy_above_idle;
    std::vector<EventCount> counts;  ///< of one steady run, the mean; empty where none were asked for
    std::string meter;
    std::optional<Seconds> processor_time;  ///< of this process for one steady run, the mean
    std::optional<Error> failure;           ///< why it ended early: a server that was lost, inputs that do not fit
};

struct MeasurementSet {
    std::vector<Measurement> measurements;  ///< in the order of the subjects
    Bytes peak_memory;                      ///< resident, of this process with all subjects loaded
    /// What the machine drew at rest; nothing, with a reason where it was asked for.
    std::optional<Figure<Watts>> idle_power;
    std::string idle_reason;
    bool interrupted = false;
    std::vector<std::string> warnings;  ///< no steady state, many outliers, too few runs
};

/// The summaries of a measurement's samples, made again from them: `latency`, `head` and `server`.
void summarize_steady(Measurement& measurement);

MeasurementSet measure(const std::vector<Subject>& subjects, const MeasureOptions& options, Clock& clock, Meter& meter);

}  // namespace breakeven
