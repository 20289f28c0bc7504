// Dispatch: see dispatch.h.
#include "breakeven/session/dispatch.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/session/dispatch_course.h"

namespace breakeven {
namespace {

/// As in the adaptive policy: a device drifts over tens of seconds.
constexpr LogFilter::Noise device_noise{.drift = 1e-4, .observation = 0.01, .prior = 0.01};
/// A run here may take so much longer than usual without anything being wrong.
constexpr double usual_spread = 1.1;
/// Between an alarm's moment and the first computation it starts, and back: threads of a busy machine with two cores
/// were seen to wake 7 ms late. More keeps deadlines surer, and waits less long for the server.
constexpr Seconds wake_up{0.010};
/// An alarm may ring so much too early, by rounding.
constexpr Seconds alarm_precision{1e-5};

std::string reason_of(const PartThere::Came& came) {
    if (const auto* refused = std::get_if<Refused>(&came)) return "the server refused: " + refused->reason;
    if (const auto* lost = std::get_if<Lost>(&came)) return "the server was lost: " + lost->reason;
    if (const auto* late = std::get_if<Late>(&came)) {
        return fmt::format("the server did not answer within {:g} s", late->limit.count());
    }
    return "the server's answer makes no sense: " + std::get<PartThere::Garbage>(came).reason;
}

}  // namespace

Dispatch::Dispatch(Alarms& alarms, FarSide* far, const DispatchOptions& options,
                   std::shared_ptr<Arrangement> arrangement)
    : alarms_(alarms),
      far_(far),
      options_(options),
      arrangement_(std::move(arrangement)),
      breaker_(options.breaker),
      device_(device_noise) {}

void Dispatch::close() {
    std::shared_ptr<Attempt> probe;
    {
        After after(*this);
        std::unique_lock lock(mutex_);
        closing_ = true;
        probe = std::move(probe_);
        const std::vector<Shared> courses(under_way_.begin(), under_way_.end());
        for (const Shared& course : courses) {
            if (course->sending && !course->there_over) failed(course, Lost{"the session is closed"}, after);
        }
        lock.unlock();
    }
    probe.reset();
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return under_way_.empty(); });
}

void Dispatch::arrange(std::shared_ptr<Arrangement> arrangement) {
    const std::scoped_lock lock(mutex_);
    arrangement_ = std::move(arrangement);
    server_state_.clear();
}

void Dispatch::server_state(std::string state) {
    const std::scoped_lock lock(mutex_);
    server_state_ = std::move(state);
}

SessionCounters Dispatch::counters() const {
    const std::scoped_lock lock(mutex_);
    SessionCounters counters = counters_;
    counters.breaker_opened = breaker_.opened();
    return counters;
}

SessionOutlook Dispatch::outlook() const {
    const std::scoped_lock lock(mutex_);
    const Seconds now = alarms_.now();
    const bool has_plans = arrangement_->table.points.size() > 1;
    return {.server_ready = far_ != nullptr && has_plans && breaker_.is_closed(),
            .up = up_.median(now),
            .up_age = up_.age(now),
            .round_trip = round_trip_.expected(),
            .device_slowness = device_.expected(now),
            .server_state = breaker_.is_closed() ? server_state_ : "the server does not answer"};
}

std::shared_ptr<const Arrangement> Dispatch::arrangement() const {
    const std::scoped_lock lock(mutex_);
    return arrangement_;
}

void Dispatch::infer(std::vector<Tensor> inputs, Done done) {
    auto course = std::make_shared<Course>();
    course->inputs = std::move(inputs);
    course->done = std::move(done);
    begin(course);
}

Inferred Dispatch::infer_here(std::vector<Tensor> inputs) {
    auto course = std::make_shared<Course>();
    course->inputs = std::move(inputs);
    course->thread = Thread::callers;
    begin(course);
    std::unique_lock lock(mutex_);
    course->ended.wait(lock, [&] { return course->outcome.index() != 0; });
    lock.unlock();
    if (auto* error = std::get_if<std::exception_ptr>(&course->outcome)) std::rethrow_exception(*error);
    return std::get<Inferred>(std::move(course->outcome));
}

