// NoiseWatch: what disturbed the machine while something was measured, as one-line warnings.
// Two samples of the kernel's own counters, before and after; between them it does nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/measure/machine.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// Counters at one moment. Times are since boot (processors) and since start (this process).
struct NoiseSample {
    Seconds at{0.0};                     ///< the caller's clock
    Seconds processors_all{0.0};         ///< time of all processors together
    Seconds processors_busy{0.0};        ///< of it not idle and not stolen
    Seconds processors_stolen{0.0};      ///< of it given to other virtual machines
    Seconds own{0.0};                    ///< processor time of this process
    std::int64_t preempted = 0;          ///< times that another program took a processor from this process
    std::int64_t throttled = 0;          ///< times that a processor slowed down for heat
    std::optional<double> frequency_hz;  ///< of processor 0, where the kernel tells it
};

NoiseSample sample_noise(const SystemFiles& files, const Clock& clock);

/// One line a disturbance: what happened, how much, what to do. Empty on a quiet machine.
std::vector<std::string> noise_warnings(const NoiseSample& before, const NoiseSample& after, const Machine& machine);

/// Samples now, and again when asked for the warnings.
class NoiseWatch final {
   public:
    NoiseWatch(const Machine& machine, const Clock& clock, SystemFiles files = {})
        : machine_(machine), clock_(clock), files_(std::move(files)), before_(sample_noise(files_, clock)) {}

    std::vector<std::string> warnings() const {
        return noise_warnings(before_, sample_noise(files_, clock_), machine_);
    }

   private:
    const Machine& machine_;
    const Clock& clock_;
    SystemFiles files_;
    NoiseSample before_;
};

}  // namespace breakeven
