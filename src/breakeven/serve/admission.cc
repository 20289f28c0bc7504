// Admission: see admission.h.
#include "breakeven/serve/admission.h"

#include <algorithm>

namespace breakeven {
namespace {

/// How often a waiting request is asked whether its client has given up: gRPC's synchronous server does not tell by
/// itself. Longer keeps a place in the queue for nobody, shorter costs a full queue's threads their sleep.
constexpr std::chrono::milliseconds look_interval{20};

}  // namespace

Admission::Turn Admission::enter(Deadline deadline, const std::function<bool()>& gone) {
    std::unique_lock lock(mutex_);
    if (free_ > 0) {
        --free_;
        return Turn::granted;
    }
    if (waiting_.size() >= static_cast<std::size_t>(limits_.waiting)) return Turn::full;
    Waiter self;
    waiting_.push_back(&self);
    Turn without_turn = Turn::late;
    while (true) {
        const Deadline next = gone ? std::min(deadline, std::chrono::system_clock::now() + look_interval) : deadline;
        if (self.granted.wait_until(lock, next, [&] { return self.has_turn; })) return Turn::granted;
        if (next == deadline) break;
        lock.unlock();
        const bool is_gone = gone();
        lock.lock();
        if (self.has_turn) return Turn::granted;
        if (is_gone) {
            without_turn = Turn::gone;
            break;
        }
    }
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &self));
    return without_turn;
}

void Admission::leave() {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) {
        ++free_;
        return;
    }
    Waiter* next = waiting_.front();
    waiting_.pop_front();
    next->has_turn = true;
    next->granted.notify_one();  // under the lock: the waiter's condition dies as soon as it has its turn
}

}  // namespace breakeven
