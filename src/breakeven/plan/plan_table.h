// PlanTable: the few plans worth choosing among while an application runs, each as what it needs of device, server and
// link. What one takes under the conditions of a moment is a sum: the decision is a look-up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/link/transfer.h"
#include "breakeven/link/window.h"
#include "breakeven/plan/plan.h"
#include "breakeven/units/units.h"

namespace breakeven {

struct PlanPoint {
    std::string name;
    Seconds device{0.0};  ///< computing here, before anything crosses the link
    Seconds server{0.0};  ///< computing there, unloaded
    Payload payload{};    ///< nothing up: the plan is local
    std::int64_t round_trips = 1;
    /// What the device takes from the cut to the answer if it goes on by itself; nothing: it starts the fallback anew.
    std::optional<Seconds> rest_on_device{};
    bool is_local() const { return payload.up.count() == 0; }
    friend bool operator==(const PlanPoint&, const PlanPoint&) = default;
};

/// At least one plan is local: `local` is the fastest of those, which answers when nothing else does.
struct PlanTable {
    std::vector<PlanPoint> points;
    std::size_t local = 0;

    const PlanPoint& fallback() const { return points[local]; }
    /// The device's time to the answer, unslowed, when it gives up waiting for a plan's server.
    Seconds rescue(std::size_t plan) const { return points[plan].rest_on_device.value_or(fallback().device); }
};

/// Finds the local plan. Throws Error{input} when there is none, or a figure is beyond what a plan can be.
PlanTable plan_table(std::vector<PlanPoint> points, std::string_view origin);

/// What a plan of advice.h needs: its stages summed by side.
PlanPoint plan_point(const Plan& plan);

/// Reads `{"plans": [{"name": "local", "device": "300ms"}, {"name": "offload", "server": "20ms", "up": "150kB",
/// "down": "4kB"}]}`; what is left out is zero ("rest_on_device": nothing). Throws Error{input}.
PlanTable parse_plan_table(std::string_view text, std::string_view origin);

/// An example: local, offload of 150 kB, and splits after a half and a quarter of the work on the device whose tensors
/// are 4 and 2 times smaller, as the bottlenecks of MobileNet V2 are with 8 bits. The server is 15 times faster.
PlanTable example_plans(Seconds device);

/// What a plan's time depends on, at one moment.
struct Conditions {
    BytesPerSecond up;
    BytesPerSecond down;
    Seconds round_trip{0.0};
    Seconds queue{0.0};  ///< the wait for the server
    double device_slowness = 1.0;
    double server_slowness = 1.0;
    SendWindow window = SendWindow::open;
};
Seconds plan_time(const PlanPoint& point, const Conditions& conditions);

}  // namespace breakeven
