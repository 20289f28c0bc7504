// Meter: tells the energy of a stretch of work. There is one so far: modelled from the powers that the user gives.
// Real meters (a counter, a power monitor) fill the same interface and answer `measured`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "breakeven/plan/device.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// Where the work between start and stop ran: a device that waits for a server draws another power.
enum class Place { here, server };

struct Work {
    Seconds busy{0.0};  ///< the time inside inferences; the rest between start and stop was bookkeeping
    Place place = Place::here;
};

/// An energy with its origin, or the reason why there is none; never both.
struct EnergyReading {
    std::optional<Figure<Joules>> energy;
    std::string reason;

    static EnergyReading none(std::string reason) { return {std::nullopt, std::move(reason)}; }
    friend bool operator==(const EnergyReading&, const EnergyReading&) = default;
};

class Meter {
   public:
    virtual ~Meter() = default;

    /// As `--meter` spells it and results carry it.
    virtual std::string name() const = 0;
    virtual void start() = 0;
    /// The energy since start(), for the work done meanwhile.
    virtual EnergyReading stop(const Work& work) = 0;
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

/// The meter that `--meter` names; throws Error{usage} for an unknown name.
std::unique_ptr<Meter> make_meter(std::string_view name, const Powers& powers);

}  // namespace breakeven
