// This device as a session sees it: alarms, threads that compute when the caller's does not, and networks loaded here.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/session/world.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// The machine's monotonic clock, and one thread that rings.
class AlarmClock final : public Alarms, public Clock {
   public:
    AlarmClock();
    ~AlarmClock() override;
    AlarmClock(const AlarmClock&) = delete;
    AlarmClock& operator=(const AlarmClock&) = delete;

    Seconds now() const override;
    void sleep_until(Seconds time) override;
    std::unique_ptr<Attempt> at(Seconds time, std::function<void()> what) override;

   private:
    class Alarm;
    struct State;
    std::shared_ptr<State> state_;  // shared: alarms may outlive the clock
    std::thread thread_;
};

/// Threads that compute; one more is started when all are busy, up to a bound.
class Workers final {
   public:
    static constexpr std::size_t threads_max = 16;
    Workers() = default;
    ~Workers();  ///< finishes what was given
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    void run(std::function<void()> work);

   private:
    void follow();
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::function<void()>> waiting_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool closing_ = false;
};

/// A network loaded on this device.
class LoadedPart final : public PartHere {
   public:
    LoadedPart(std::shared_ptr<Runner> runner, Workers& workers, const Alarms& clock)
        : runner_(std::move(runner)), workers_(workers), clock_(clock) {}
    std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Thread thread, std::function<void(Done)> done) override;

   private:
    std::shared_ptr<Runner> runner_;  // shared: a run under way keeps it
    Workers& workers_;
    const Alarms& clock_;
};

}  // namespace breakeven
