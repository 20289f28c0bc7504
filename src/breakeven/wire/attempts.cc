// Attempts in plain text connect our own sockets, so that each is set up before its first byte; with TLS gRPC connects,
// and we find its socket afterwards. See attempts.h.
#include "breakeven/wire/attempts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/create_channel_posix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <future>
#include <thread>

#include "breakeven/wire/credentials.h"
#include "breakeven/wire/resolve.h"
#include "breakeven/wire/sockets.h"
#include "breakeven/wire/tls_diagnosis.h"
#include "breakeven/wire/transport.h"

namespace breakeven {
namespace {

using Steady = std::chrono::steady_clock;

/// Attempts under way at once; the oldest is given up for a new one. With one each 0.3 s, a round trip may take 2 s.
constexpr std::size_t attempts_max = 8;

Steady::duration ticks(Seconds time) {
    return std::chrono::duration_cast<Steady::duration>(time);
}

/// The addresses of a name, from a thread of its own: the system's look-up cannot be ended, and may take long.
class Names {
   public:
    explicit Names(const std::string& address) {
        const HostPort wanted = split_address(address);
        std::vector<SocketAddress> numbers = resolve(wanted, Lookup::numbers_only);
        std::promise<std::vector<SocketAddress>> promise;
        found_ = promise.get_future();
        if (!numbers.empty()) {
            promise.set_value(std::move(numbers));
        } else {
            std::thread([wanted, promise = std::move(promise)]() mutable {
                promise.set_value(resolve(wanted, Lookup::names));
            }).detach();
        }
    }
    /// Null while they are looked up.
    const std::vector<SocketAddress>* wait(Seconds slice) {
        if (found_.valid()) {
            if (found_.wait_for(slice) != std::future_status::ready) return nullptr;
            addresses_ = found_.get();
        }
        return &addresses_;
    }

   private:
    std::future<std::vector<SocketAddress>> found_;
    std::vector<SocketAddress> addresses_;
};

grpc::ChannelArguments channel_arguments(const std::string& address, const ClientOptions& options) {
    grpc::ChannelArguments arguments;
    set_transport(arguments, options.message_max);
    // gRPC takes a name for tests where it is given a socket.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, address);
    return arguments;
}

/// What a connection's congestion control came to.
struct Control {
    bool keeps_window = false;
    std::optional<Connected> refused;
};

/// Again once connected: a route may have a congestion control of its own, which the connection takes on then.
Control set_control(int socket, const ClientOptions& options) {
    if (!options.congestion_control.empty()) {
        if (set_congestion_control(socket, options.congestion_control)) return {};
        return {.keeps_window = false,
                .refused = Refused{.kind = ErrorKind::unsupported,
                                   .reason = fmt::format("TCP congestion control '{}': {}", options.congestion_control,
                                                         std::strerror(errno))}};
    }
    if (options.transport.window == Transport::warm) {
        // One that sends its whole window at once; BBR, where it is the machine's own, would spread it out.
        if (!set_congestion_control(socket, "cubic")) (void)set_congestion_control(socket, "reno");
    }
    return {.keeps_window = options.transport.window == Transport::kept && set_congestion_control(socket, "bbr"),
            .refused = std::nullopt};
}

class PlainAttempts final : public Attempts {
   public:
    PlainAttempts(const std::string& address, const ClientOptions& options)
        : address_(address), options_(options), names_(address) {}

    std::optional<Connected> wait(Seconds slice) override {
        if (!addresses_) {
            const std::vector<SocketAddress>* found = names_.wait(slice);
            if (found == nullptr) return std::nullopt;
            if (auto refused = choose(*found)) return refused;
        }
        const auto now = Steady::now();
        const auto interval = ticks(options_.transport.attempt_interval);
        if (open_.empty() || now >= latest_ + interval) {
            if (auto ended = begin()) return ended;
        }
        return poll_until(std::min(now + ticks(slice), latest_ + interval));
    }

