// Live meters: from an energy counter (read at both ends of a stretch) or from a power sensor (sampled meanwhile).
// What a machine offers as either is found by sysfs.h and nvml.h.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "breakeven/meters/meter.h"
#include "breakeven/meters/power_trace.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// A count of energy that goes up, and starts again from 0 when it is full.
class EnergyCounter {
   public:
    virtual ~EnergyCounter() = default;
    /// Throws Error{unavailable} when it is lost.
    virtual Joules read() = 0;
    /// The count goes from 0 to this; nothing where it never is full.
    virtual std::optional<Joules> full() const = 0;
};

/// A power as it is now, or as it was on average since the sensor's last conversion.
class PowerSensor {
   public:
    virtual ~PowerSensor() = default;
    /// Throws Error{unavailable} when it is lost.
    virtual Watts read() = 0;
};

/// From one reading to the next, over at most one wrap.
Joules counted(Joules before, Joules after, const std::optional<Joules>& full);

/// The sum of several counters: a machine with two packages has two.
class CounterMeter final : public Meter {
   public:
    CounterMeter(std::string name, std::vector<std::unique_ptr<EnergyCounter>> counters)
        : name_(std::move(name)), counters_(std::move(counters)) {}

    std::string name() const override { return name_; }
    void start() override;
    EnergyReading stop(const Work& work) override;

   private:
    std::string name_;
    std::vector<std::unique_ptr<EnergyCounter>> counters_;
    std::vector<Joules> before_;
    std::string failure_;
};

/// How often a sensor is read: INA226 and INA3221 convert in about a millisecond, PMICs and NVML's power in 10 to 100.
inline constexpr Seconds sensor_interval_default{0.01};

/// A stretch's energy from samples of the power: the trapezoid rule between them.
class SensorMeter final : public Meter {
   public:
    SensorMeter(std::string name, std::unique_ptr<PowerSensor> sensor, Clock& clock,
                Seconds interval = sensor_interval_default);
    ~SensorMeter() override;
    SensorMeter(const SensorMeter&) = delete;
    SensorMeter& operator=(const SensorMeter&) = delete;

    std::string name() const override { return name_; }
    void start() override;
    EnergyReading stop(const Work& work) override;

   private:
    void sample();
    void watch();

    std::string name_;
    std::unique_ptr<PowerSensor> sensor_;
    Clock& clock_;
    Seconds interval_;

    std::mutex mutex_;  ///< guards all below
    std::condition_variable changed_;
    bool running_ = false;
    bool closing_ = false;
    std::vector<PowerSample> samples_;
    std::string failure_;
    std::thread watcher_;
};

/// The energy from the first to the last sample by the trapezoid rule; of one sample alone nothing.
Joules trapezoid(const std::vector<PowerSample>& samples);

}  // namespace breakeven
