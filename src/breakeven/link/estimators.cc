// Estimators from observations: see estimators.h.
#include "breakeven/link/estimators.h"

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"

namespace breakeven {
namespace {

/// BBR's window of the least round trip.
constexpr Seconds least_window{10.0};
/// After so long without news, a queue that was seen counts for 1/e of what it was.
constexpr Seconds queue_memory{10.0};
/// Weight of a new observation of the queue.
constexpr double queue_gain = 0.3;

}  // namespace

void LogFilter::observe(const Sample& sample, Seconds at) {
    const Estimate before = this->at(at);
    const double innovation = sample.value - before.mean;
    const double spread = before.variance + noise_.observation + sample.extra_noise;
    const double gain = before.variance / spread;
    mean_ = before.mean + gain * innovation;
    variance_ = (1.0 - gain) * before.variance;
    if (!seen_ || at > *seen_) seen_ = at;
}

LogFilter::Estimate LogFilter::at(Seconds now) const {
    const double passed = seen_ ? std::max(0.0, (now - *seen_).count()) : 0.0;
    return {.mean = mean_, .variance = variance_ + noise_.drift * passed};
}

RateEstimator::RateEstimator(const Options& options)
    : options_(options),
      filter_(std::log(options.first_guess.in(bytes_per_second)), options.noise),
      forecast_(options.forecast),
      last_(std::log(options.first_guess.in(bytes_per_second))) {}

LogFilter::Sample RateEstimator::logarithm(const RateSample& sample) const {
    // Of nothing that came through, half a segment may have been on its way.
    const double bytes =
        std::max(static_cast<double>(sample.size.count()), static_cast<double>(tcp_segment.count()) / 2.0);
    const double rate = std::clamp(bytes / sample.took.count(), 1.0, link_rate_max.in(bytes_per_second));
    return {.value = std::log(rate), .extra_noise = options_.short_sample_noise / bytes};
}

BytesPerSecond RateEstimator::median_with(const RateSample& sample) const {
    LogFilter copy = filter_;
    if (sample.took.count() > 0.0) copy.observe(logarithm(sample), sample.ended);
    return bytes_per_second(std::exp(copy.at(sample.ended).mean));
}

void RateEstimator::observe(const RateSample& sample) {
    if (sample.took.count() <= 0.0) return;
    const LogFilter::Sample observed = logarithm(sample);
    if (sample.limit == RateSample::Limit::nothing_more && observed.value < filter_.at(sample.ended).mean) return;
    if (filter_.last_seen()) forecast_.remember({.before = last_, .met = observed.value});
    filter_.observe(observed, sample.ended);
    last_ = observed.value;
}

RateDistribution RateEstimator::forecast(Seconds now) const {
    const LogFilter::Estimate estimate = filter_.at(now);
    return forecast_.expect(
        last_, age(now).value_or(Seconds(0.0)),
        {.mean = estimate.mean, .deviation = std::sqrt(estimate.variance + options_.noise.observation)});
}

double RateEstimator::uncertainty(Seconds now) const {
    return filter_.at(now).variance;
}

BytesPerSecond RateEstimator::median(Seconds now) const {
    return bytes_per_second(std::exp(filter_.at(now).mean));
}

double RateEstimator::seconds_per_byte(Seconds now) const {
    const LogFilter::Estimate estimate = filter_.at(now);
    return std::exp(-estimate.mean + estimate.variance / 2.0);
}

std::optional<Seconds> RateEstimator::age(Seconds now) const {
    if (!filter_.last_seen()) return std::nullopt;
    return std::max(Seconds(0.0), now - *filter_.last_seen());
}

void RoundTripEstimator::observe(Seconds round_trip, Seconds at) {
    if (round_trip.count() < 0.0) return;
    while (!kept_.empty() && kept_.back().time >= round_trip) kept_.pop_back();
    kept_.push_back({.at = at, .time = round_trip});
    while (kept_.front().at < at - least_window) kept_.pop_front();
    if (!seen_) {
        smoothed_ = round_trip;
        variation_ = round_trip / 2;
        seen_ = true;
        return;
    }
    const Seconds off = round_trip > smoothed_ ? round_trip - smoothed_ : smoothed_ - round_trip;
    variation_ = 0.75 * variation_ + 0.25 * off;
    smoothed_ = 0.875 * smoothed_ + 0.125 * round_trip;
}

void SlownessEstimator::observe(const Observed& observed, Seconds at) {
    if (observed.took.count() <= 0.0 || observed.expected.count() <= 0.0) return;
    const double ratio = std::clamp(observed.took / observed.expected, 1e-3, 1e3);
    filter_.observe({.value = std::log(ratio), .extra_noise = 0.0}, at);
}

double SlownessEstimator::expected(Seconds now) const {
    return std::exp(filter_.at(now).mean);
}

void QueueEstimator::observe(Seconds wait, Seconds at) {
    if (wait.count() < 0.0) return;
    const double gain = seen_ ? queue_gain : 1.0;
    average_ += gain * (wait - average_);
    seen_ = at;
}

Seconds QueueEstimator::expected(Seconds now) const {
    if (!seen_) return Seconds(0.0);
    return average_ * std::exp(-std::max(0.0, (now - *seen_).count()) / queue_memory.count());
}

}  // namespace breakeven
