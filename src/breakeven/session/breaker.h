// Breaker: leaves a server alone that keeps failing, and says when to look whether it is back (a circuit breaker:
// Nygard 2007, "Release It!"). Pure: times are parameters.
//
//     closed --failures in a row--> open --pause over--> looking --it answers--> closed
//                                    ^                      |
//                                    '---- it does not -----'   the pause doubles, up to a bound
#pragma once

#include <cstdint>

#include "breakeven/units/units.h"

namespace breakeven {

class Breaker final {
   public:
    struct Options {
        int failures = 3;           ///< in a row that open it; more costs more late answers
        Seconds first_pause{0.25};  ///< before the first look; shorter asks a server that restarts more often
        Seconds pause_max{4.0};     ///< between looks; longer spares the link, and finds the server back later
    };
    explicit Breaker(const Options& options) : options_(options), pause_(options.first_pause) {}

    /// Inferences may go to the server.
    bool is_closed() const { return state_ == State::closed; }
    /// Of an inference.
    void succeeded();
    void failed(Seconds now);
    /// Whether to look now: true once after each pause, then looked() says what was seen.
    bool wants_look(Seconds now);
    enum class Seen { answering, silent };
    void looked(Seen seen, Seconds now);
    /// The server is certainly not usable as it is: lost its networks, say. Opens at once.
    void trip(Seconds now);
    std::int64_t opened() const { return opened_; }

   private:
    enum class State { closed, open, looking };
    void open(Seconds now);
    Options options_;
    State state_ = State::closed;
    int failures_ = 0;
    Seconds pause_;
    Seconds look_at_{0.0};
    std::int64_t opened_ = 0;
};

}  // namespace breakeven
