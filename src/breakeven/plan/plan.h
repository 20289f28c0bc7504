// Plan: what runs where, and what it costs. Local, offload, split and cascade are all Plans; nothing is special-cased.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/platform.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

enum class PlanKind { local, offload, split, cascade };
std::string_view name(PlanKind kind);

/// What a stage of a plan does; the stages of a plan follow one another and sum to its latency.
/// `overhead` is what a measured exchange took beyond the formula of its link (protocol, copies, slow start).
enum class StageKind { compute, round_trip, upload, queue, download, overhead };
std::string_view name(StageKind kind);

/// Whose time a stage is: while the link or the server works, the device waits.
enum class Side { device, link, server };

struct Stage {
    StageKind kind = StageKind::compute;
    Side side = Side::device;
    std::string where;  ///< a platform ("cpu:4", "grpc://edge:8001") or a link ("ethernet")
    Figure<Seconds> latency;
    friend bool operator==(const Stage&, const Stage&) = default;
};

/// Figures of one inference. Energy is the device's.
struct Cost {
    Figure<Seconds> latency;
    std::optional<Figure<Joules>> energy;
    std::string energy_reason;  ///< why there is no energy; empty when there is
    Bytes up;
    Bytes down;

    /// Energy-delay product; nothing without an energy.
    std::optional<Figure<JouleSeconds>> energy_delay() const;
};

struct Plan {
    PlanKind kind = PlanKind::local;
    std::string link;              ///< empty for a local plan
    std::string variant;           ///< the form of the model: "float32", "PQ", ...
    std::string codec;             ///< how tensors cross: "raw", "u8"; empty for a local plan
    std::vector<std::string> cut;  ///< tensors at the cut; empty unless split
    std::vector<Stage> stages;
    Cost cost;
    /// Where the latency was measured: 99 of 100 inferences were faster; what a deadline is held against.
    std::optional<Seconds> latency_p99;
    /// Where the latency was measured: what the model predicts for the same plan, printed beside it.
    std::optional<Seconds> predicted_latency;
    /// Where the result must be taken with care: "the device is modelled 8 times slower", ...
    std::vector<std::string> remarks;

    /// "local on cpu:1", "offload over wifi as u8": for tables and sentences.
    std::string title() const;
};

}  // namespace breakeven
