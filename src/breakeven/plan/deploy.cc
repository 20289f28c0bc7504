// Deploy: see deploy.h.
#include "breakeven/plan/deploy.h"

#include "breakeven/error.h"
#include "breakeven/link/transfer.h"

namespace breakeven {

std::optional<Joules> Deploy::energy_each() const {
    if (!energy) return std::nullopt;
    return energy->value * (1.0 / static_cast<double>(inferences));
}

Deploy deploy_over(const LinkProfile& link, Bytes size, const Powers& power, std::int64_t inferences) {
    BREAKEVEN_ASSERT(inferences > 0);
    const Payload payload{.up = size, .down = Bytes()};
    const Seconds time = transfer_time(link, payload).total();
    Deploy deploy{.size = size, .time = {time, Origin::modelled}, .energy = {}, .inferences = inferences};
    const std::optional<Joules> network = network_energy(link, payload);
    if (network && power.idle) deploy.energy = Figure<Joules>{*network + time * *power.idle, Origin::modelled};
    return deploy;
}

}  // namespace breakeven
