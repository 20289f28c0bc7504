// Measurement: see measurement.h.
#include "breakeven/measure/measurement.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <numeric>

#include "breakeven/measure/settle.h"
#include "breakeven/measure/turns.h"
#include "breakeven/time/random.h"

namespace breakeven {
namespace {

/// Turns of fast models: long enough to be a steady stretch, short enough for so many of them in a measurement.
constexpr std::size_t turns_least = 20;
/// The same where each of them begins with a rest.
constexpr std::size_t rested_turns_least = 8;
constexpr std::size_t turn_runs_least = 5;
constexpr std::size_t turn_runs_most = 1000;
/// 40 MB of samples a subject; more runs tell nothing new.
constexpr std::size_t samples_limit = 5'000'000;
constexpr Seconds progress_interval{0.1};
constexpr double outliers_share = 0.05;
Seconds processor_time() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return Seconds(static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec));
}

Bytes peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return Bytes(std::int64_t{usage.ru_maxrss} * 1024);  // Linux counts KiB
}

/// Room for `more` elements, so that nothing allocates between two runs; grows by doubling.
template <class T>
void make_room(std::vector<T>& vector, std::size_t more) {
    if (vector.capacity() - vector.size() < more) vector.reserve(std::max(2 * vector.size(), vector.size() + more));
}

/// A meter, and how many stretches it has seen.
struct Metering {
    Meter& meter;
    std::size_t stretches = 0;
};

/// Who else takes turns.
struct Rivals {
    bool any = false;
    bool with_threads = false;
    Seconds quiet_from{0.0};  ///< by the clock: their threads are asleep
};

/// One subject's runs so far.
class Series final {
   public:
    Series(const Subject& subject, const MeasureOptions& options) : subject_(subject), options_(options) {
        result_.platform = subject.platform;
        result_.title = subject.title.empty() ? to_text(subject.platform) : subject.title;
        warmup_ = options.warmup_least;
    }

    bool done() const { return done_; }
    /// Adds this one to another's rivals.
    void join(Rivals& rivals) const {
        rivals.any = true;
        if (!leaves_threads(subject_.platform)) return;
        rivals.with_threads = true;
        rivals.quiet_from = std::max(rivals.quiet_from, ended_ + spinning_ends);
    }
    std::size_t runs() const { return result_.samples.size(); }

    void take_turn(Clock& clock, Metering& metering, const Rivals& rivals) {
        try {
            const Seconds rest = std::max(rivals.quiet_from - clock.now(), Seconds(0));
            if (rivals.any && !result_.samples.empty() && result_.samples.back() < settle_below) {
                breakeven::settle(subject_.runner, subject_.inputs, rest, clock);
            } else {
                clock.sleep_until(rivals.quiet_from);
            }
            run(turn_length(rivals), clock, metering);
            ended_ = clock.now();
        } catch (const Error& error) {
            result_.failure = error;
            done_ = true;
        }
        if (!done_) done_ = enough();
    }

    /// The share of the wanted runs (or time) that there is.
    double fraction() const {
        if (done_) return 1.0;
        const double wanted = options_.duration ? (*options_.duration + busy_before_steady_).count()
                                                : static_cast<double>(options_.runs + warmup_);
        const double have = options_.duration ? busy_.count() : static_cast<double>(runs());
        return wanted > 0.0 ? std::clamp(have / wanted, 0.0, 1.0) : 1.0;
    }

    /// What the meter says of its stretches now that all are over; empty: what it said at their ends stands.
    void settle(const std::vector<EnergyReading>& readings) {
        for (Turn& turn : turns_) {
            if (turn.stretch < readings.size()) turn.energy = readings[turn.stretch];
        }
    }

    Measurement finish(const Meter& meter, const std::optional<Figure<Watts>>& idle_power);

   private:
    std::size_t turn_length(const Rivals& rivals) const {
        if (result_.samples.empty()) return 1;  // nothing is known of its pace
        const double fitting = options_.turn / std::max(result_.samples.back(), Seconds(1e-9));
        std::size_t most = turn_runs_most;
        if (!options_.duration) {
            const std::size_t turns = rivals.with_threads ? rested_turns_least : turns_least;
            const std::size_t wanted = options_.runs + warmup_;
            most = std::min(most, std::max(turn_runs_least, options_.runs / turns));
            most = std::min(most, std::max<std::size_t>(wanted - std::min(wanted, runs()), 1));
        }
        return static_cast<std::size_t>(std::clamp(fitting, 1.0, static_cast<double>(most)));
    }

    void run(std::size_t count, Clock& clock, Metering& metering);
    bool enough();
    const Subject& subject_;
    const MeasureOptions& options_;
    Measurement result_;
    std::vector<Turn> turns_;
    std::size_t warmup_ = 0;  ///< as last looked at
    Seconds ended_{0.0};      ///< the last turn, by the clock
    Seconds busy_{0.0};
    Seconds busy_before_steady_{0.0};
    std::size_t next_look_ = 0;      ///< where the wanted runs seem to be there
    std::size_t next_glance_ = 100;  ///< on the way, so that what is left to do is known early
    bool done_ = false;
};

