// World: what happens when a plan is run at a moment of a recorded link. Exact: transfers end where the recording has
// carried their bytes. Requests do not get in each other's way, so what a plan takes does not depend on the others, and
// every policy meets the same arrivals, the same link, and the same good and bad luck of device and server.
#pragma once

#include <cstdint>
#include <vector>

#include "breakeven/link/trace.h"
#include "breakeven/link/window.h"
#include "breakeven/plan/plan_table.h"

namespace breakeven {

struct WorldOptions {
    SendWindow window = SendWindow::open;
    Seconds period{1.0};         ///< from one request to the next
    std::uint64_t seed = 1;      ///< of the first request's moment, and of the luck below
    double device_noise = 0.02;  ///< standard deviation of the logarithm of a run's time on the device
    double server_noise = 0.05;  ///< the same on the server
};

/// A plan that crosses the link, from its begin at `start` until its answer.
struct RemoteRun {
    Seconds start{0.0};
    Seconds device{0.0};    ///< its share here
    Seconds sending{0.0};   ///< moment: the first byte is handed to the link
    Seconds sent{0.0};      ///< moment: the last byte has left
    Seconds server{0.0};    ///< computing there
    Seconds replying{0.0};  ///< moment: the reply's first byte is handed to the link
    Seconds replied{0.0};   ///< moment: its last byte has left
    Seconds finish{0.0};    ///< moment: the answer is here
    Seconds round_trip{0.0};
};

class World final {
   public:
    /// Keeps a reference to the link. Throws Error{usage} when the trace holds no request or too many.
    World(const RecordedLink& link, const PlanTable& plans, const WorldOptions& options);

    std::size_t size() const { return luck_.size(); }
    /// When a request comes, and which one came at a moment.
    Seconds arrival(std::size_t request) const;
    std::size_t request_at(Seconds arrival) const;

    /// From arrival to answer, undisturbed.
    Seconds latency(std::size_t request, std::size_t plan) const { return latencies_[request * points_ + plan]; }
    /// What the device takes to the answer when it gives up waiting for a plan's server; from the very beginning.
    Seconds rescue(std::size_t request, std::size_t plan) const;
    Seconds local(std::size_t request) const;
    RemoteRun remote(std::size_t request, std::size_t plan) const;
    /// Of what was handed over at `sending`, the bytes that the device knows to have arrived by `now`.
    Bytes acknowledged(const RemoteRun& run, Bytes size, Seconds now) const;

    const RecordedLink& link() const { return link_; }
    const PlanTable& plans() const { return plans_; }
    const WorldOptions& options() const { return options_; }

   private:
    struct Luck {
        double device = 1.0;
        double server = 1.0;
    };
    const RecordedLink& link_;
    PlanTable plans_;
    WorldOptions options_;
    Seconds first_{0.0};
    std::vector<Luck> luck_;
    std::size_t points_ = 0;
    std::vector<Seconds> latencies_;
};

}  // namespace breakeven
