// Call: an inference that is under way, to be watched and given up while it is. Made by Client::start(); from any
// thread; it may outlive its client.
#pragma once

#include <memory>
#include <optional>

#include "breakeven/units/units.h"

namespace breakeven {

/// How far a request has got on its way to the server.
struct CallProgress {
    Seconds elapsed{0.0};  ///< since start()
    Bytes total;           ///< of the request's message
    /// Of them, what the peer's kernel has acknowledged. It takes the connection's bytes in their order, so where
    /// several calls share a connection, those before this one count first. Nothing where the kernel does not tell.
    std::optional<Bytes> acknowledged;
    /// Since start(): when progress(), or the reply, first saw all of it acknowledged.
    std::optional<Seconds> all_acknowledged;
};

class Call final {
   public:
    struct State;  // wire's own
    explicit Call(std::shared_ptr<State> state) : state_(std::move(state)) {}
    /// Gives up what is still under way. From then on `on_done` is not called: where another thread is in it just now,
    /// this waits until it has returned. May be called from within `on_done`.
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// Gives the call up: the server is told, and `on_done` gets Lost, from another thread and soon. Nothing once it is
    /// done. Does not wait.
    void cancel();
    bool done() const;
    CallProgress progress() const;

   private:
    std::shared_ptr<State> state_;  // shared: gRPC's queue holds it until the call has ended
};

}  // namespace breakeven