// ---- choosing

/// What a slow run here takes, over what the plans say: the slowest but one of the last.
double Dispatch::slow_run() const {
    const double usual = usual_spread * device_.expected(alarms_.now());
    if (runs_.size() < 2) return usual;
    std::vector<double> runs = runs_;
    std::nth_element(runs.begin(), runs.begin() + 1, runs.end(), std::greater<>());
    return std::max(usual, runs[1]);
}

/// From the begin: when this device must go on by itself to keep the deadline. Nothing without one, or where not even
/// a usual local run keeps it.
std::optional<Seconds> Dispatch::give_up_at(const Course& course) const {
    if (!options_.deadline) return std::nullopt;
    const PlanTable& table = course.plans->table;
    for (const double spread : {slow_run(), usual_spread * device_.expected(alarms_.now())}) {
        const Seconds whole = table.fallback().device * spread + wake_up;
        if (whole <= *options_.deadline) {
            return *options_.deadline - wake_up - table.rescue(course.choice.plan) * spread;
        }
    }
    return std::nullopt;
}

Choice Dispatch::choose(Course& course, After& after) {
    const PlanTable& table = course.plans->table;
    const Choice local{.plan = table.local,
                       .expected = table.fallback().device * device_.expected(course.begun),
                       .why = "there is no server"};
    if (far_ == nullptr || closing_ || table.points.size() == 1) return local;
    if (!breaker_.is_closed()) {
        look_if_due(after);
        Choice alone = local;
        alone.why = "the server does not answer";
        return alone;
    }
    after.calls.push_back([far = far_] { far->in_use(); });
    Choice choice = course.plans->policy->choose({.now = course.begun, .deadline = options_.deadline});
    if (choice.probe.count() > 0) probe(choice.probe, after);
    const PlanPoint& point = table.points[choice.plan];
    if (point.is_local()) return choice;
    course.choice = choice;
    const std::optional<Seconds> give_up = give_up_at(course);
    if (give_up && *give_up <= point.device * device_.expected(course.begun) + round_trip_.expected()) {
        Choice hurried = local;
        hurried.why = "the deadline leaves no time to try the server";
        return hurried;
    }
    return choice;
}

void Dispatch::begin(const Shared& course) {
    After after(*this);
    std::unique_lock lock(mutex_);
    course->begun = alarms_.now();
    course->plans = arrangement_;
    ++counters_.inferences;
    under_way_.insert(course);
    course->choice = choose(*course, after);
    Inferred& result = course->result;
    result.plan = course->point().name;
    result.why = course->choice.why;
    result.expected = course->choice.expected;
    const PlanWay& way = course->way();
    lock.unlock();
    const auto self = shared_from_this();
    if (course->point().is_local()) {
        auto first = way.head->start(course->inputs, course->thread,
                                     [self, course](PartHere::Done done) { self->here_done(course, std::move(done)); });
        lock.lock();
        if (!course->answered) course->first = std::move(first);
        lock.unlock();
    } else if (way.head) {
        auto first = way.head->start(way.seam->head_takes(course->inputs), course->thread,
                                     [self, course](PartHere::Done done) { self->head_done(course, std::move(done)); });
        lock.lock();
        if (!course->head_took && !course->answered) course->first = std::move(first);
        lock.unlock();
    } else {
        send(course, course->inputs);
    }
}

// ---- the server's side

void Dispatch::head_done(const Shared& course, PartHere::Done head) {
    After after(*this);
    std::unique_lock lock(mutex_);
    after.drop(course->first);
    course->head_took = head.took;
    if (head.error) return end(course, head.error, after);
    observe_device(*course, {.took = head.took, .expected = course->point().device});
    course->head_outputs = std::move(head.outputs);
    std::vector<Tensor> crossing = course->way().seam->tail_takes(course->inputs, course->head_outputs);
    course->crossing = crossing;
    if (closing_) {
        course->there_over = true;
        return start_here(course, after);
    }
    lock.unlock();
    send(course, std::move(crossing));
}