void Series::run(std::size_t count, Clock& clock, Metering& metering) {
    make_room(result_.samples, count);
    make_room(result_.server_times, count);
    make_room(result_.head_times, count);
    make_room(turns_, 1);
    Turn turn{.first = runs(), .energy = {}, .stretch = metering.stretches++, .counts = {}};
    const Seconds processor_before = processor_time();
    const Seconds began = clock.now();
    metering.meter.start();
    if (options_.counters != nullptr) options_.counters->start();
    std::optional<Error> failure;
    Seconds busy{0.0};
    for (; turn.count < count; ++turn.count) {
        if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) break;
        try {
            if (options_.rest > Seconds(0)) clock.sleep_until(clock.now() + options_.rest);
            const Seconds before = clock.now();
            const RunResult result = subject_.runner.run(subject_.inputs);
            const Seconds time = clock.now() - before;
            result_.samples.push_back(time);
            busy += time;
            if (result.server) result_.server_times.push_back(*result.server);
            if (result.head) result_.head_times.push_back(*result.head);
        } catch (const Error& error) {
            failure = error;
            break;
        }
    }
    if (options_.counters != nullptr) turn.counts = options_.counters->stop();
    turn.elapsed = clock.now() - began;
    turn.energy = metering.meter.stop(
        {.busy = busy, .place = subject_.platform.is_remote() ? Place::server : Place::here, .elapsed = turn.elapsed});
    turn.processor_time = processor_time() - processor_before;
    busy_ += busy;
    if (turn.count > 0) turns_.push_back(std::move(turn));
    if (failure) throw Error(*failure);
}

bool Series::enough() {
    const std::size_t n = runs();
    if (n >= samples_limit) return true;
    const auto satisfied = [&] {
        if (n <= warmup_) return false;
        return options_.duration ? busy_ - busy_before_steady_ >= *options_.duration : n - warmup_ >= options_.runs;
    };
    const bool look = n >= next_look_ && satisfied();
    if (!look && n < next_glance_) return false;
    // The warm-up is at most half of the runs, so this comes to an end. Not looked for at every turn: it sorts.
    if (look) next_look_ = n + n / 10;
    next_glance_ = n + n / 2;
    warmup_ = std::max(find_warmup(result_.samples).count, options_.warmup_least);
    const auto steady = result_.samples.begin() + static_cast<std::ptrdiff_t>(std::min(warmup_, n));
    busy_before_steady_ = std::accumulate(result_.samples.begin(), steady, Seconds(0));
    return look && satisfied();
}

Measurement Series::finish(const Meter& meter, const std::optional<Figure<Watts>>& idle_power) {
    result_.warmup = find_warmup(result_.samples);
    result_.warmup.count = std::min(std::max(result_.warmup.count, options_.warmup_least), runs());
    const std::size_t warmup = result_.warmup.count;
    if (result_.server_times.size() != runs()) result_.server_times.clear();
    if (result_.head_times.size() != runs()) result_.head_times.clear();
    summarize_steady(result_);
    result_.meter = meter.name();
    if (result_.latency) {
        const SteadyTurns steady{turns_, result_.samples, warmup};
        result_.energy = mean_energy(steady, {watts(0), Origin::measured});
        if (result_.energy.energy && idle_power) result_.energy_above_idle = mean_energy(steady, *idle_power).energy;
        result_.counts = mean_counts(steady);
        result_.processor_time = mean_processor_time(steady);
    } else {
        result_.energy = EnergyReading::none("there was no steady run");
    }
    return std::move(result_);
}

/// The order of a round's turns.
void arrange(std::vector<std::size_t>& order, TurnOrder kind, Random& random) {
    if (kind == TurnOrder::mirrored) {
        std::reverse(order.begin(), order.end());
        return;
    }
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

void add_warnings(const Measurement& measurement, std::vector<std::string>& warnings) {
    const std::string& who = measurement.title;
    const std::size_t n = measurement.samples.size();
    if (measurement.failure) {
        warnings.push_back(fmt::format("{} ended after {} runs: {}", who, n, measurement.failure->what()));
    }
    if (n == 0) return;
    if (measurement.warmup.steadiness == Steadiness::drifting) {
        warnings.push_back(
            fmt::format("{} found no steady state in {} runs: measure for longer, or find what changes", who, n));
    }
    if (measurement.warmup.steadiness == Steadiness::too_few) {
        warnings.push_back(fmt::format("{} had too few runs to find its warm-up: left out the first {} of {}", who,
                                       measurement.warmup.count, n));
    }
    if (!measurement.latency) return;
    const std::size_t outliers = measurement.latency->outliers;
    if (static_cast<double>(outliers) > outliers_share * static_cast<double>(measurement.latency->n)) {
        warnings.push_back(
            fmt::format("{}: {} of {} runs lie far from the median (kept)", who, outliers, measurement.latency->n));
    }
}

/// Tells how far things are, but not at every turn.
class Reporter final {
   public:
    Reporter(const MeasureOptions& options, const Clock& clock)
        : options_(options), clock_(clock), start_(clock.now()), next_(start_) {}

    void report(const std::vector<Series>& all) {
        const Seconds now = clock_.now();
        if (!options_.progress || now < next_) return;
        next_ = now + progress_interval;
        Progress progress;
        for (const Series& series : all) {
            progress.fraction += series.fraction() / static_cast<double>(all.size());
            progress.runs += series.runs();
        }
        // A warm-up that turns out longer makes more work; the bar waits for it instead of going back.
        if (progress.fraction > 0.0) progress.left = (now - start_) * (1.0 / progress.fraction - 1.0);
        progress.fraction = told_ = std::max(told_, progress.fraction);
        options_.progress(progress);
    }

   private:
    const MeasureOptions& options_;
    const Clock& clock_;
    Seconds start_;
    Seconds next_;
    double told_ = 0.0;
};

}  // namespace

