// Plan: what runs where, and what it costs. Local, offload, split and cascade are all Plans; nothing is special-cased.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/link/tcp.h"
#include "breakeven/plan/deploy.h"
#include "breakeven/plan/platform.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

enum class PlanKind { local, offload, split, cascade };
std::string_view name(PlanKind kind);

/// What a stage of a plan does; the stages of a plan follow one another and sum to its latency.
/// `encode` and `decode`: what crosses is coded (codec/) on the device, and read on the server.
/// `tcp` is what the connection's window adds to the formula of the link (more round trips, pacing); `overhead` is what
/// a measured exchange took beyond both (protocol, copies).
enum class StageKind { compute, encode, round_trip, upload, tcp, queue, decode, download, overhead };
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

/// The variant that is the network as the user gave it.
inline constexpr std::string_view as_given = "as given";

/// How right a variant is, on labelled samples; of an untrained network: how often it agrees with the one as given.
struct PlanAccuracy {
    double top1 = 0.0;  ///< share of the samples, 0 to 1
    double drop = 0.0;  ///< what it loses against the network as given; below 0 where it gains
    std::int64_t n = 0;
    bool is_agreement = false;
};

struct Plan {
    PlanKind kind = PlanKind::local;
    std::string link;               ///< empty for a local plan
    std::string variant{as_given};  ///< the form of the model: "as given", "PQ", ...
    std::string codec;              ///< how tensors cross: "raw", "u8", "q8", "jpeg:90"; empty for a local plan
    /// What holds TCP's window while the connection rests; nothing for a local plan.
    std::optional<Transport> transport;
    std::vector<std::string> cut;  ///< tensors at the cut; empty unless split
    std::vector<Stage> stages;
    Cost cost;
    /// What the server must be sent before the first inference; nothing where it has it.
    std::optional<Deploy> deploy;
    std::optional<PlanAccuracy> accuracy;
    /// Where the latency was measured: 99 of 100 inferences were faster; what a deadline is held against.
    std::optional<Seconds> latency_p99;
    /// Where the latency was measured: what the model predicts for the same plan, printed beside it.
    std::optional<Seconds> predicted_latency;
    /// Where the result must be taken with care: "the device is modelled 8 times slower", ...
    std::vector<std::string> remarks;

    /// "local on cpu:1", "offload over wifi as u8", "split over wifi at pool1 as q4": for tables and sentences.
    std::string title() const;
    /// Whether what crosses is coded, other than as pixels: then its accuracy is the codec's and the variant's together.
    bool is_coded() const;
    /// The latency with the inference's share of the deployment.
    Seconds whole_latency() const;
};

/// The tensors of a cut in a few letters: the first, and how many more.
std::string cut_title(const std::vector<std::string>& cut);

}  // namespace breakeven
