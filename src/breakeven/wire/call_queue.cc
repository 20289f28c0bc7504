// The thread of the calls that nobody waits for: see call_queue.h.
#include "breakeven/wire/call_queue.h"

#include <vector>

namespace breakeven {

bool CallQueue::begin(std::shared_ptr<Event> event) {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return false;
    void* tag = event.get();
    under_way_.emplace(tag, std::move(event));
    // The thread keeps the queue: what it tells may end the client.
    if (!thread_.joinable()) thread_ = std::thread([self = shared_from_this()] { self->run(); });
    changed_.notify_one();
    return true;
}

void CallQueue::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stopping_ || !under_way_.empty(); });
        if (under_way_.empty()) break;
        lock.unlock();
        void* tag = nullptr;
        bool good = false;
        queue_.Next(&tag, &good);
        lock.lock();
        const auto found = under_way_.find(tag);
        std::shared_ptr<Event> event = std::move(found->second);
        under_way_.erase(found);
        lock.unlock();
        event->happened();
        event.reset();
        lock.lock();
    }
    lock.unlock();
    queue_.Shutdown();
    void* tag = nullptr;
    for (bool good = false; queue_.Next(&tag, &good);) {
    }
}

void CallQueue::stop() {
    std::vector<std::shared_ptr<Event>> given_up;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        for (const auto& [tag, event] : under_way_) given_up.push_back(event);
        changed_.notify_one();
    }
    for (const auto& event : given_up) event->give_up();
    given_up.clear();
    if (!thread_.joinable()) {
        queue_.Shutdown();
        void* tag = nullptr;
        for (bool good = false; queue_.Next(&tag, &good);) {
        }
    } else if (thread_.get_id() == std::this_thread::get_id()) {
        thread_.detach();
    } else {
        thread_.join();
    }
}

}  // namespace breakeven
