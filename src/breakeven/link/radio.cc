// Radio: see radio.h.
#include "breakeven/link/radio.h"

#include <algorithm>

namespace breakeven {

Seconds Radio::tail_time() const {
    Seconds time{0.0};
    for (const RadioState& state : tail) time += state.time;
    return time;
}

RadioEnergy radio_energy(const Radio& radio, const RadioUse& use) {
    RadioEnergy energy;
    const Seconds moving = use.time.up + use.time.down;
    const Seconds waiting = use.time.rtt + use.server;
    energy.transfer = radio.base * moving + use.payload.up * radio.up + use.payload.down * radio.down;
    // Connected, with nothing to move, it draws what it does at the begin of its tail.
    energy.waiting = (radio.tail.empty() ? radio.base : radio.tail.front().power) * waiting;
    const Seconds tail = radio.tail_time();
    const Seconds gap = use.every ? std::max(*use.every - moving - waiting, Seconds(0.0)) : tail;
    if ((!use.every || gap >= tail) && radio.promotion) {
        energy.promotion = radio.promotion->power * radio.promotion->time;
        energy.promotion_time = radio.promotion->time;
    }
    Seconds left = gap;
    for (const RadioState& state : radio.tail) {
        const Seconds time = std::min(left, state.time);
        energy.tail += state.power * time;
        left -= time;
    }
    return energy;
}

WaitingCost waiting_cost(Seconds wait, Watts idle, const Suspension& suspension) {
    WaitingCost cost;
    cost.awake = idle * wait;
    cost.suspended = suspension.power * wait + suspension.wake_energy;
    cost.delay = suspension.wake_time;
    const double saved = (idle - suspension.power).in(watts);
    if (saved > 0.0) cost.pays_from = Seconds(suspension.wake_energy.in(joules) / saved);
    return cost;
}

}  // namespace breakeven
