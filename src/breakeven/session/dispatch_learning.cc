// What a dispatch learns: from each answer, from what was overtaken, from probes and looks. See dispatch.h.
#include <algorithm>

#include "breakeven/session/dispatch.h"
#include "breakeven/session/dispatch_course.h"

namespace breakeven {
namespace {

/// Runs here that are remembered, to know what a slow one takes.
constexpr std::size_t runs_kept = 32;
/// A server that has had all of a request for three times as long as it should need, and so much more, is silent.
constexpr double silent_after = 3.0;
constexpr Seconds silent_margin{0.02};
/// A probe that takes longer says that the link is down.
constexpr Seconds probe_limit{3.0};
/// What is left for sending, of the time that the path and the server do not explain: less is a matter of luck.
constexpr double sending_share_min = 0.05;

}  // namespace

void Dispatch::learn_round_trip(const Arrangement& plans) {
    const std::optional<Seconds> round_trip = far_->round_trip();
    if (!round_trip) return;
    const std::scoped_lock lock(mutex_);
    const Seconds now = alarms_.now();
    round_trip_.observe(*round_trip, now);
    plans.policy->observe({.at = now, .round_trip = round_trip});
}

void Dispatch::observe(Course& course, const Observation& seen) {
    if (seen.up) up_.observe(*seen.up);
    if (seen.round_trip) round_trip_.observe(*seen.round_trip, seen.at);
    course.plans->policy->observe(seen);
}

void Dispatch::observe_device(Course& course, SlownessEstimator::Observed observed) {
    const Seconds now = alarms_.now();
    if (observed.expected.count() <= 0.0 || observed.took.count() <= 0.0) return;
    device_.observe(observed, now);
    const double run = observed.took / observed.expected;
    if (runs_.size() < runs_kept) {
        runs_.push_back(run);
    } else {
        runs_[oldest_run_] = run;
        oldest_run_ = (oldest_run_ + 1) % runs_kept;
    }
    Observation seen{.at = now, .device = observed};
    if (course.point().is_local()) seen.answer = {.plan = course.choice.plan, .latency = now - course.begun};
    observe(course, seen);
}

/// What an answered request tells of the link and the server. What neither the path's round trip nor the server
/// explains is taken for sending, each way by its bytes.
void Dispatch::learn(Course& course, const PartThere::Reply& reply) {
    const Seconds now = alarms_.now();
    const PlanPoint& point = course.point();
    const Seconds elapsed = now - *course.sending;
    const Seconds round_trip = std::min(round_trip_.expected(), elapsed);
    const Seconds queue = reply.times ? reply.times->queue : Seconds(0.0);
    const Seconds compute = reply.times ? reply.times->compute : std::min(point.server, elapsed);
    const Seconds network = std::max(elapsed - queue - compute, Seconds(1e-6));
    Observation seen{.at = now};
    if (reply.times) seen.queue = queue;
    if (reply.times && point.server.count() > 0.0) {
        seen.server = SlownessEstimator::Observed{.took = compute, .expected = point.server};
    }
    const Payload& payload = point.payload;
    const Seconds sending = (network - round_trip) * (payload.up / (payload.up + payload.down));
    const Seconds least = network * sending_share_min;
    seen.up =
        RateSample{.ended = now,
                   .took = std::max(sending, least),
                   .size = payload.up,
                   .limit = sending < least ? RateSample::Limit::nothing_more : RateSample::Limit::more_was_ready};
    if (!course.result.hedged) seen.answer = {.plan = course.choice.plan, .latency = now - course.begun};
    observe(course, seen);
    counters_.up += payload.up;
    counters_.down += payload.down;
    Inferred::Took& took = course.result.took;
    took.device = course.head_took.value_or(Seconds(0.0));
    took.queue = queue;
    took.server = reply.times ? compute : Seconds(0.0);
    took.network = reply.times ? network : elapsed;
}

/// The device was first: the bytes that got through tell the rate; a server that had them all and kept silent has
/// failed.
void Dispatch::learn_overtaken(Course& course) {
    const Seconds now = alarms_.now();
    const PlanPoint& point = course.point();
    const Seconds round_trip = round_trip_.expected();
    const Attempt::Progress progress = course.there ? course.there->progress() : Attempt::Progress{};
    const Seconds until = progress.complete.value_or(now);
    const Seconds informed = until - *course.sending - round_trip;
    counters_.up += std::min(progress.acknowledged, point.payload.up);
    if (informed.count() > 0.0) {
        const Bytes arrived = progress.complete ? point.payload.up : progress.acknowledged;
        observe(course, {.at = now, .up = RateSample{.ended = until, .took = informed, .size = arrived}});
    }
    const bool nothing_came = !progress.complete && progress.acknowledged.count() == 0;
    const Seconds due = (point.server + round_trip) * silent_after + silent_margin;
    if ((progress.complete || nothing_came) && now - until + (nothing_came ? informed : Seconds(0.0)) > due) {
        ++counters_.lost;
        course.result.failure = "the server kept silent";
        breaker_.failed(now);
    }
}

void Dispatch::probe(Bytes size, After& after) {
    if (probing_ || closing_) return;
    probing_ = true;
    ++counters_.probes;
    counters_.up += size;
    after.calls.push_back([self = shared_from_this(), size, started = alarms_.now()] {
        std::shared_ptr<Attempt> attempt = self->far_->probe(
            size, probe_limit,
            [self, size, started](const Outcome<FarSide::Echo>& outcome) { self->probed(size, started, outcome); });
        const std::scoped_lock lock(self->mutex_);
        if (self->probing_ && !self->closing_) self->probe_ = std::move(attempt);
    });
}

void Dispatch::probed(Bytes size, Seconds started, const Outcome<FarSide::Echo>& outcome) {
    std::shared_ptr<Attempt> dropped;  // outside of the lock
    const std::optional<Seconds> told = far_->round_trip();
    const std::scoped_lock lock(mutex_);
    dropped = std::move(probe_);
    probing_ = false;
    if (closing_) return;
    const Seconds now = alarms_.now();
    Observation seen{.at = now};
    if (const auto* echo = std::get_if<FarSide::Echo>(&outcome)) {
        const Seconds network = std::max(now - started - echo->server, Seconds(1e-6));
        const Seconds round_trip = told.value_or(round_trip_.expected());
        const Seconds least = network * sending_share_min;
        const Seconds sending = network - round_trip;
        seen.round_trip = told;
        seen.up =
            RateSample{.ended = now,
                       .took = std::max(sending, least),
                       .size = size,
                       .limit = sending < least ? RateSample::Limit::nothing_more : RateSample::Limit::more_was_ready};
        breaker_.succeeded();
    } else {
        breaker_.failed(now);
        if (!std::holds_alternative<Late>(outcome)) return;
        seen.up = RateSample{.ended = now, .took = now - started, .size = Bytes(0)};
    }
    up_.observe(*seen.up);
    if (seen.round_trip) round_trip_.observe(*seen.round_trip, now);
    arrangement_->policy->observe(seen);
}

void Dispatch::look_if_due(After& after) {
    if (closing_ || far_ == nullptr || !breaker_.wants_look(alarms_.now())) return;
    ++counters_.probes;
    after.calls.push_back([self = shared_from_this()] {
        self->far_->look([self](const Outcome<bool>& outcome) {
            const std::scoped_lock lock(self->mutex_);
            const bool answering = std::holds_alternative<bool>(outcome);
            self->breaker_.looked(answering ? Breaker::Seen::answering : Breaker::Seen::silent, self->alarms_.now());
        });
    });
}

}  // namespace breakeven
