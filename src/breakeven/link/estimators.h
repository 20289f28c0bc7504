// Estimators: what is known of link, server and device from observations alone: a value, how uncertain it is, and how
// old. No clock: the time of asking is a parameter. Rates and slow-downs are positive and vary by factors, so their
// logarithms are estimated.
#pragma once

#include <deque>
#include <optional>

#include "breakeven/link/rate_forecast.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// A scalar Kalman filter of a logarithm: a random walk that is observed with noise (Kalman 1960).
class LogFilter final {
   public:
    struct Noise {
        double drift = 0.05;        ///< variance that the walk gains in a second: larger forgets sooner
        double observation = 0.02;  ///< variance of one observation: larger smooths more
        double prior = 1.0;         ///< variance of the first guess
    };
    LogFilter(double first_guess, const Noise& noise) : noise_(noise), mean_(first_guess), variance_(noise.prior) {}

    /// An observed logarithm; its noise may be larger than usual (a short sample).
    struct Sample {
        double value = 0.0;
        double extra_noise = 0.0;
    };
    void observe(const Sample& sample, Seconds at);

    struct Estimate {
        double mean = 0.0;
        double variance = 0.0;
    };
    Estimate at(Seconds now) const;
    std::optional<Seconds> last_seen() const { return seen_; }

   private:
    Noise noise_;
    double mean_;
    double variance_;
    std::optional<Seconds> seen_;
};

/// Bytes that got through in a stretch of time.
struct RateSample {
    Seconds ended{0.0};
    Seconds took{0.0};
    Bytes size;
    /// `more_was_ready`: the link was the limit. `nothing_more`: the sender was (TCP_INFO's app-limited), so the link
    /// could do at least this.
    enum class Limit { more_was_ready, nothing_more } limit = Limit::more_was_ready;
};

/// The rate of one direction: a point with its uncertainty (a log-domain Kalman filter), and a distribution of what the
/// next transfer will meet.
class RateEstimator final {
   public:
    struct Options {
        BytesPerSecond first_guess = megabits_per_second(8);
        LogFilter::Noise noise{.drift = 0.2, .observation = 0.05, .prior = 2.0};
        double short_sample_noise = 500;  ///< extra variance of a sample, times bytes: a short one says little
        RateForecast::Options forecast{};
    };
    RateEstimator() : RateEstimator(Options{}) {}
    explicit RateEstimator(const Options& options);

    void observe(const RateSample& sample);

    /// What a transfer that begins now will meet.
    RateDistribution forecast(Seconds now) const;
    /// exp(mean): half of the time the rate is higher.
    BytesPerSecond median(Seconds now) const;
    /// The same if this sample were observed too, which it is not.
    BytesPerSecond median_with(const RateSample& sample) const;
    /// Expected seconds for a byte, E[1/B]; of a log-normal it is exp(-mean + variance / 2), never 1 / E[B].
    double seconds_per_byte(Seconds now) const;
    /// Variance of the rate's logarithm, age included.
    double uncertainty(Seconds now) const;
    /// Since the last observation; nothing before the first.
    std::optional<Seconds> age(Seconds now) const;

   private:
    LogFilter::Sample logarithm(const RateSample& sample) const;

    Options options_;
    LogFilter filter_;
    RateForecast forecast_;
    double last_;
};

/// The round trip: its least of the last ten seconds is the path's own (as in BBR, Cardwell et al. 2016); the smoothed
/// one and its variation (RFC 6298) say what queues add.
class RoundTripEstimator final {
   public:
    explicit RoundTripEstimator(Seconds first_guess = Seconds(0.05))
        : smoothed_(first_guess), variation_(first_guess / 2) {}
    void observe(Seconds round_trip, Seconds at);
    Seconds expected() const { return smoothed_; }
    Seconds variation() const { return variation_; }
    Seconds least() const { return kept_.empty() ? smoothed_ : kept_.front().time; }

   private:
    struct Kept {
        Seconds at{0.0};
        Seconds time{0.0};
    };
    std::deque<Kept> kept_;  ///< rising minima of the window
    Seconds smoothed_;
    Seconds variation_;
    bool seen_ = false;
};

/// How much slower than its table a machine is now (1 = as the table says): a device that is hot, a server that is
/// shared. Each observation is the time something took over the time the table gives it.
class SlownessEstimator final {
   public:
    explicit SlownessEstimator(const LogFilter::Noise& noise) : filter_(0.0, noise) {}
    struct Observed {
        Seconds took{0.0};
        Seconds expected{0.0};
    };
    void observe(const Observed& observed, Seconds at);
    double expected(Seconds now) const;

   private:
    LogFilter filter_;
};

/// The wait in a server's queue: an average that forgets, and that loses its weight while nothing new is heard.
class QueueEstimator final {
   public:
    void observe(Seconds wait, Seconds at);
    Seconds expected(Seconds now) const;

   private:
    Seconds average_{0.0};
    std::optional<Seconds> seen_;
};

}  // namespace breakeven
