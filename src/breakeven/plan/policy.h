// Policy: which plan for the next inference, from what was observed so far. It has no clock and no link: times are
// parameters, and the same object decides for a live session, a replayed trace and a simulated fleet.
//   choose()   before each inference
//   review()   while a plan waits for the server: shall the local run start beside it (a hedge)?
//   observe()  whatever was learnt: from the request itself, from TCP while it is under way, from a probe
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "breakeven/link/estimators.h"
#include "breakeven/plan/plan_table.h"

namespace breakeven {

struct Situation {
    Seconds now{0.0};
    std::optional<Seconds> deadline{};  ///< from now
};

struct Choice {
    std::size_t plan = 0;                   ///< index into the table's points
    std::optional<Seconds> review_after{};  ///< from the start: ask review() then, if there is no answer yet
    Bytes probe;            ///< to send beside a local run, so that the link's rate stays known; 0 for none
    Seconds expected{0.0};  ///< what the policy expects it to take
    std::string_view why;   ///< in a few words, for people
};

/// A plan that waits for its answer.
struct Waiting {
    std::size_t plan = 0;
    Seconds now{0.0};
    Seconds elapsed{0.0};               ///< since the request began
    Seconds sending{0.0};               ///< since the first byte was handed to the link
    Bytes acknowledged;                 ///< of the payload up
    std::optional<Seconds> complete{};  ///< since all of it was acknowledged
    std::optional<Seconds> deadline{};  ///< from the request's begin
};

/// Nothing set: wait for the answer.
struct Review {
    enum class Verdict { wait, start_local } verdict = Verdict::wait;
    std::optional<Seconds> again_after{};  ///< from the request's begin
};

/// What was learnt, whatever of it is known.
struct Observation {
    Seconds at{0.0};
    std::optional<RateSample> up{};
    std::optional<RateSample> down{};
    std::optional<Seconds> round_trip{};
    std::optional<Seconds> queue{};                       ///< the server's, from its reply
    std::optional<SlownessEstimator::Observed> device{};  ///< what a run took here, and what the table says
    std::optional<SlownessEstimator::Observed> server{};
    struct Answer {
        std::size_t plan = 0;
        Seconds latency{0.0};
    };
    std::optional<Answer> answer{};  ///< a whole plan's, when it was not overtaken
};

class Policy {
   public:
    virtual ~Policy() = default;
    virtual Choice choose(const Situation& situation) = 0;
    virtual Review review(const Waiting&) { return {}; }
    virtual void observe(const Observation& observation) = 0;
};

}  // namespace breakeven
