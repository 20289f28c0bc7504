// Replay: policies side by side over a recorded link, in virtual time, and what each one cost against those that see
// the future.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/link/trace.h"
#include "breakeven/plan/adaptive_policy.h"
#include "breakeven/plan/device.h"
#include "breakeven/replay/run.h"
#include "breakeven/replay/world.h"
#include "breakeven/units/origin.h"

namespace breakeven {

/// `current_rate` sees the mean rates of the second that begins; `best_fixed` and `oracle` see everything.
enum class PolicyKind {
    adaptive,
    always_local,
    always_offload,
    static_best,
    linear_bandit,
    best_fixed,
    current_rate,
    oracle
};
std::span<const PolicyKind> policy_kinds();
std::string_view name(PolicyKind kind);
/// Throws Error{usage} for an unknown word.
PolicyKind parse_policy_kind(std::string_view text);

struct ReplayQuestion {
    PlanTable plans;
    WorldOptions world;
    std::vector<PolicyKind> policies;
    std::optional<Seconds> deadline{};
    Powers powers;
    std::optional<JoulesPerByte> up_energy{};
    std::optional<JoulesPerByte> down_energy{};
};

/// One policy over one trace, or over several pooled. Regrets are shares of the other's total latency.
struct PolicyResult {
    PolicyKind kind = PolicyKind::adaptive;
    std::int64_t requests = 0;
    Seconds mean_latency{0.0};
    Seconds p50_latency{0.0};
    Seconds p99_latency{0.0};
    double regret = 0.0;               ///< against the oracle
    double regret_best_fixed = 0.0;    ///< against the best fixed plan in hindsight
    double regret_current_rate = 0.0;  ///< against knowing the rates of the second that begins
    double deadline_missed = 0.0;      ///< share of the requests; 0 without a deadline
    double duplicated = 0.0;           ///< share of the requests that the device ran beside the server
    std::optional<Joules> energy{};    ///< the device's mean for one request, modelled
    std::string energy_reason;         ///< why there is none
    Bytes up;                          ///< in all, probes included
    Bytes down;
    std::int64_t probes = 0;
    std::vector<double> shares;  ///< how often each plan was chosen
};

/// A link whose rate changes between neighbouring seconds by more than this factor in one of ten seconds is bursty.
inline constexpr double bursty_factor = 1.65;

struct TraceResult {
    std::string name;
    Seconds duration{0.0};
    std::vector<std::string> filled;
    std::int64_t requests = 0;
    double burstiness = 1.0;          ///< nine of ten seconds' rates are within this factor of the second before
    std::vector<double> best_shares;  ///< how often each plan was the best one
    /// Something is to be decided: each of two plans is best for at least one of ten requests.
    bool counts = false;
    std::vector<PolicyResult> policies;
    std::vector<std::vector<Replayed>> courses;  ///< request by request, in the order of `policies`

    bool is_bursty() const { return burstiness > bursty_factor; }
};

TraceResult replay(const RecordedLink& link, const ReplayQuestion& question);

/// The traces that count (and are bursty, or are not), request by request as one: their latencies summed before
/// regrets are taken. Empty where there is none.
enum class Burstiness { any, slow, bursty };
std::vector<PolicyResult> pooled(std::span<const TraceResult> traces, Burstiness which, const ReplayQuestion& question);

}  // namespace breakeven
