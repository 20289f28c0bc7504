// Split times: the cuts of a network that may pay on some link, each one measured as two real parts, beside running all
// of it here and offloading all of it. The search proposes (plan/split_table.h, layer times by multiply-adds); what the
// parts really take decides, for engines fuse layers and a sum of layers is wrong.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/codec/codec.h"
#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/parts.h"
#include "breakeven/plan/cost.h"
#include "breakeven/plan/split_search.h"
#include "breakeven/tensor/preprocess.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct SplitTimesRequest {
    std::vector<Way> ways;                  ///< the links to search for; those cuts are measured that pay most on any
    double slowdown = 1.0;                  ///< the device is this many times slower than the server: this machine
    Platform platform;                      ///< of this machine, for heads and for all of it
    std::optional<Platform> tail_platform;  ///< of this machine as the server; else the same
    std::size_t runs = 30;                  ///< of each part, after the warm-up
    std::size_t candidates_max = 12;        ///< measured cuts
    std::optional<Preprocess> preprocess;   ///< for the `u8` offload; else what the model says
    std::vector<std::string> cut;           ///< measure this one only; empty: search
    SplitGoal goal = SplitGoal::latency;
    Powers power;                             ///< of the device; energy goals need them, and the link's energies
    std::vector<std::string> private_inputs;  ///< of the network: they never leave the device
    std::optional<Bytes> device_memory;       ///< a part's weights must fit where it runs
    std::optional<Bytes> server_memory;
    std::optional<Codec> codec = {};  ///< how tensors cross at a cut; nothing: as they are
};

struct SplitTools {
    Engines& engines;
    Clock& clock;
    std::function<void(const std::string&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

/// What the parts take on this machine; nothing for a part that is not there.
struct PartTimes {
    Seconds head{0.0};
    Seconds tail{0.0};
};

struct CutTimes {
    std::vector<std::string> cut;  ///< for split_at()
    Payload payload;               ///< what crosses up, coded, and the outputs that come back
    PartTimes predicted;           ///< from the whole network's time, by multiply-adds
    PartTimes measured;            ///< the parts' medians
    Bytes tail_size;               ///< weights that a server needs
    PartTimes coding = {};         ///< of `measured`, what coding takes here and decoding there
};

/// Not split: all here, or all there.
struct Unsplit {
    std::string kind;  ///< "local", "offload raw", "offload u8"
    Payload payload;
    PartTimes measured;
};

struct SplitTimes {
    std::vector<Unsplit> unsplit;  ///< those that fit; local first
    std::vector<CutTimes> cuts;    ///< by the goal's figure on the way where each does best, the best first
    std::vector<std::string> warnings;
};

/// Throws Error{usage} for an energy goal without powers or the link's energies, or a private input that is none.
/// Throws Error{input} when there is no cut at all, or none whose parts fit the memories; {unavailable} when it was
/// stopped before all was measured.
SplitTimes measure_splits(const ModelFile& model, const SplitTimesRequest& request, SplitTools& tools);

}  // namespace breakeven
