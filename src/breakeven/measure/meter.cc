// Meter: see meter.h.
#include "breakeven/measure/meter.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven {

EnergyReading PowerMeter::stop(const Work& work) {
    if (work.place == Place::server) {
        return EnergyReading::none("what sending costs depends on the link: `advise --link L` adds it");
    }
    if (!powers_.active) {
        return EnergyReading::none("no meter and no power given: use --active-power 5W or --device FILE");
    }
    return {Figure<Joules>{*powers_.active * work.busy, Origin::modelled}, ""};
}

std::unique_ptr<Meter> make_meter(std::string_view name, const Powers& powers) {
    if (name == "powers") return std::make_unique<PowerMeter>(powers);
    throw Error(ErrorKind::usage, fmt::format("choose the meter '{}'", name),
                "there is only 'powers': modelled from --active-power, --idle-power or --device");
}

}  // namespace breakeven
