// Alarms, workers, loaded networks: see device.h.
#include "breakeven/session/device.h"

#include <atomic>
#include <chrono>
#include <utility>

namespace breakeven {
namespace {

std::chrono::steady_clock::time_point moment(Seconds time) {
    return std::chrono::steady_clock::time_point(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

class Skippable final : public Attempt {
   public:
    explicit Skippable(std::shared_ptr<std::atomic<bool>> skipped) : skipped_(std::move(skipped)) {}
    ~Skippable() override { *skipped_ = true; }

   private:
    std::shared_ptr<std::atomic<bool>> skipped_;  // shared with the work that looks at it
};

}  // namespace

struct AlarmClock::State {
    using Key = std::pair<Seconds, std::uint64_t>;  // of two at one moment, the one set first
    std::mutex mutex;
    std::condition_variable earlier;
    std::map<Key, std::function<void()>> alarms;
    std::uint64_t set = 0;
    bool closing = false;

    void ring() {
        std::unique_lock lock(mutex);
        while (!closing) {
            if (alarms.empty()) {
                earlier.wait(lock);
                continue;
            }
            const auto until = moment(alarms.begin()->first.first);  // a copy: the alarm may go while this waits
            if (until > std::chrono::steady_clock::now()) {
                earlier.wait_until(lock, until);
                continue;
            }
            auto alarm = alarms.extract(alarms.begin());
            lock.unlock();
            alarm.mapped()();
            alarm = {};  // what it holds goes without the lock
            lock.lock();
        }
    }
};

class AlarmClock::Alarm final : public Attempt {
   public:
    Alarm(std::shared_ptr<State> state, State::Key key) : state_(std::move(state)), key_(key) {}
    ~Alarm() override {
        std::map<State::Key, std::function<void()>>::node_type gone;
        const std::scoped_lock lock(state_->mutex);
        gone = state_->alarms.extract(key_);
    }

   private:
    std::shared_ptr<State> state_;
    State::Key key_;
};

AlarmClock::AlarmClock() : state_(std::make_shared<State>()), thread_([state = state_] { state->ring(); }) {}

AlarmClock::~AlarmClock() {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->closing = true;
    }
    state_->earlier.notify_one();
    thread_.join();
}

Seconds AlarmClock::now() const {
    return std::chrono::steady_clock::now().time_since_epoch();
}

void AlarmClock::sleep_until(Seconds time) {
    std::this_thread::sleep_until(moment(time));
}

std::unique_ptr<Attempt> AlarmClock::at(Seconds time, std::function<void()> what) {
    const std::scoped_lock lock(state_->mutex);
    const State::Key key{time, ++state_->set};
    const auto alarm = state_->alarms.emplace(key, std::move(what)).first;
    if (alarm == state_->alarms.begin()) state_->earlier.notify_one();
    return std::make_unique<Alarm>(state_, key);
}

Workers::~Workers() {
    {
        const std::scoped_lock lock(mutex_);
        closing_ = true;
    }
    more_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::function<void()> work) {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(work));
    if (waiting_.size() > idle_ && threads_.size() < threads_max) {
        threads_.emplace_back([this] { follow(); });
    }
    more_.notify_one();
}

void Workers::follow() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        more_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
        --idle_;
        if (waiting_.empty()) return;
        std::function<void()> work = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        work();
        work = nullptr;
        lock.lock();
    }
}

std::unique_ptr<Attempt> LoadedPart::start(std::vector<Tensor> inputs, Thread thread, std::function<void(Done)> done) {
    const auto compute = [runner = runner_, &clock = clock_](std::span<const Tensor> tensors) {
        Done made;
        const Seconds start = clock.now();
        try {
            made.outputs = runner->run(tensors).outputs;
        } catch (...) {
            made.error = std::current_exception();
        }
        made.took = clock.now() - start;
        return made;
    };
    if (thread == Thread::callers) {
        done(compute(inputs));
        return nullptr;
    }
    const auto skipped = std::make_shared<std::atomic<bool>>(false);
    workers_.run([compute, skipped, tensors = std::move(inputs), done = std::move(done)] {
        if (!*skipped) done(compute(tensors));
    });
    return std::make_unique<Skippable>(skipped);
}

}  // namespace breakeven
