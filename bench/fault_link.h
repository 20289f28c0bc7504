// FaultLink: a TCP link on the loopback that breaks in the ways links and servers break: between a client and the port
// that it forwards to. One thread for each connection; what is to be done wrong is told at any time.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace breakeven {

enum class LinkFault { none, down, one_percent, delayed, reset, truncated };

class FaultLink final {
   public:
    /// Bytes a second while the link is well; 1 % of it while it is not.
    static constexpr double rate = 12.5e6;
    static constexpr double delay_seconds = 0.3;

    explicit FaultLink(std::uint16_t to) : to_(to) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address = loopback(0);
        socklen_t length = sizeof address;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener_, 64) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
            std::abort();
        }
        port_ = ntohs(address.sin_port);
        accepting_ = std::thread([this] { accept_all(); });
    }
    ~FaultLink() {
        stop_ = true;
        shutdown(listener_, SHUT_RDWR);
        accepting_.join();
        for (std::thread& thread : connections_) thread.join();
        close(listener_);
    }
    FaultLink(const FaultLink&) = delete;
    FaultLink& operator=(const FaultLink&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    void set(LinkFault fault) { fault_ = fault; }

   private:
    using Moment = std::chrono::steady_clock::time_point;
    /// One direction of a connection.
    struct Way {
        int from, to;
        std::deque<std::pair<Moment, std::string>> waiting;
        Moment may_send{};
    };

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }

    void accept_all() {
        while (!stop_) {
            const int client = accept(listener_, nullptr, nullptr);
            if (client < 0) return;
            connections_.emplace_back([this, client] { carry(client); });
        }
    }

    void carry(int client) {
        const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address = loopback(to_);
        const int yes = 1;
        for (const int socket : {client, server}) setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        bool alive = connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        Way up{.from = client, .to = server, .waiting = {}};
        Way down{.from = server, .to = client, .waiting = {}};
        while (alive && !stop_) {
            const LinkFault fault = fault_;
            if (fault == LinkFault::reset) break;
            std::array<pollfd, 2> polled{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
            const bool full = up.waiting.size() + down.waiting.size() > 64;
            if (full || fault == LinkFault::down) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            } else {
                (void)poll(polled.data(), polled.size(), 1);
                if (polled[0].revents != 0) alive = take(up, fault);
                if (alive && polled[1].revents != 0) alive = take(down, fault);
            }
            if (fault == LinkFault::down) continue;
            alive = alive && give(up, fault) && give(down, fault);
        }
        if (fault_ == LinkFault::reset || fault_ == LinkFault::truncated) {  // RST, not FIN
            const linger at_once{.l_onoff = 1, .l_linger = 0};
            setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        close(client);
        close(server);
    }

    /// False when the connection is over.
    static bool take(Way& way, LinkFault fault) {
        std::array<char, 16384> buffer{};
        const ssize_t n = recv(way.from, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        if (n == 0) return false;
        const auto late = fault == LinkFault::delayed ? delay_seconds : 0.0;
        way.waiting.emplace_back(after(late), std::string(buffer.data(), static_cast<std::size_t>(n)));
        return true;
    }

    static Moment after(double seconds) {
        return std::chrono::steady_clock::now() +
               std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
    }

    static bool give(Way& way, LinkFault fault) {
        while (!way.waiting.empty() && way.waiting.front().first <= std::chrono::steady_clock::now() &&
               way.may_send <= std::chrono::steady_clock::now()) {
            std::string& bytes = way.waiting.front().second;
            const bool cut = fault == LinkFault::truncated && bytes.size() > 200;  // tensors, not HTTP/2's own words
            const std::size_t size = cut ? bytes.size() / 2 : bytes.size();
            if (send(way.to, bytes.data(), size, MSG_NOSIGNAL) < 0 || cut) return false;
            const double rate_now = fault == LinkFault::one_percent ? rate / 100.0 : rate;
            way.may_send = after(static_cast<double>(size) / rate_now);
            way.waiting.pop_front();
        }
        return true;
    }

    std::uint16_t to_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<LinkFault> fault_ = LinkFault::none;
    std::atomic<bool> stop_ = false;
    std::vector<std::thread> connections_;
    std::thread accepting_;
};

}  // namespace breakeven
