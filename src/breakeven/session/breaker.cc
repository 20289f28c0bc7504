// Breaker: see breaker.h.
#include "breakeven/session/breaker.h"

#include <algorithm>

namespace breakeven {

void Breaker::succeeded() {
    if (state_ != State::closed) return;  // a reply to what was sent before it opened; the next look will tell
    failures_ = 0;
    pause_ = options_.first_pause;
}

void Breaker::failed(Seconds now) {
    if (state_ == State::closed && ++failures_ >= options_.failures) trip(now);
}

void Breaker::trip(Seconds now) {
    if (state_ != State::closed) return;
    ++opened_;
    open(now);
}

bool Breaker::wants_look(Seconds now) {
    if (state_ != State::open || now < look_at_) return false;
    state_ = State::looking;
    return true;
}

void Breaker::looked(Seen seen, Seconds now) {
    if (state_ != State::looking) return;
    if (seen == Seen::silent) return open(now);
    state_ = State::closed;
    failures_ = 0;
}

/// The pause grows until an inference succeeds: a server that answers looks but no inferences is left alone, too.
void Breaker::open(Seconds now) {
    state_ = State::open;
    look_at_ = now + pause_;
    pause_ = std::min(pause_ * 2.0, options_.pause_max);
}

}  // namespace breakeven