void Dispatch::send(const Shared& course, std::vector<Tensor> crossing) {
    std::unique_lock lock(mutex_);
    course->sending = alarms_.now();
    if (const std::optional<Seconds> give_up = give_up_at(*course)) {
        plan_review(course, std::min(*give_up, course->choice.review_after.value_or(*give_up)));
    } else if (course->choice.review_after) {
        plan_review(course, *course->choice.review_after);
    }
    lock.unlock();
    const auto self = shared_from_this();
    std::unique_ptr<Attempt> there;
    try {
        there =
            course->way().there->start(std::move(crossing), options_.answer_within,
                                       [self, course](PartThere::Came what) { self->came(course, std::move(what)); });
    } catch (const std::exception& error) {  // a request that cannot even be made: too long for a message, say
        return came(course, Lost{error.what()});
    }
    lock.lock();
    if (!course->there_over && !course->answered) course->there = std::move(there);
    lock.unlock();  // what is left of `there` goes outside of the lock
}

void Dispatch::plan_review(const Shared& course, Seconds after_begin) {
    const Seconds at = std::max(course->begun + after_begin, alarms_.now());
    course->alarm = alarms_.at(at, [self = shared_from_this(), course] { self->review(course); });
}

void Dispatch::review(const Shared& course) {
    After after(*this);
    const std::scoped_lock lock(mutex_);
    after.drop(course->alarm);
    if (course->answered || course->here_started || course->there_over) return;
    const Seconds now = alarms_.now();
    const Seconds elapsed = now - course->begun;
    const std::optional<Seconds> give_up = give_up_at(*course);
    Review review{.verdict = Review::Verdict::start_local};
    if (!give_up || elapsed < *give_up - alarm_precision) {
        const Attempt::Progress progress = course->there ? course->there->progress() : Attempt::Progress{};
        std::optional<Seconds> complete;
        if (progress.complete) complete = now - *progress.complete;
        review = course->plans->policy->review({.plan = course->choice.plan,
                                                .now = now,
                                                .elapsed = elapsed,
                                                .sending = now - *course->sending,
                                                .acknowledged = progress.acknowledged,
                                                .complete = complete,
                                                .deadline = options_.deadline});
    }
    if (review.verdict == Review::Verdict::wait) {
        std::optional<Seconds> next = review.again_after;
        if (give_up) next = std::min(*give_up, next.value_or(*give_up));
        if (next) plan_review(course, *next);
        return;
    }
    course->result.hedged = true;
    ++counters_.hedged;
    course->result.why += "; late, so this device runs it too";
    start_here(course, after);
}

void Dispatch::came(const Shared& course, PartThere::Came came) {
    After after(*this);
    const std::scoped_lock lock(mutex_);
    if (course->there_over) return;
    auto* reply = std::get_if<PartThere::Reply>(&came);
    if (reply == nullptr) return failed(course, came, after);
    course->there_over = true;
    after.drop(course->alarm);
    after.drop(course->there);
    breaker_.succeeded();
    if (course->answered) return;
    learn(*course, *reply);
    const auto self = shared_from_this();
    const std::shared_ptr<Arrangement> plans = course->plans;
    course->result.where = course->way().seam ? RanOn::both : RanOn::server;
    const PartsSeam* seam = course->way().seam.get();
    answer(course,
           seam == nullptr
               ? std::move(reply->outputs)
               : seam->gives({.inputs = course->inputs, .head = course->head_outputs, .tail = reply->outputs}),
           after);
    after.calls.push_back([self, plans] { self->learn_round_trip(*plans); });  // asks the kernel: not before the answer
}

