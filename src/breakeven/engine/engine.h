// Engine: makes a model runnable on a platform. Runner: the model, loaded there.
// A server across a link implements the same two (wire/remote.h).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/model/image.h"
#include "breakeven/plan/platform.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// Where a remote run's time went, as the server tells; a local run has none.
struct ServerTimes {
    Seconds queue{0.0};
    Seconds compute{0.0};
};

struct RunResult {
    std::vector<Tensor> outputs;  ///< in the order of Runner::outputs()
    std::optional<ServerTimes> server;
    std::optional<Seconds> head;  ///< of a network in two parts: how long the first took, before anything was sent
};

/// Where a graph's nodes really run: an accelerator takes those it can, the CPU the rest.
struct Placement {
    struct Left {
        std::string op;
        std::size_t count = 0;
    };
    std::string provider;  ///< "CUDA"
    std::size_t there = 0;
    std::size_t total = 0;   ///< nodes of the graph as the engine had prepared it
    std::vector<Left> left;  ///< on the CPU instead, the most frequent first
};
/// "112 of 120 nodes on CUDA; 8 fall back to the CPU: Softmax 5, Cast 3"
std::string to_text(const Placement& placement);

/// A model loaded on a platform. `run` may be called from many threads at once.
class Runner {
   public:
    virtual ~Runner() = default;

    virtual const std::vector<TensorSpec>& inputs() const = 0;
    virtual const std::vector<TensorSpec>& outputs() const = 0;

    /// One inference; `tensors` in the order of inputs(). Outputs may live in the engine's memory (no copy).
    /// Throws Error{input} for a tensor of the wrong type or shape, {unavailable} when a server is lost.
    virtual RunResult run(std::span<const Tensor> tensors) = 0;

    /// Nothing on a CPU, on a server, and where the engine does not tell.
    virtual std::optional<Placement> placement() const { return std::nullopt; }
};

/// One platform that this machine has, or why it has not.
struct PlatformStatus {
    Platform platform;
    bool available = false;
    std::string reason;  ///< what is missing and how to get it; empty when available
};

struct LoadOptions {
    /// Off: the graph runs as written, the reference that optimized runs are compared with.
    bool optimize = true;
};

class Engine {
   public:
    virtual ~Engine() = default;

    virtual std::string name() const = 0;
    /// What results depend on: the engine's version string.
    virtual std::string version() const = 0;
    virtual std::vector<PlatformStatus> platforms() const = 0;

    /// Throws Error{input} when the engine refuses the model, {unsupported} when the platform is not here.
    virtual std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform,
                                         const LoadOptions& options) = 0;
};

}  // namespace breakeven
