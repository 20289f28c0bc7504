// RecordedMeter: an instrument beside the device writes a file while the run lasts; its file is read when the run is
// over, matched to the run's clock, and integrated over each stretch.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "breakeven/meters/meter.h"
#include "breakeven/meters/sync.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// How the recording's time is matched to ours.
enum class Matching {
    calendar,  ///< the recording has time stamps of the calendar, and both hosts' calendars agree (NTP)
    pulse,  ///< by the load patterns that the device draws before and after; with time stamps near them, else anywhere
};

struct RecordedMeterOptions {
    std::string name;                 ///< "csv:power.csv"
    std::function<Recording()> read;  ///< the file as it is now; throws Error
    Matching matching = Matching::calendar;
    std::function<Seconds()> calendar;  ///< seconds since 1970, now
    /// Keeps one processor busy for so long: what a pulse's "on" looks like. Tests fake it.
    std::function<void(Seconds)> burn;
    /// How long to wait for the file's end to come after the run's.
    Seconds patience{15.0};
    Pulse pulse;
};

class RecordedMeter final : public Meter {
   public:
    RecordedMeter(RecordedMeterOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

    std::string name() const override { return options_.name; }
    void prepare() override;
    void start() override { started_ = clock_.now(); }
    EnergyReading stop(const Work& work) override;
    std::vector<EnergyReading> settle() override;

    /// How the clocks were matched, for people: "by pulses: offset 3.21 s, drift 12 ppm"; empty before settle().
    const std::string& matched() const { return matched_; }

   private:
    void send_pulse();
    ClockMap map_to(const Recording& recording);
    std::vector<EnergyReading> readings_now();

    RecordedMeterOptions options_;
    Clock& clock_;
    Seconds started_{0.0};
    std::vector<TimeWindow> stretches_;
    std::optional<PulsesSent> pulses_;
    Seconds calendar_offset_{0.0};  ///< calendar - clock
    std::string matched_;
};

}  // namespace breakeven
