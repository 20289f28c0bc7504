// Opening: from a network and what the user wants to the plans that can be run: parts loaded here, networks that a
// server must have, and their figures, given or measured in some tens of runs.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/session/device.h"
#include "breakeven/session/dispatch.h"
#include "breakeven/session/far_server.h"
#include "breakeven/session/plan_file.h"
#include "breakeven/session/session.h"

namespace breakeven {

class Opening final {
   public:
    struct Tools {
        const Engines& engines;
        Workers& workers;
        AlarmClock& clock;
        FarServer* server = nullptr;  ///< null: there is none
    };
    /// Loads and measures what runs here, and tells `server` what it must keep. Throws Error as Session::open().
    Opening(const ModelFile& whole, const SessionOptions& options, const Tools& tools);

    const PartEnds& ends() const { return ends_; }
    /// This device alone.
    std::shared_ptr<Arrangement> here() const;
    /// With the plans whose networks the server has; measures what was not given. Nothing when the server fails
    /// meanwhile, or has none.
    std::shared_ptr<Arrangement> with_server(const std::atomic<bool>& stop);

   private:
    struct Candidate {
        SessionPlan plan;
        PlanWay way;
        bool is_measured_there = false;
        std::vector<Tensor> sample;  ///< of what crosses
    };
    void add_given(const ModelFile& whole);
    void add_measured(const ModelFile& whole);
    void add_offload(const ModelFile& whole, SessionPlan plan);
    /// False where the cut would send an input that must stay, or has nothing left to run.
    bool add_split(const ModelFile& whole, SessionPlan plan);
    std::vector<std::vector<std::string>> cuts_worth_trying(const ModelFile& whole) const;
    /// Median of some runs.
    struct Timed {
        Seconds median{0.0};
        std::vector<Tensor> outputs;
    };
    Timed timed(Runner& runner, const std::vector<Tensor>& inputs) const;
    bool measure_there(Candidate& candidate);
    std::unique_ptr<Policy> policy_for(const PlanTable& table) const;

    const SessionOptions options_;
    Tools tools_;
    Platform platform_;
    PartEnds ends_;
    std::vector<Tensor> sample_;
    std::shared_ptr<PartHere> whole_here_;
    SessionPlan local_;
    std::vector<Candidate> candidates_;
    struct Seen {
        RateSample up;
        std::optional<Seconds> round_trip;
    };
    std::optional<Seen> seen_;  ///< of the link, while measuring
};

}  // namespace breakeven
