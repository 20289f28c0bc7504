// A TCP server on the loopback that says what a script tells it to: nothing, garbage, half an answer.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

namespace breakeven::fakes {

/// One accepted connection.
struct RawConnection {
    int socket;
    void send(const std::string& bytes) const { (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    /// Waits until the peer has sent at least `size` bytes, or hung up.
    std::size_t receive(std::size_t size) const {
        std::array<char, 4096> buffer{};
        std::size_t total = 0;
        while (total < size) {
            const ssize_t n = recv(socket, buffer.data(), buffer.size(), 0);
            if (n <= 0) break;
            total += static_cast<std::size_t>(n);
        }
        return total;
    }
};

class RawServer {
   public:
    using Script = std::function<void(const RawConnection&)>;

    explicit RawServer(Script script) : script_(std::move(script)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        if (bind(listener_, generic, length) != 0 || listen(listener_, 8) != 0 ||
            getsockname(listener_, generic, &length) != 0) {
            std::abort();
        }
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~RawServer() {
        stopping_ = true;
        shutdown(listener_, SHUT_RDWR);
        if (const int open = connection_; open >= 0) shutdown(open, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

   private:
    void run() {
        while (!stopping_) {
            const int socket = accept(listener_, nullptr, nullptr);
            if (socket < 0) return;
            connection_ = socket;
            if (!stopping_) script_({socket});
            connection_ = -1;
            close(socket);
        }
    }

    Script script_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> connection_ = -1;
    std::thread thread_;
};

// HTTP/2 frames, as far as a server needs them to answer one gRPC call (RFC 9113, RFC 7541).
inline std::string frame(char type, char flags, std::uint32_t stream, const std::string& payload) {
    const auto n = payload.size();
    std::string out{static_cast<char>(n >> 16U), static_cast<char>(n >> 8U), static_cast<char>(n), type, flags};
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(stream >> static_cast<unsigned>(shift));
    return out + payload;
}
inline std::string settings_frame() {
    return frame(4, 0, 0, "");
}
/// ":status: 200" and "content-type: application/grpc".
inline std::string response_headers(std::uint32_t stream) {
    return frame(1, 4, stream, std::string("\x88\x5f\x10", 3) + "application/grpc");
}

}  // namespace breakeven::fakes
