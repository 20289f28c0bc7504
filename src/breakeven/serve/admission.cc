// Admission: see admission.h.
#include "breakeven/serve/admission.h"

#include <algorithm>

namespace breakeven {

Admission::Turn Admission::enter(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (free_ > 0) {
        --free_;
        return Turn::granted;
    }
    if (waiting_.size() >= static_cast<std::size_t>(limits_.waiting)) return Turn::full;
    Waiter self;
    waiting_.push_back(&self);
    if (self.granted.wait_until(lock, deadline, [&] { return self.has_turn; })) return Turn::granted;
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &self));
    return Turn::late;
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
