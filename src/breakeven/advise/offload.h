// Offloading, measured: through an emulated link between two hosts of this machine, over loopback, or to a real server.
// The emulated and the loopback way run this program's own commands in child processes, as anyone may by hand.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "breakeven/advise/workbench.h"
#include "breakeven/engine/engines.h"
#include "breakeven/link/profile.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// What one form of the network took, offloaded.
struct OffloadMeasurement {
    Seconds p50{0.0};
    Seconds p99{0.0};
    std::optional<ServerTimes> server;  ///< medians; a foreign server tells none
};

struct OffloadOptions {
    std::filesystem::path executable;
    std::size_t runs = 30;
    Seconds limit{120.0};  ///< for one form over one link, start and end of the server included
};

/// One host runs `serve`, the other `measure`; between them lies the emulated link.
OffloadMeasurement measure_emulated(const Workbench& bench, const OffloadForm& form, const LinkProfile& link,
                                    const std::string& congestion_control, const OffloadOptions& options);

/// `serve` and `measure` over loopback: what the server takes, without a link.
OffloadMeasurement measure_loopback(const Workbench& bench, const OffloadForm& form, const OffloadOptions& options);

/// A server at `address` that already has the form. Throws Error{input} when it has not.
OffloadMeasurement measure_server(const std::string& address, const OffloadForm& form, Engines& engines, Clock& clock,
                                  std::size_t runs);

}  // namespace breakeven
