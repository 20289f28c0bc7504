// Meter: tells the energy of stretches of work. Live ones (a counter, a sensor) tell when a stretch ends; recorded ones
// (an instrument that writes a file) when all are over. `make_meter` of choose.h makes the one that a user names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/device.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// Where the work between start and stop ran: a device that waits for a server draws another power, and one that rests
/// yet another. The idle power is that of a stretch of `nowhere`.
enum class Place { here, server, nowhere };

struct Work {
    Seconds busy{0.0};  ///< the time inside inferences; the rest between start and stop was bookkeeping or rest
    Place place = Place::here;
    Seconds elapsed{0.0};  ///< from start to stop
};

/// An energy with its origin, or the reason why there is none; never both.
struct EnergyReading {
    std::optional<Figure<Joules>> energy;
    std::string reason;

    static EnergyReading none(std::string reason) { return {std::nullopt, std::move(reason)}; }
    static EnergyReading measured(Joules energy) { return {Figure<Joules>{energy, Origin::measured}, ""}; }
    friend bool operator==(const EnergyReading&, const EnergyReading&) = default;
};

class Meter {
   public:
    virtual ~Meter() = default;

    /// As `--meter` spells it and results carry it.
    virtual std::string name() const = 0;
    /// Before the first stretch, with nothing else running: a recorded meter sends its pulse here.
    virtual void prepare() {}
    virtual void start() = 0;
    /// The energy since start(), for the work done meanwhile. A meter that is lost gives the reason; it never throws.
    virtual EnergyReading stop(const Work& work) = 0;
    /// After the last stretch. What a recorded meter says of all stretches since the last settle(), in their order: it
    /// replaces what stop() said. Live meters give nothing.
    virtual std::vector<EnergyReading> settle() { return {}; }
};

/// active power x busy time. Without an active power, and for work on a server (where the radio's share is the link's
/// to tell), it gives the reason instead.
class PowerMeter final : public Meter {
   public:
    explicit PowerMeter(const Powers& powers) : powers_(powers) {}

    std::string name() const override { return "powers"; }
    void start() override {}
    EnergyReading stop(const Work& work) override;

   private:
    Powers powers_;
};

}  // namespace breakeven
