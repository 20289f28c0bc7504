// WholeSystem: see whole_system.h.
#include "breakeven/plan/whole_system.h"

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr double seconds_an_hour = 3600.0;
constexpr double bytes_a_gigabyte = 1e9;

void add_footprint(SystemShares& shares, const SystemUse& use, const GridFactors& grid, Money server) {
    const auto bytes = static_cast<double>((use.payload.up + use.payload.down).count());
    shares.co2 = grid.co2_a_kilowatt_hour * shares.energy().in(kilowatt_hours);
    shares.cost = grid.price_a_kilowatt_hour * shares.device.in(kilowatt_hours) +
                  grid.price_a_gigabyte * (bytes / bytes_a_gigabyte) + server;
}

}  // namespace

SystemCost system_cost(const SystemUse& use, const SystemFactors& factors) {
    const ServerFactors& server = factors.server;
    const double utilisation = server.utilisation.in(fraction);
    BREAKEVEN_ASSERT(utilisation > 0.0 && utilisation <= 1.0);
    const Watts idle = server.busy * server.idle.in(fraction);
    const double overhead = server.overhead.in(fraction);
    const Money price = server.price_an_hour * (use.server.count() / seconds_an_hour);

    SystemCost cost;
    cost.attributed.device = cost.marginal.device = use.device;
    cost.attributed.network = (use.payload.up + use.payload.down) * factors.network.attributed;
    cost.marginal.network = cost.attributed.network * factors.network.marginal.in(fraction);
    cost.attributed.server = (server.busy - idle + idle / utilisation) * use.server * overhead;
    cost.marginal.server = (server.busy - idle) * use.server * overhead;
    add_footprint(cost.attributed, use, factors.grid, price / utilisation);
    add_footprint(cost.marginal, use, factors.grid, price);
    return cost;
}

}  // namespace breakeven
