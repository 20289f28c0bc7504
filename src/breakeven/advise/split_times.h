// Split times: the cuts of a network that may pay on a link, each one measured as two real parts, beside running all of
// it here and offloading all of it. The search proposes (plan/split_table.h, layer times by multiply-adds); what the
// parts really take decides, for engines fuse layers and a sum of layers is wrong.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/link/transfer.h"
#include "breakeven/model/parts.h"
#include "breakeven/tensor/preprocess.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct SplitTimesRequest {
    LinkProfile link;
    double slowdown = 1.0;                 ///< the device is this many times slower than the server: this machine
    Platform platform;                     ///< of this machine, for both parts
    std::size_t runs = 30;                 ///< of each part, after the warm-up
    std::size_t candidates_max = 12;       ///< measured cuts
    std::optional<Preprocess> preprocess;  ///< for the `u8` offload; else what the model says
    std::vector<std::string> cut;          ///< measure this one only; empty: search
};

struct SplitTools {
    Engines& engines;
    Clock& clock;
    std::function<void(const std::string&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

/// One inference, in the order things happen.
struct SplitLatency {
    Seconds head{0.0};      ///< on the device
    Seconds transfer{0.0};  ///< eq. 2.2 of transfer.h, both ways
    Seconds tail{0.0};      ///< on the server
    Seconds total() const { return head + transfer + tail; }
};

struct SplitCandidate {
    std::vector<std::string> cut;  ///< for split_at()
    Payload payload;               ///< what crosses up, and the outputs that come back
    SplitLatency predicted;        ///< from the whole network's time, by multiply-adds
    SplitLatency measured;         ///< from the parts' medians
    /// Of the computing, predicted over measured, minus 1: the transfer is the same model in both.
    double prediction_error() const;
};

/// Not split: all here, or all there.
struct Unsplit {
    std::string kind;  ///< "local", "offload raw", "offload u8"
    Payload payload;
    SplitLatency measured;
};

struct SplitTimes {
    std::vector<Unsplit> unsplit;            ///< local first
    std::vector<SplitCandidate> candidates;  ///< by measured total, the best first; never empty
    std::vector<std::string> warnings;
    bool pays() const;  ///< the best split is faster than everything unsplit
    const Unsplit& best_unsplit() const;
};

/// Throws Error{input} when there is no cut at all, {unavailable} when it was stopped before all was measured.
SplitTimes measure_splits(const ModelFile& model, const SplitTimesRequest& request, SplitTools& tools);

}  // namespace breakeven