void Dispatch::failed(const Shared& course, const PartThere::Came& came, After& after) {
    const Seconds now = alarms_.now();
    course->there_over = true;
    after.drop(course->alarm);
    after.drop(course->there);
    const auto* refused = std::get_if<Refused>(&came);
    if (refused != nullptr) ++counters_.refused;
    if (std::holds_alternative<Lost>(came)) ++counters_.lost;
    if (std::holds_alternative<Late>(came)) ++counters_.late;
    if (std::holds_alternative<PartThere::Garbage>(came)) ++counters_.garbage;
    if (refused != nullptr && refused->about != Refused::About::request) {
        breaker_.trip(now);  // it has lost the network: looking sends it again
    } else {
        breaker_.failed(now);
    }
    look_if_due(after);
    if (course->answered) return;
    course->result.failure = reason_of(came);
    if (!course->here_started) start_here(course, after);
}

// ---- this device instead of the server

void Dispatch::start_here(const Shared& course, After& after) {
    course->here_started = true;
    const PlanWay& way = course->way();
    const bool goes_on = way.rest && course->head_took;
    std::shared_ptr<PartHere> part = goes_on ? way.rest : course->plans->ways[course->plans->table.local].head;
    after.calls.push_back([self = shared_from_this(), course, part, goes_on] {
        auto here = part->start(goes_on ? course->crossing : course->inputs, Thread::own,
                                [self, course](PartHere::Done done) { self->here_done(course, std::move(done)); });
        const std::scoped_lock lock(self->mutex_);
        if (!course->answered) course->here = std::move(here);
    });
}

void Dispatch::here_done(const Shared& course, PartHere::Done done) {
    After after(*this);
    const std::scoped_lock lock(mutex_);
    after.drop(course->first);
    after.drop(course->here);
    const bool goes_on = course->here_started && course->way().rest && course->head_took;
    if (!done.error) {
        const PlanTable& table = course->plans->table;
        const Seconds expected = goes_on ? table.rescue(course->choice.plan) : table.fallback().device;
        observe_device(*course, {.took = done.took, .expected = expected});
    }
    if (course->answered) return;
    if (done.error) {
        if (course->here_started && !course->there_over) return;  // the server may still answer
        return end(course, done.error, after);
    }
    course->result.where = RanOn::device;
    course->result.took.device = done.took + course->head_took.value_or(Seconds(0.0));
    if (course->here_started && !course->there_over) learn_overtaken(*course);
    if (course->result.hedged) ++counters_.hedges_won;
    if (!course->result.failure.empty() && !course->result.hedged) ++counters_.rescued;
    answer(course,
           goes_on ? course->way().seam->gives(
                         {.inputs = course->inputs, .head = course->head_outputs, .tail = done.outputs})
                   : std::move(done.outputs),
           after);
}

// ---- the end

void Dispatch::answer(const Shared& course, std::vector<Tensor> outputs, After& after) {
    Inferred& result = course->result;
    result.outputs = std::move(outputs);
    result.took.total = alarms_.now() - course->begun;
    if (options_.deadline) {
        result.in_time = result.took.total <= *options_.deadline;
        if (!*result.in_time) ++counters_.deadlines_missed;
    }
    if (result.where == RanOn::device) {
        ++counters_.answered_here;
        if (course->sending) {
            result.took.network = std::max(result.took.total - result.took.device, Seconds(0.0));
        }
    } else {
        ++counters_.answered_there;
    }
    end(course, std::move(result), after);
}

void Dispatch::end(const Shared& course, std::variant<Inferred, std::exception_ptr> result, After& after) {
    course->answered = true;
    after.drop(course->alarm);
    after.drop(course->first);
    after.drop(course->there);
    after.drop(course->here);
    course->there_over = true;
    after.ended.push_back(course);
    if (course->thread == Thread::callers) {
        if (auto* inferred = std::get_if<Inferred>(&result)) {
            course->outcome = std::move(*inferred);
        } else {
            course->outcome = std::get<std::exception_ptr>(result);
        }
        after.woken = course;
        return;
    }
    after.calls.push_back([course, result = std::move(result)]() mutable { course->done(std::move(result)); });
}

}  // namespace breakeven
