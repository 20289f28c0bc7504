// ServerLine: the client's connection to its server, made when it is wanted and made again when it is lost. One thread
// of its own connects and keeps warm, so that nobody who starts a call waits for either. Internal to wire/.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "breakeven/wire/attempts.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/connection.h"

namespace breakeven {

class ServerLine final {
   public:
    using Time = std::chrono::steady_clock::time_point;
    struct Parts {
        const std::string& address;
        const ClientOptions& options;
        std::shared_ptr<grpc::ChannelCredentials> credentials;
        /// Makes a tiny call on the connection. From the line's thread.
        std::function<void(const std::shared_ptr<ServerConnection>&)> warm;
    };
    explicit ServerLine(Parts parts) : parts_(std::move(parts)) {}
    ~ServerLine() { stop(); }
    ServerLine(const ServerLine&) = delete;
    ServerLine& operator=(const ServerLine&) = delete;

    /// The connection if there is a usable one.
    std::shared_ptr<ServerConnection> current();
    /// Waits for a usable connection, at most until `until` and for ClientOptions::connect_timeout.
    Connected connected(Time until);

    /// Somebody who waits for a connection without a thread.
    struct Waiter {
        Time until;
        std::function<bool()> given_up;
        std::function<void(Connected)> deliver;  ///< from the line's thread; must not wait
    };
    void when_connected(Waiter waiter);

    void keep_warm(Time until);
    /// Of connections made from now on; the one that stands is left to the calls that are on it.
    void hold_window(Transport window);
    /// Tells everyone who waits that there will be no connection, and ends the thread.
    void stop();

   private:
    void run();
    void connect(std::unique_lock<std::mutex>& lock);
    /// Whose time is over is told so and forgotten.
    void expire(std::unique_lock<std::mutex>& lock);
    void deliver_all(std::unique_lock<std::mutex>& lock, const Connected& outcome);
    void rest(std::unique_lock<std::mutex>& lock);
    bool wanted() const { return !waiting_.empty() || std::chrono::steady_clock::now() < warm_until_; }

    Parts parts_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<ServerConnection> current_;
    std::list<Waiter> waiting_;
    Time warm_until_{};
    Transport window_ = parts_.options.transport.window;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace breakeven