   private:
    std::optional<Connected> choose(const std::vector<SocketAddress>& found) {
        if (found.empty()) return Lost{"no machine of this name is known, or its address lacks a port"};
        std::vector<SocketAddress> allowed = found;
        if (options_.security.plain_text == SecurityOptions::PlainText::loopback_only) {
            std::erase_if(allowed, [](const SocketAddress& each) { return !each.is_loopback(); });
        } else if (!options_.security.token.empty()) {
            std::erase_if(allowed, [](const SocketAddress& each) { return !each.is_loopback(); });
            if (allowed.empty()) {
                return Refused{.kind = ErrorKind::usage,
                               .reason = "a token would travel readable by others: it needs TLS (--tls)"};
            }
        }
        if (allowed.empty()) {
            return Refused{.kind = ErrorKind::usage,
                           .reason =
                               "what is sent to another machine would be readable by others: use TLS (--tls, "
                               "--tls-ca FILE), or allow it with --plain"};
        }
        addresses_ = std::move(allowed);
        return std::nullopt;
    }

    /// Begins the next attempt. An answer when none is under way and each address has failed.
    std::optional<Connected> begin() {
        latest_ = Steady::now();
        for (std::size_t tried = 0; tried < addresses_->size(); ++tried) {
            const SocketAddress& to = (*addresses_)[next_++ % addresses_->size()];
            OwnedSocket made(socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            if (!made.is_open()) {
                reason_ = std::strerror(errno);
                continue;
            }
            set_dead_after(made.number(), options_.transport.dead_after);
            if (Control control = set_control(made.number(), options_); control.refused) return control.refused;
            if (connect(made.number(), to.generic(), to.length) != 0 && errno != EINPROGRESS) {
                reason_ = std::strerror(errno);
                continue;
            }
            if (open_.size() == attempts_max) open_.pop_front();
            open_.push_back(std::move(made));
            return std::nullopt;
        }
        return open_.empty() ? std::optional<Connected>(failed()) : std::nullopt;
    }

    std::optional<Connected> poll_until(Steady::time_point until) {
        std::vector<pollfd> waited;
        for (const OwnedSocket& each : open_) {
            waited.push_back({.fd = each.number(), .events = POLLOUT, .revents = 0});
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now());
        if (poll(waited.data(), waited.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
            return std::nullopt;
        }
        for (const pollfd& each : waited) {
            if (each.revents == 0) continue;
            const auto entry = std::find_if(open_.begin(), open_.end(),
                                            [&](const OwnedSocket& open) { return open.number() == each.fd; });
            int error = 0;
            socklen_t length = sizeof error;
            if (getsockopt(each.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
            if (error == 0) return connection_over(std::move(*entry));
            reason_ = std::strerror(error);
            open_.erase(entry);
        }
        if (!open_.empty()) return std::nullopt;
        // Each address has its turn before the answer is no.
        if (++failures_ >= addresses_->size()) return failed();
        return begin();
    }

    Connected connection_over(OwnedSocket socket) const {
        set_no_delay(socket.number());
        Control control = set_control(socket.number(), options_);
        if (control.refused) return *control.refused;
        OwnedSocket kept(fcntl(socket.number(), F_DUPFD_CLOEXEC, 0));
        return std::make_shared<ServerConnection>(
            ServerConnection::Parts{.channel = grpc::CreateCustomInsecureChannelFromFd(
                                        address_, socket.release(), channel_arguments(address_, options_)),
                                    .socket = std::move(kept),
                                    .made = ServerConnection::Made::by_us,
                                    .keeps_window = control.keeps_window});
    }

    Lost failed() const { return Lost{fmt::format("no connection to {}: {}", address_, reason_)}; }

    const std::string& address_;
    const ClientOptions& options_;
    Names names_;
    std::optional<std::vector<SocketAddress>> addresses_;
    std::deque<OwnedSocket> open_;
    std::size_t next_ = 0;
    std::size_t failures_ = 0;
    Steady::time_point latest_{};
    std::string reason_ = "no address";
};

class TlsAttempts final : public Attempts {
   public:
    TlsAttempts(const std::string& address, const ClientOptions& options,
                std::shared_ptr<grpc::ChannelCredentials> credentials)
        : address_(address),
          options_(options),
          credentials_(std::move(credentials)),
          port_(port_of(address)),
          before_(port_ ? connections_to(*port_) : std::vector<std::uint64_t>()) {}

    std::optional<Connected> wait(Seconds slice) override {
        if (open_.empty() || Steady::now() >= latest_ + ticks(options_.transport.attempt_interval)) begin();
        // One is waited for, the others are looked at: what is gained by a later one is an outage, not a slice.
        const auto until =
            std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(slice);
        const grpc_connectivity_state seen = open_.back()->GetState(true);
        if (seen == GRPC_CHANNEL_IDLE || seen == GRPC_CHANNEL_CONNECTING) {
            open_.back()->WaitForStateChange(seen, until);
        }
        for (const std::shared_ptr<grpc::Channel>& each : open_) {
            const grpc_connectivity_state state = each->GetState(true);
            if (state == GRPC_CHANNEL_READY) return connection_over(each);
            if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
                return Lost{fmt::format("no connection to {}: {}", address_, reason_of(*each))};
            }
        }
        return std::nullopt;
    }

   private:
    void begin() {
        latest_ = Steady::now();
        grpc::ChannelArguments arguments = channel_arguments(address_, options_);
        if (!options_.security.server_name.empty()) arguments.SetSslTargetNameOverride(options_.security.server_name);
        // gRPC gives an attempt so long; further ones are ours to begin.
        arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                         static_cast<int>(std::min(options_.connect_timeout.count(), 3600.0) * 1000));
        if (open_.size() == attempts_max) open_.pop_front();
        open_.push_back(grpc::CreateCustomChannel(address_, credentials_, arguments));
    }

    /// What gRPC says to a call, and in the words of our own look at the server's certificate where that says more.
    std::string reason_of(grpc::Channel& channel) const {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
        const auto stub =
            inference::GRPCInferenceService::NewStub(std::shared_ptr<grpc::Channel>(&channel, [](grpc::Channel*) {}));
        inference::ServerLiveResponse reply;
        const grpc::Status status = stub->ServerLive(&context, {}, &reply);
        return diagnose_tls(address_, options_.security, Seconds(1.0)).value_or(status.error_message());
    }

    Connected connection_over(const std::shared_ptr<grpc::Channel>& channel) const {
        OwnedSocket socket = port_ ? find_connection_to(*port_, before_) : OwnedSocket();
        Control control;
        if (socket.is_open()) {
            set_dead_after(socket.number(), options_.transport.dead_after);
            control = set_control(socket.number(), options_);
            if (control.refused) return *control.refused;
        }
        return std::make_shared<ServerConnection>(ServerConnection::Parts{.channel = channel,
                                                                          .socket = std::move(socket),
                                                                          .made = ServerConnection::Made::by_grpc,
                                                                          .keeps_window = control.keeps_window});
    }

    const std::string& address_;
    const ClientOptions& options_;
    std::shared_ptr<grpc::ChannelCredentials> credentials_;
    std::optional<std::uint16_t> port_;
    std::vector<std::uint64_t> before_;  ///< connections that are not ours
    std::deque<std::shared_ptr<grpc::Channel>> open_;
    Steady::time_point latest_{};
};

}  // namespace

std::unique_ptr<Attempts> start_attempts(const std::string& address, const ClientOptions& options,
                                         const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    if (credentials) return std::make_unique<TlsAttempts>(address, options, credentials);
    return std::make_unique<PlainAttempts>(address, options);
}

}  // namespace breakeven
