// Estimates, expected times, hedges: see adaptive_policy.h.
#include "breakeven/plan/adaptive_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "breakeven/link/tcp.h"

namespace breakeven {
namespace {

/// A device drifts over tens of seconds (heat); a server changes faster. One run tells about a tenth.
constexpr LogFilter::Noise device_noise{.drift = 1e-4, .observation = 0.01, .prior = 0.01};
/// Up and down mostly fade together; one reply tells about a fifth.
constexpr LogFilter::Noise ratio_noise{.drift = 0.01, .observation = 0.5, .prior = 1.0};
/// A run on the device takes so much longer than expected in one of a hundred.
constexpr double device_p99 = 1.1;
constexpr LogFilter::Noise server_noise{.drift = 1e-3, .observation = 0.02, .prior = 0.04};

}  // namespace

AdaptivePolicy::AdaptivePolicy(const PlanTable& table, const Options& options)
    : table_(table),
      options_(options),
      up_(options.rate),
      down_to_up_(0.0, ratio_noise),
      round_trip_(options.first_round_trip),
      device_(device_noise),
      server_(server_noise),
      budget_(options.hedge_burst / 4.0) {
    BREAKEVEN_ASSERT(table_.local < table_.points.size() && options_.hedge_share >= 0.0 && options_.reviews > 0.0);
}

double AdaptivePolicy::local_seconds(Seconds now) const {
    return table_.fallback().device.count() * device_.expected(now);
}

double AdaptivePolicy::review_step(Seconds now) const {
    return std::clamp(local_seconds(now) / options_.reviews, 0.005, 0.05);
}

/// From the request's begin: when the device must go on by itself to keep the deadline. Never, without a deadline or
/// where not even a local run keeps it.
double AdaptivePolicy::last_moment(std::size_t plan, Seconds now, std::optional<Seconds> deadline) const {
    if (!deadline || local_seconds(now) * device_p99 > deadline->count()) {
        return std::numeric_limits<double>::infinity();
    }
    return deadline->count() - table_.rescue(plan).count() * device_.expected(now) * device_p99;
}

/// What a duplicated run must save, in runs of the device: the less of the budget is left, the more.
double AdaptivePolicy::hedge_worth() const {
    if (budget_ < 1.0) return options_.emergency;
    return options_.hedge_price * options_.hedge_burst / 2.0 / budget_;
}

/// Expected seconds of a plan: over the scenarios of the rate, each either waits for its answer, or is found late at
/// the first review that knows of acknowledgements and pays for the device's going on from there.
AdaptivePolicy::Score AdaptivePolicy::score(std::size_t plan, const RateDistribution& up,
                                            const Situation& situation) const {
    const Seconds now = situation.now;
    const PlanPoint& point = table_.points[plan];
    const double slowness = device_.expected(now);
    const double device = point.device.count() * slowness;
    if (point.is_local()) return {.seconds = device};
    const Seconds round_trip = round_trip_.expected();
    const double fixed = device + (round_trip * static_cast<double>(point.round_trips) + queue_.expected(now) +
                                   point.server * server_.expected(now))
                                      .count();
    const double first_review = device + (round_trip + round_trip_.variation()).count() + review_step(now);
    const double rescue = table_.rescue(plan).count() * slowness;
    const double price = rescue * hedge_worth();
    const double late = first_review + rescue + price;
    const double last_moment = this->last_moment(plan, now, situation.deadline);
    if (last_moment < device) return {.seconds = std::numeric_limits<double>::max(), .first_review = 0.0};
    const double down_ratio = std::exp(down_to_up_.at(now).mean);
    const Sending request{.window = options_.window, .size = point.payload.up, .round_trip = round_trip};
    const Sending reply{.window = options_.window, .size = point.payload.down, .round_trip = round_trip};
    const double expected = up.mean([&](BytesPerSecond rate) {
        const Seconds crossing = sending_time(request, rate) + sending_time(reply, rate * down_ratio);
        const double time = fixed + crossing.count();
        if (time <= last_moment) return std::min(time, late);
        return std::min(std::min(time, last_moment + rescue) + price, late);  // the deadline asks for a hedge
    });
    return {.seconds = expected, .first_review = std::min(first_review, last_moment)};
}

Choice AdaptivePolicy::choose(const Situation& situation) {
    const Seconds now = situation.now;
    budget_ = std::min(budget_ + options_.hedge_share, options_.hedge_burst);
    const RateDistribution up = up_.forecast(now);
    std::size_t best = table_.local;
    Score best_score = score(best, up, situation);
    std::optional<Score> last_score;
    for (std::size_t i = 0; i < table_.points.size(); ++i) {
        const Score each = score(i, up, situation);
        if (last_plan_ == i) last_score = each;
        if (each.seconds < best_score.seconds) {
            best = i;
            best_score = each;
        }
    }
    std::string_view why = table_.points[best].is_local() ? "the link is too slow" : "the link is fast enough";
    if (last_score && best_score.seconds > last_score->seconds * (1.0 - options_.switch_gain)) {
        if (best != *last_plan_) why = "no gain worth a change";
        best = *last_plan_;
        best_score = *last_score;
    }
    last_plan_ = best;
    Choice choice{.plan = best,
                  .review_after = std::nullopt,
                  .probe = Bytes(0),
                  .expected = Seconds(best_score.seconds),
                  .why = why};
    if (!table_.points[best].is_local()) {
        choice.review_after = Seconds(best_score.first_review);
        return choice;
    }
    const std::optional<Seconds> age = up_.age(now);
    const bool is_old = !age || *age >= options_.probe_after;
    if (is_old && (!last_probe_ || now - *last_probe_ >= options_.probe_after)) {
        choice.probe = options_.probe;
        last_probe_ = now;
    }
    return choice;
}

Review AdaptivePolicy::review(const Waiting& waiting) {
    const PlanPoint& point = table_.points[waiting.plan];
    const Seconds now = waiting.now;
    const double rescue = table_.rescue(waiting.plan).count() * device_.expected(now);
    const Seconds last_moment(this->last_moment(waiting.plan, now, waiting.deadline));
    const Review start_local{.verdict = Review::Verdict::start_local};
    if (waiting.elapsed >= last_moment - Seconds(1e-6)) {
        budget_ -= 1.0;
        return start_local;
    }
    const Seconds again = std::min(waiting.elapsed + Seconds(review_step(now)), last_moment);
    const Seconds informed = waiting.sending - round_trip_.expected();
    if (informed.count() <= 0.0) return {.verdict = Review::Verdict::wait, .again_after = again};
    const Bytes arrived = std::max(waiting.acknowledged, Bytes(tcp_segment.count() / 2));
    const BytesPerSecond rate = arrived / informed;
    const Conditions conditions{.up = rate,
                                .down = rate * std::exp(down_to_up_.at(now).mean),
                                .round_trip = round_trip_.expected(),
                                .queue = queue_.expected(now),
                                .device_slowness = device_.expected(now),
                                .server_slowness = server_.expected(now),
                                .window = options_.window};
    double predicted = (plan_time(point, conditions) - point.device * device_.expected(now) - waiting.sending).count();
    if (waiting.complete) {
        const Sending reply{
            .window = options_.window, .size = point.payload.down, .round_trip = round_trip_.expected()};
        predicted = (conditions.queue + point.server * conditions.server_slowness +
                     sending_time(reply, conditions.down) - *waiting.complete)
                        .count();
    }
    const double remaining = std::max(predicted, -predicted);  // overdue by so much: as much again
    if (remaining <= rescue * (1.0 + hedge_worth())) return {.verdict = Review::Verdict::wait, .again_after = again};
    budget_ -= 1.0;
    return start_local;
}

void AdaptivePolicy::observe(const Observation& observation) {
    if (observation.up) up_.observe(*observation.up);
    if (observation.down && observation.down->took.count() > 0.0 && observation.down->size.count() > 0) {
        const BytesPerSecond down = observation.down->size / observation.down->took;
        const double ratio = down / up_.median(observation.down->ended);
        down_to_up_.observe({.value = std::log(std::clamp(ratio, 1e-3, 1e3)), .extra_noise = 0.0}, observation.at);
    }
    if (observation.round_trip) round_trip_.observe(*observation.round_trip, observation.at);
    if (observation.queue) queue_.observe(*observation.queue, observation.at);
    if (observation.device) device_.observe(*observation.device, observation.at);
    if (observation.server) server_.observe(*observation.server, observation.at);
}

}  // namespace breakeven
