// The one cost function: what a plan's stages cost the device in time and energy (the study's equations 2.1 to 2.5).
// `advise`, `session`, `fleet` and `study` all call it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/link/profile.h"
#include "breakeven/link/transfer.h"
#include "breakeven/plan/device.h"
#include "breakeven/plan/plan.h"

namespace breakeven {

/// What crosses a link, and the link; a local plan has none.
struct Crossing {
    LinkProfile link;
    Payload payload;
};

/// Cost of stages that follow one another, as the device sees it (Frennborn & Oliv 2022, equations 2.3 to 2.5):
///   t = sum of the stages
///   E = t_device * P_active + t_waiting * P_idle + s_up * e_up + s_down * e_down
/// The study prints s / e; e is in joules per byte, so it is a product. EDP is Cost::energy_delay().
/// The energy is `modelled`; it is absent, with a reason, when a power or the link's energy that it needs is unknown.
Cost plan_cost(const std::vector<Stage>& stages, const std::optional<Crossing>& crossing, const Powers& power);

/// How long the server takes for one inference.
struct ServerShare {
    Figure<Seconds> queue;
    Figure<Seconds> compute;
    std::string platform;  ///< "grpc://host:port"
};

/// Stages of an offload by the study's formula: t_RTT + s_up / B_up + queue + compute + s_down / B_down (2.1, 2.2).
std::vector<Stage> modelled_offload(const Crossing& crossing, const ServerShare& server);

/// Stages of an offload that was measured to take `total`: the same parts, and `overhead` for what the formula does
/// not explain. Where the formula explains more than was measured, its parts are shrunk to fit. They sum to `total`.
std::vector<Stage> measured_offload(Seconds total, const Crossing& crossing, const ServerShare& server);

}  // namespace breakeven
