// The one cost function: what a plan's stages cost the device in time and energy (the study's equations 2.1 to 2.5).
// `advise`, `session`, `fleet` and `study` all call it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"
#include "breakeven/link/transfer.h"
#include "breakeven/plan/device.h"
#include "breakeven/plan/plan.h"

namespace breakeven {

/// What crosses a link, and the link; a local plan has none.
struct Crossing {
    LinkProfile link;
    Payload payload;
    Payload between = {};  ///< what keeps the connection warm from one inference to the next
};

/// Cost of stages that follow one another, as the device sees it (Frennborn & Oliv 2022, equations 2.3 to 2.5):
///   t = sum of the stages
///   E = t_device * P_active + t_waiting * P_idle + s_up * e_up + s_down * e_down
/// s counts what is sent between two inferences too. The study prints s / e; e is in joules per byte, so it is a
/// product. EDP is Cost::energy_delay(). The energy is `modelled`; it is absent, with a reason, when a power or the
/// link's energy that it needs is unknown.
Cost plan_cost(const std::vector<Stage>& stages, const std::optional<Crossing>& crossing, const Powers& power);

/// How long the device computes: all of a local plan, the head of a split.
struct DeviceShare {
    Figure<Seconds> compute;
    std::string platform;  ///< "cpu:4"
};

/// How long the server takes: all of an offload, the tail of a split.
struct ServerShare {
    Figure<Seconds> queue;
    Figure<Seconds> compute;
    std::string platform;  ///< "grpc://host:port"
};

/// What coding takes of what crosses: on the device before it is sent, on the server before it is used.
struct CodingShare {
    Figure<Seconds> encode;
    Figure<Seconds> decode;
    std::string codec;  ///< "q4"
};

/// What a plan asks of both sides and of what lies between them, whichever link that is. One of the shares is there.
struct Shares {
    std::optional<DeviceShare> device;
    std::optional<ServerShare> server;
    Payload payload;  ///< nothing for a local plan
    std::optional<CodingShare> coding = {};
};

/// The link between the shares, and the connection on it. Without a `tcp` the transfer is the study's formula.
struct Way {
    LinkProfile link;
    std::optional<TcpUse> tcp;
};

/// Stages of a local plan.
std::vector<Stage> stages_here(const DeviceShare& device);

/// Stages by the model: compute and encode on the device, t_RTT + s_up / B_up + queue + decode + compute + s_down /
/// B_down (eq. 2.1, 2.2), and what TCP's window adds to that (tcp.h), where it does.
std::vector<Stage> modelled_stages(const Shares& shares, const Way& way);

/// Stages of a plan that was measured to take `total`: the same parts, and `overhead` for what the model does not
/// explain. Where the model explains more than was measured, link and server are shrunk to fit. They sum to `total`.
std::vector<Stage> measured_stages(Seconds total, const Shares& shares, const Way& way);

}  // namespace breakeven
