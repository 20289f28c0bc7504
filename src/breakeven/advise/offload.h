// Offloading, measured: through an emulated link between two hosts of this machine, over loopback, or to a real server.
// The emulated and the loopback way run this program's own commands in child processes, as anyone may by hand.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/advise/workbench.h"
#include "breakeven/codec/codec.h"
#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/link/profile.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/deploy.h"

namespace breakeven {

/// What is run against a server: a form of the network, or the network cut in two.
struct Exchange {
    std::string name;                   ///< for messages
    const ModelFile* whole = nullptr;   ///< the network
    const OffloadForm* form = nullptr;  ///< how it is offloaded; of a cut: as given
    std::vector<std::string> cut = {};  ///< empty: all of it on the server
    Platform head = {};                 ///< where the head of a cut runs
    std::optional<Codec> codec = {};    ///< how what crosses travels; nothing: as it is
    std::filesystem::path input = {};   ///< .npy of the network's input; empty: random numbers
};

struct OffloadMeasurement {
    Seconds p50{0.0};
    Seconds p99{0.0};
    std::optional<Seconds> head;        ///< of a cut, on this device: median
    std::optional<ServerTimes> server;  ///< medians; a foreign server tells none
    std::optional<Deployed> deployed;   ///< where the server had to be sent something
    std::string answer = {};            ///< of a child: all that `measure --json` said, for who needs more
};

struct OffloadOptions {
    std::filesystem::path executable;
    std::size_t runs = 30;
    std::optional<Seconds> duration = {};  ///< instead of `runs`; of a child
    Seconds idle{0.0};                     ///< before each run
    Transport transport = Transport::kept;
    Seconds limit{120.0};  ///< for one exchange over one link, start and end of the server included
};

/// One host runs `serve`, the other `measure`; between them lies the emulated link. What a cut's server needs must be
/// in the bench's repository (Workbench::add_tail).
OffloadMeasurement measure_emulated(const Workbench& bench, const Exchange& exchange, const LinkProfile& link,
                                    const std::string& congestion_control, const OffloadOptions& options);

/// `serve` and `measure` over loopback: what the server takes, without a link.
OffloadMeasurement measure_loopback(const Workbench& bench, const Exchange& exchange, const OffloadOptions& options);

/// What a real server is asked with.
struct RealServer {
    std::shared_ptr<Client> client;
    Engines& engines;
    Clock& clock;
    std::function<void(const std::string&)> progress;
};

/// A real server that has what it needs, or takes it. Throws Error{input} when it has not and does not.
OffloadMeasurement measure_server(const RealServer& server, const Exchange& exchange, const OffloadOptions& options);

}  // namespace breakeven
