// Dispatch: one inference after the other, from the policy's choice to the answer: head, sending, reviews, the local
// run beside it, first answer wins, failures, what is learnt from each. Event by event, on whatever thread an event
// comes; no thread, clock or socket of its own, so that tests run it in virtual time.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "breakeven/engine/parts_seam.h"
#include "breakeven/link/estimators.h"
#include "breakeven/plan/policy.h"
#include "breakeven/session/breaker.h"
#include "breakeven/session/session.h"
#include "breakeven/session/world.h"

namespace breakeven {

/// How a plan is run. Local: only `head`, which is all of it. Offload: only `there`. Split: all but perhaps `rest`.
struct PlanWay {
    std::shared_ptr<PartHere> head;
    std::shared_ptr<PartThere> there;
    std::shared_ptr<PartHere> rest;         ///< the tail here, if the server is given up; else all of it anew
    std::shared_ptr<const PartsSeam> seam;  ///< of a split
};

/// The plans, how each is run, and who chooses.
struct Arrangement {
    PlanTable table;
    std::vector<PlanWay> ways;                   ///< in the order of the table's points
    std::vector<std::vector<std::string>> cuts;  ///< in the same order
    std::unique_ptr<Policy> policy;
};

struct DispatchOptions {
    std::optional<Seconds> deadline{};
    Seconds answer_within{10.0};
    Breaker::Options breaker{};
};

/// Made with std::make_shared: whatever is under way keeps it.
class Dispatch final : public std::enable_shared_from_this<Dispatch> {
   public:
    /// What an inference came to: the result, or this device's own error.
    using Done = std::function<void(std::variant<Inferred, std::exception_ptr>)>;

    /// `alarms` and `far` must stay until close() has returned. `far` null: no server.
    Dispatch(Alarms& alarms, FarSide* far, const DispatchOptions& options, std::shared_ptr<Arrangement> arrangement);

    /// Ends everything: what waits for the server is answered here. Afterwards nothing is called any more.
    void close();

    void infer(std::vector<Tensor> inputs, Done done);
    /// The same; this thread computes what it can, and waits.
    Inferred infer_here(std::vector<Tensor> inputs);

    /// Other plans from now on; what is under way keeps its own.
    void arrange(std::shared_ptr<Arrangement> arrangement);
    /// Said of the server in outlook(), while it is not usable.
    void server_state(std::string state);

    SessionCounters counters() const;
    SessionOutlook outlook() const;
    std::shared_ptr<const Arrangement> arrangement() const;

   private:
    struct Course;
    using Shared = std::shared_ptr<Course>;
    /// What is to be done once the lock is released: calls to others, and attempts to be cancelled.
    struct After;

    void begin(const Shared& course);
    Choice choose(Course& course, After& after);
    std::optional<Seconds> give_up_at(const Course& course) const;
    double slow_run() const;
    void head_done(const Shared& course, PartHere::Done head);
    void send(const Shared& course, std::vector<Tensor> crossing);
    void plan_review(const Shared& course, Seconds after_begin);
    void review(const Shared& course);
    void came(const Shared& course, PartThere::Came came);
    void failed(const Shared& course, const PartThere::Came& came, After& after);
    void start_here(const Shared& course, After& after);
    void here_done(const Shared& course, PartHere::Done done);
    void answer(const Shared& course, std::vector<Tensor> outputs, After& after);
    void end(const Shared& course, std::variant<Inferred, std::exception_ptr> result, After& after);
    void learn(Course& course, const PartThere::Reply& reply);
    void learn_overtaken(Course& course);
    void learn_round_trip(const Arrangement& plans);
    void observe(Course& course, const Observation& seen);
    void observe_device(Course& course, SlownessEstimator::Observed observed);
    void probe(Bytes size, After& after);
    void probed(Bytes size, Seconds started, const Outcome<FarSide::Echo>& outcome);
    void look_if_due(After& after);

    Alarms& alarms_;
    FarSide* far_;
    DispatchOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable idle_;
    std::shared_ptr<Arrangement> arrangement_;
    std::unordered_set<Shared> under_way_;
    Breaker breaker_;
    SessionCounters counters_;
    RateEstimator up_;
    RoundTripEstimator round_trip_;
    SlownessEstimator device_;
    std::vector<double> runs_;  ///< of the last runs here, the time over what the plans say; a ring
    std::size_t oldest_run_ = 0;
    std::shared_ptr<Attempt> probe_;  ///< shared: dropped from its own end
    bool probing_ = false;
    std::string server_state_;
    bool closing_ = false;
};

}  // namespace breakeven
