// The main job: given a network, a device, a server and links, measure every plan that can be reached, model the rest,
// and rank them. What it returns is an Advice (plan/advice.h); how it is shown is report/.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/codec/codec.h"
#include "breakeven/emulator/emulator.h"
#include "breakeven/engine/engines.h"
#include "breakeven/engine/first_contact.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"
#include "breakeven/measure/store.h"
#include "breakeven/plan/advice.h"
#include "breakeven/plan/cost.h"
#include "breakeven/tensor/preprocess.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"

namespace breakeven {

/// What the user asks.
struct AdviseRequest {
    std::filesystem::path model;
    std::vector<std::filesystem::path> variants;  ///< made from it: compressed, say; ranked beside it
    std::optional<std::filesystem::path> data;    ///< samples that tell how right the variants are
    std::optional<Preprocess> preprocess;  ///< how pictures become inputs; else the model's metadata, else 0..255
    std::optional<std::string> server;     ///< "host:port" of a real server; else one is embedded
    std::vector<LinkProfile> links;        ///< to emulate or model; with a real server: to model beside its link
    Objective objective;
    Powers power;
    double slowdown = 1.0;               ///< the device is this many times slower than this machine (modelled)
    std::vector<Platform> platforms;     ///< of the device; empty: every CPU width this machine has
    std::size_t runs = 30;               ///< inferences measured for each plan, after warm-up
    std::size_t splits = 1;              ///< best cuts that are run for each link; 0: no splits
    std::int64_t inferences = 10000;     ///< that a network sent to the server will serve there
    std::optional<Bytes> device_memory;  ///< weights must fit where they run
    std::optional<Bytes> server_memory;
    EmulatorSupport emulator;                   ///< whether links can be emulated here; asked before any thread starts
    Congestion congestion = Congestion::cubic;  ///< of the connection: most devices' default
    Seconds idle{0.0};                          ///< how long it rests between inferences
    Transport transport = Transport::kept;      ///< what holds its window meanwhile; others are tried beside it
    std::vector<Codec> codecs;  ///< tried on `data` where tensors cross; empty: all. Without samples none is
};

/// What it works with, made by main.
struct AdviseTools {
    Engines& engines;
    Clock& clock;
    Store* store = nullptr;  ///< null: measure everything anew
    std::string version;     ///< of Breakeven: another one measures anew
    FirstContact contact;
    std::filesystem::path executable;  ///< this program: servers and emulated links run as its children
    std::function<void(const std::string&)> progress;
    const std::atomic<bool>* stop = nullptr;
    ClientOptions connection{};  ///< to a real server
};

/// Throws Error for a model that cannot be run, a server that is not there (`unavailable`), or a platform not here.
/// A single plan that fails becomes a warning, not an error.
Advice advise(const AdviseRequest& request, AdviseTools& tools);

}  // namespace breakeven
