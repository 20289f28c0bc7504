// The study's network time and energy: see transfer.h.
#include "breakeven/link/transfer.h"

namespace breakeven {

TransferTime transfer_time(const LinkProfile& link, const Payload& payload) {
    return {.rtt = 2.0 * link.one_way_latency, .up = payload.up / link.up, .down = payload.down / link.down};
}

std::optional<Joules> network_energy(const LinkProfile& link, const Payload& payload) {
    if (!link.up_energy || !link.down_energy) return std::nullopt;
    return payload.up * *link.up_energy + payload.down * *link.down_energy;
}

}  // namespace breakeven
