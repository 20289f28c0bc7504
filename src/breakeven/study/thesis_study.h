// The study, measured: every variant on every platform, on a server, and across every link, one cell after the other.
// Each cell runs in child processes of its own, so that memory stays small and a crash costs one cell; each finished
// one is in the folder's record before the next begins.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "breakeven/emulator/emulator.h"
#include "breakeven/engine/engines.h"
#include "breakeven/study/assemble.h"
#include "breakeven/study/record.h"
#include "breakeven/study/variants.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// All variants, or the smallest size of each of the thesis' four networks, for a first look.
enum class Extent { full, quick };

/// The smallest size of each of the thesis' networks, by the names of our zoo: what `quick` needs.
std::vector<std::string> quick_networks();

struct ThesisRequest {
    std::filesystem::path folder;
    std::filesystem::path variants;   ///< what `zoo variants` made
    std::vector<Platform> platforms;  ///< of this device; empty: one thread, and all
    ThesisSettings settings;
    Extent extent = Extent::full;
    Seconds duration{10.0};  ///< steady run time of each cell; 150 s is the thesis' own
    std::string meter = "powers";
    std::optional<Seconds> rest = {};  ///< meter the machine at rest so long before each local cell
    bool counters = false;             ///< read hardware counters; a device without them says so
    EmulatorSupport emulator;          ///< asked before any thread starts
    Congestion congestion = Congestion::cubic;
    std::string command;  ///< as it was called, for the report
};

struct ThesisProgress {
    std::size_t done = 0, total = 0;
    std::optional<Seconds> left;
    std::string what;  ///< "MobileNet PQ 32 over wifi"
};

struct ThesisTools {
    Engines& engines;
    Clock& clock;
    std::string version;
    std::filesystem::path executable;
    std::function<void(const ThesisProgress&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct ThesisRun {
    std::vector<RecordEntry> entries;  ///< all of the record
    std::size_t total = 0;             ///< cells of this study
    std::size_t measured = 0;          ///< now
    std::size_t kept = 0;              ///< of earlier runs
    std::vector<std::string> failures;
    bool is_interrupted = false;
};

/// Throws Error as Record does, and for variants that are not there. A cell that fails is told in `failures`, and tried
/// again by the next run.
ThesisRun run_thesis(const ThesisRequest& request, const ThesisTools& tools);

}  // namespace breakeven
