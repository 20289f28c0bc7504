// Meter: see meter.h.
#include "breakeven/meters/meter.h"

namespace breakeven {

EnergyReading PowerMeter::stop(const Work& work) {
    if (work.place == Place::nowhere) {
        if (!powers_.idle)
            return EnergyReading::none("no meter and no power given: use --idle-power 1W or --device FILE");
        return {Figure<Joules>{*powers_.idle * work.elapsed, Origin::modelled}, ""};
    }
    if (work.place == Place::server) {
        return EnergyReading::none("what sending costs depends on the link: `advise --link L` adds it");
    }
    if (!powers_.active) {
        return EnergyReading::none("no meter and no power given: use --active-power 5W or --device FILE");
    }
    return {Figure<Joules>{*powers_.active * work.busy, Origin::modelled}, ""};
}

}  // namespace breakeven
