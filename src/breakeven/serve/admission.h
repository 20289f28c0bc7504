// Admission: how many requests may be in the engine at once, and how many may wait. First come, first served.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace breakeven {

struct AdmissionLimits {
    /// Requests in the engine at once. More keep more cores busy, and make each take longer.
    int running = 1;
    /// Requests that wait for their turn; one more is refused. More ride out a longer burst, and wait longer in it.
    int waiting = 64;
};

class Admission final {
   public:
    using Deadline = std::chrono::system_clock::time_point;  // gRPC's clock for deadlines

    explicit Admission(AdmissionLimits limits) : limits_(limits), free_(limits.running) {}

    enum class Turn { granted, full, late, gone };

    /// Waits for a turn, at most until the deadline. `gone` is asked now and then, by the waiting thread, whether
    /// anybody still wants it; empty: somebody does. Whoever is granted one must leave().
    [[nodiscard]] Turn enter(Deadline deadline, const std::function<bool()>& gone = {});
    void leave();

   private:
    struct Waiter {
        std::condition_variable granted;
        bool has_turn = false;
    };

    AdmissionLimits limits_;
    std::mutex mutex_;
    int free_;
    std::deque<Waiter*> waiting_;
};

/// A granted turn, left when it goes out of scope.
class HeldTurn final {
   public:
    explicit HeldTurn(Admission& admission) : admission_(admission) {}
    ~HeldTurn() { admission_.leave(); }
    HeldTurn(const HeldTurn&) = delete;
    HeldTurn& operator=(const HeldTurn&) = delete;

   private:
    Admission& admission_;
};

}  // namespace breakeven
