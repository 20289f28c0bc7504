// What a session needs of the world around it, so that its decisions can run in virtual time: a clock with alarms, this
// device's engine, and a server. Real ones: device.h, server_way.h; tests have their own.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

/// Something under way. Destroying it cancels it; from any thread, also from its own end.
class Attempt {
   public:
    virtual ~Attempt() = default;

    struct Progress {
        Bytes acknowledged;               ///< of the payload sent
        std::optional<Seconds> complete;  ///< moment when all of it was
    };
    virtual Progress progress() const { return {}; }
};

/// Moments to come.
class Alarms {
   public:
    virtual ~Alarms() = default;
    virtual Seconds now() const = 0;
    /// Calls `what` then, unless the Attempt is gone. `what` must be quick.
    virtual std::unique_ptr<Attempt> at(Seconds time, std::function<void()> what) = 0;
};

/// Which thread computes: the caller's own, which then waits, or one of the session's.
enum class Thread { callers, own };

/// The network, or a part of it, on this device.
class PartHere {
   public:
    virtual ~PartHere() = default;
    struct Done {
        std::vector<Tensor> outputs;
        Seconds took{0.0};
        std::exception_ptr error;  ///< the engine's; then there are no outputs
    };
    /// `done` is called once, on the thread that computes (perhaps before this returns); not at all if it was cancelled
    /// before it began.
    virtual std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Thread thread,
                                           std::function<void(Done)> done) = 0;
};

/// The network, or a part of it, on a server.
class PartThere {
   public:
    virtual ~PartThere() = default;
    struct Reply {
        std::vector<Tensor> outputs;  ///< they fit the network
        std::optional<ServerTimes> times;
    };
    /// The server's answer makes no sense for this network.
    struct Garbage {
        std::string reason;
    };
    using Came = std::variant<Reply, Refused, Lost, Late, Garbage>;
    /// `done` is called at most once, from any thread, perhaps before this returns. Cancelled means: on the server too.
    virtual std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Seconds limit,
                                           std::function<void(Came)> done) = 0;
};

/// The server itself.
class FarSide {
   public:
    virtual ~FarSide() = default;
    struct Echo {
        Seconds server{0.0};  ///< in the server's hands
    };
    /// So many bytes there, and a tiny answer.
    virtual std::unique_ptr<Attempt> probe(Bytes size, Seconds limit, std::function<void(Outcome<Echo>)> done) = 0;
    /// Looks whether the server is there and has all the networks; sends them again where it has not. May take long.
    virtual void look(std::function<void(Outcome<bool>)> done) = 0;
    /// As TCP sees it now; nothing where there is no connection.
    virtual std::optional<Seconds> round_trip() { return std::nullopt; }
    /// Inferences come: the connection is worth being kept open and warm for a while.
    virtual void in_use() {}
};

}  // namespace breakeven