void summarize_steady(Measurement& measurement) {
    const std::vector<Seconds>& samples = measurement.samples;
    const std::size_t warmup = measurement.warmup.count;
    measurement.latency = summarize(std::span<const Seconds>(samples).subspan(warmup));
    measurement.server.reset();
    measurement.head.reset();
    if (!measurement.latency) return;
    const bool has_head = measurement.head_times.size() == samples.size();
    if (has_head) measurement.head = summarize(std::span<const Seconds>(measurement.head_times).subspan(warmup));
    if (measurement.server_times.size() != samples.size()) return;
    std::vector<Seconds> queue;
    std::vector<Seconds> compute;
    std::vector<Seconds> network;
    for (std::size_t i = warmup; i < samples.size(); ++i) {
        const ServerTimes& times = measurement.server_times[i];
        queue.push_back(times.queue);
        compute.push_back(times.compute);
        // The server's clock may tick a little faster than ours.
        const Seconds here = has_head ? measurement.head_times[i] : Seconds(0);
        network.push_back(std::max(samples[i] - here - times.queue - times.compute, Seconds(0)));
    }
    measurement.server = ServerSummary{*summarize(queue), *summarize(compute), *summarize(network)};
}

namespace {

/// The meter's stretch at rest, and how long it was.
struct Rest {
    EnergyReading energy;
    Seconds elapsed{0.0};
};

Rest rest(Seconds time, Clock& clock, Metering& metering) {
    ++metering.stretches;
    metering.meter.start();
    const Seconds began = clock.now();
    clock.sleep_until(began + time);
    const Seconds elapsed = clock.now() - began;
    return {metering.meter.stop({.busy = Seconds(0.0), .place = Place::nowhere, .elapsed = elapsed}), elapsed};
}

}  // namespace

MeasurementSet measure(const std::vector<Subject>& subjects, const MeasureOptions& options, Clock& clock,
                       Meter& meter) {
    BREAKEVEN_ASSERT(options.runs > 0 && options.runs <= samples_limit);
    const auto stopped = [&] { return options.stop != nullptr && options.stop->load(std::memory_order_relaxed); };
    std::vector<Series> all;
    all.reserve(subjects.size());
    for (const Subject& subject : subjects) all.emplace_back(subject, options);

    MeasurementSet result;
    Metering metering{meter};
    meter.prepare();
    Rest idle;
    if (options.idle_baseline) idle = rest(*options.idle_baseline, clock, metering);

    Random random(options.seed);
    Reporter reporter(options, clock);
    std::vector<std::size_t> order(all.size());
    std::iota(order.rbegin(), order.rend(), std::size_t{0});  // backwards: arranging turns it round
    const auto is_active = [](const Series& series) { return !series.done(); };
    const auto rivals_of = [&](const Series& own) {
        Rivals rivals;
        for (const Series& other : all) {
            if (&other != &own) other.join(rivals);
        }
        return rivals;
    };
    while (std::ranges::any_of(all, is_active) && !stopped()) {
        arrange(order, options.order, random);
        for (const std::size_t i : order) {
            if (stopped()) break;
            if (all[i].done()) continue;
            all[i].take_turn(clock, metering, rivals_of(all[i]));
            reporter.report(all);
        }
    }

    result.interrupted = std::ranges::any_of(all, is_active);
    const std::vector<EnergyReading> settled = meter.settle();
    for (Series& series : all) series.settle(settled);
    if (options.idle_baseline) {
        if (!settled.empty()) idle.energy = settled.front();
        if (const auto& energy = idle.energy.energy) {
            result.idle_power = Figure<Watts>{energy->value / idle.elapsed, energy->origin};
        } else {
            result.idle_reason = idle.energy.reason;
        }
    }
    for (Series& series : all) result.measurements.push_back(series.finish(meter, result.idle_power));
    result.peak_memory = peak_memory();
    for (const Measurement& measurement : result.measurements) add_warnings(measurement, result.warnings);
    return result;
}

}  // namespace breakeven
