// The emulator's side of a warden: see warden.h. The other side is warden_process.cc.
#include "breakeven/emulator/warden.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "breakeven/emulator/warden_process.h"
#include "breakeven/error.h"

namespace breakeven {

Warden::Warden(const WardenTask& task, const sigset_t& signals, const std::vector<int>& others) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw Error(ErrorKind::unsupported, "emulate a link", fmt::format("no socket pair: {}", std::strerror(errno)));
    }
    socket_ = Descriptor(ends[0]);
    Descriptor theirs(ends[1]);
    const pid_t emulator = ::getpid();
    process_ = ::fork();
    if (process_ < 0) {
        throw Error(ErrorKind::unsupported, "emulate a link", fmt::format("no process: {}", std::strerror(errno)));
    }
    if (process_ == 0) {
        for (const int other : others) ::close(other);
        socket_.close();
        run_warden(task, std::move(theirs), signals, emulator);
    }
}

Warden::~Warden() {
    end();
}

std::optional<WardenReport> Warden::report(int patience_ms) {
    pollfd event{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    int ready = 0;
    do {
        ready = ::poll(&event, 1, patience_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return std::nullopt;

    WardenReport report{};
    iovec part{.iov_base = &report, .iov_len = sizeof report};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket_.number(), &message, MSG_CMSG_CLOEXEC) != static_cast<ssize_t>(sizeof report)) {
        return std::nullopt;
    }
    const cmsghdr* attached = CMSG_FIRSTHDR(&message);
    if (attached != nullptr && attached->cmsg_type == SCM_RIGHTS) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(attached), sizeof descriptor);
        tun_ = Descriptor(descriptor);
    }
    return report;
}

void Warden::order(const WardenOrder& order) const {
    // A warden that is gone closes its socket: the emulator reads that there.
    [[maybe_unused]] const ssize_t sent = ::send(socket_.number(), &order, sizeof order, MSG_NOSIGNAL);
}

void Warden::end() {
    if (process_ <= 0) return;
    order({.kind = WardenOrder::Kind::stop});
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
}

}  // namespace breakeven
