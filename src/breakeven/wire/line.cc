// The line's thread: see line.h.
#include "breakeven/wire/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

namespace breakeven {
namespace {

using Steady = std::chrono::steady_clock;

/// How often the thread looks, while it connects, whose time is over or who gave up.
constexpr Seconds slice{0.02};

/// After an attempt that failed at once (nobody listens), before the next where only warmth is wanted.
constexpr Seconds pause{0.2};

/// How often an idle connection is looked at, so that gRPC answers a server's pings: some servers hang up otherwise.
constexpr Seconds idle_interval{5.0};

Steady::duration ticks(Seconds time) {
    return std::chrono::duration_cast<Steady::duration>(time);
}

}  // namespace

std::shared_ptr<ServerConnection> ServerLine::current() {
    const std::scoped_lock lock(mutex_);
    return current_ && current_->usable() ? current_ : nullptr;
}

Connected ServerLine::connected(Time until) {
    if (auto connection = current()) return connection;
    std::promise<Connected> promise;
    when_connected({.until = until,
                    .given_up = [] { return false; },
                    .deliver = [&](Connected outcome) { promise.set_value(std::move(outcome)); }});
    return promise.get_future().get();
}

void ServerLine::when_connected(Waiter waiter) {
    waiter.until = std::min(waiter.until, Steady::now() + ticks(parts_.options.connect_timeout));
    std::unique_lock lock(mutex_);
    if (stopping_) {
        lock.unlock();
        waiter.deliver(Lost{"the client is being ended"});
        return;
    }
    waiting_.push_back(std::move(waiter));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    changed_.notify_one();
}

void ServerLine::keep_warm(Time until) {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return;
    warm_until_ = std::max(warm_until_, until);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    changed_.notify_one();
}

void ServerLine::hold_window(Transport window) {
    const std::scoped_lock lock(mutex_);
    if (window_ == window) return;
    window_ = window;
    current_ = nullptr;
}

void ServerLine::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void ServerLine::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (wanted() && !(current_ && current_->usable())) {
            connect(lock);
        } else if (!waiting_.empty()) {
            deliver_all(lock, current_);
        } else {
            rest(lock);
        }
    }
    deliver_all(lock, Lost{"the client is being ended"});
}

void ServerLine::deliver_all(std::unique_lock<std::mutex>& lock, const Connected& outcome) {
    std::list<Waiter> told;
    told.swap(waiting_);
    lock.unlock();
    for (const Waiter& waiter : told) waiter.deliver(outcome);
    told.clear();
    lock.lock();
}

void ServerLine::expire(std::unique_lock<std::mutex>& lock) {
    std::list<Waiter> expired;
    for (auto each = waiting_.begin(); each != waiting_.end();) {
        const auto next = std::next(each);
        if (each->until <= Steady::now() || each->given_up()) expired.splice(expired.end(), waiting_, each);
        each = next;
    }
    if (expired.empty()) return;
    lock.unlock();
    for (const Waiter& waiter : expired) {
        waiter.deliver(Lost{
            fmt::format("no connection to {} within {:g} s", parts_.address, parts_.options.connect_timeout.count())});
    }
    expired.clear();
    lock.lock();
}

void ServerLine::connect(std::unique_lock<std::mutex>& lock) {
    ClientOptions options = parts_.options;
    options.transport.window = window_;
    lock.unlock();
    const std::unique_ptr<Attempts> attempts = start_attempts(parts_.address, options, parts_.credentials);
    std::optional<Connected> ended;
    lock.lock();
    while (!stopping_ && wanted()) {
        lock.unlock();
        ended = attempts->wait(slice);
        lock.lock();
        if (ended) break;
        expire(lock);
    }
    if (!ended) return;
    if (const auto* made = std::get_if<std::shared_ptr<ServerConnection>>(&*ended)) {
        current_ = *made;
        deliver_all(lock, *ended);
        return;
    }
    deliver_all(lock, *ended);
    if (!stopping_) changed_.wait_for(lock, pause, [&] { return stopping_ || !waiting_.empty(); });
}

/// Nobody waits and nothing is missing: keeps the connection warm where that is wanted, else only alive.
void ServerLine::rest(std::unique_lock<std::mutex>& lock) {
    const auto now = Steady::now();
    const std::shared_ptr<ServerConnection> connection = current_;
    if (now >= warm_until_ || !connection) {
        const auto disturbed = [&] { return stopping_ || wanted(); };
        if (!connection) {
            changed_.wait(lock, disturbed);
        } else if (!changed_.wait_for(lock, idle_interval, disturbed)) {
            lock.unlock();
            connection->look();
            lock.lock();
        }
        return;
    }
    if (connection->keeps_window()) {  // there is nothing to keep warm, but a loss is to be noticed soon
        if (!changed_.wait_for(lock, idle_interval / 5, [&] { return stopping_ || !waiting_.empty(); })) {
            lock.unlock();
            connection->look();
            lock.lock();
        }
        return;
    }
    const Seconds interval = parts_.options.transport.warm_interval;
    const std::optional<TcpFacts> facts = connection->tcp();
    const Seconds silent = facts ? facts->since_sent : interval;
    if (silent < interval) {
        changed_.wait_for(lock, interval - silent, [&] { return stopping_ || !waiting_.empty(); });
        return;
    }
    lock.unlock();
    parts_.warm(connection);
    lock.lock();
    changed_.wait_for(lock, interval, [&] { return stopping_ || !waiting_.empty(); });
}

}  // namespace breakeven
