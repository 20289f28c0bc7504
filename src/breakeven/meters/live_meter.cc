// Live meters: see live_meter.h.
#include "breakeven/meters/live_meter.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// What no machine that is metered this way draws for long: a counter that this would have filled tells nothing.
constexpr Watts power_max = watts(2000);

std::string lost(const std::string& name, const std::string& reason) {
    return fmt::format("the meter {} was lost: {}", name, reason);
}

}  // namespace

Joules counted(Joules before, Joules after, const std::optional<Joules>& full) {
    if (after >= before || !full) return after - before;
    return *full - before + after;
}

void CounterMeter::start() {
    failure_.clear();
    before_.clear();
    try {
        for (const auto& counter : counters_) before_.push_back(counter->read());
    } catch (const Error& error) {
        failure_ = error.what();
    }
}

EnergyReading CounterMeter::stop(const Work& work) {
    if (!failure_.empty()) return EnergyReading::none(lost(name_, failure_));
    Joules total;
    try {
        for (std::size_t i = 0; i < counters_.size(); ++i) {
            const auto full = counters_[i]->full();
            if (full && power_max * work.elapsed >= *full) {
                return EnergyReading::none(fmt::format("a stretch of {} may fill the counter of {} more than once",
                                                       to_text(work.elapsed), name_));
            }
            const Joules energy = counted(before_[i], counters_[i]->read(), full);
            if (energy < joules(0)) return EnergyReading::none(fmt::format("the counter of {} went back", name_));
            total += energy;
        }
    } catch (const Error& error) {
        return EnergyReading::none(lost(name_, error.what()));
    }
    return EnergyReading::measured(total);
}

SensorMeter::SensorMeter(std::string name, std::unique_ptr<PowerSensor> sensor, Clock& clock, Seconds interval)
    : name_(std::move(name)), sensor_(std::move(sensor)), clock_(clock), interval_(interval) {
    watcher_ = std::thread([this] { watch(); });
}

SensorMeter::~SensorMeter() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    changed_.notify_all();
    watcher_.join();
}

/// With the mutex held. The moment between the two readings of the clock is the sample's.
void SensorMeter::sample() {
    if (!failure_.empty()) return;
    try {
        const Seconds before = clock_.now();
        const Watts power = sensor_->read();
        samples_.push_back({(before + clock_.now()) / 2.0, power});
    } catch (const Error& error) {
        failure_ = error.what();
    }
}

void SensorMeter::watch() {
    std::unique_lock lock(mutex_);
    while (!closing_) {
        if (!running_) {
            changed_.wait(lock);
            continue;
        }
        const auto interval = std::chrono::duration_cast<std::chrono::nanoseconds>(interval_);
        if (!changed_.wait_for(lock, interval, [&] { return closing_ || !running_; })) sample();
    }
}

void SensorMeter::start() {
    const std::lock_guard lock(mutex_);
    samples_.clear();
    failure_.clear();
    sample();
    running_ = true;
    changed_.notify_all();
}

EnergyReading SensorMeter::stop(const Work& work) {
    const std::lock_guard lock(mutex_);
    running_ = false;
    changed_.notify_all();
    sample();
    if (!failure_.empty()) return EnergyReading::none(lost(name_, failure_));
    const Seconds seen = samples_.back().at - samples_.front().at;
    if (!(seen > Seconds(0.0))) return EnergyReading::measured(samples_.back().power * work.elapsed);
    // The first and last sample lie a little inside the stretch.
    return EnergyReading::measured(trapezoid(samples_) * (work.elapsed > Seconds(0.0) ? work.elapsed / seen : 1.0));
}

Joules trapezoid(const std::vector<PowerSample>& samples) {
    Joules energy;
    for (std::size_t i = 1; i < samples.size(); ++i) {
        energy += (samples[i - 1].power + samples[i].power) / 2.0 * (samples[i].at - samples[i - 1].at);
    }
    return energy;
}

}  // namespace breakeven
