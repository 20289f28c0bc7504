// Namespaces, the TUN device and the route: see network_host.h.
#include "breakeven/emulator/network_host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "breakeven/emulator/netlink.h"
#include "breakeven/emulator/shaper.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr const char* device_name = "breakeven0";

/// Packets that the TUN device holds until the pump reads them: a burst of 14 MB, sent as fast as memory allows.
constexpr std::uint32_t device_queue_packets = 10'000;

[[noreturn]] void refuse(const std::string& reason) {
    throw Error(ErrorKind::unsupported, "emulate a link", reason);
}

void write_file(const char* path, const std::string& text) {
    const Descriptor file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file.is_open() || ::write(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        refuse(fmt::format("cannot write '{}' to {}: {}; run as root, or allow user namespaces", text, path,
                           std::strerror(errno)));
    }
}

/// Keeps CAP_NET_ADMIN and CAP_NET_RAW across exec for a user who is not root: they count only inside this namespace,
/// and let a command choose its TCP congestion control or ping.
void keep_network_capabilities() {
    constexpr std::uint32_t wanted = (1U << CAP_NET_ADMIN) | (1U << CAP_NET_RAW);
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    std::array<__user_cap_data_struct, 2> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return;
    sets[0].inheritable |= wanted & sets[0].permitted;
    if (::syscall(SYS_capset, &header, sets.data()) != 0) return;
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0);
}

void enter_user_namespace() {
    const unsigned user = ::geteuid();
    const unsigned group = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        refuse(fmt::format(
            "no network namespace ({}): run as root, or allow user namespaces (sysctl user.max_user_namespaces, "
            "kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; a container needs "
            "--cap-add SYS_ADMIN)",
            std::strerror(errno)));
    }
    // The user stays who they are: files are read and written as ever.
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", group));
    write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", user));
    if (user != 0) keep_network_capabilities();
}

NamespaceEntry enter_namespace(NamespaceEntry entry) {
    if (entry != NamespaceEntry::in_user_namespace) {
        if (::unshare(CLONE_NEWNET) == 0) return NamespaceEntry::as_root;
        if (entry == NamespaceEntry::as_root) {
            refuse(fmt::format("no network namespace: {}; run as root", std::strerror(errno)));
        }
    }
    enter_user_namespace();
    return NamespaceEntry::in_user_namespace;
}

/// The ioctl calls that configure interfaces want some socket.
class Interface final {
   public:
    explicit Interface(const char* name) : name_(name), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        if (!socket_.is_open()) refuse(fmt::format("no socket: {}", std::strerror(errno)));
    }

    void bring_up() const {
        ifreq request = named();
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        call(SIOCSIFFLAGS, request, "bring up");
    }
    void set_address(const char* address) const {
        ifreq request = named();
        fill(request.ifr_addr, address);
        call(SIOCSIFADDR, request, "give an address to");
        request = named();
        fill(request.ifr_netmask, "255.255.255.255");
        call(SIOCSIFNETMASK, request, "give a mask to");
    }

   private:
    ifreq named() const {
        ifreq request{};
        std::strncpy(request.ifr_name, name_, IFNAMSIZ - 1);
        return request;
    }
    static void fill(sockaddr& address, const char* text) {
        sockaddr_in internet{};
        internet.sin_family = AF_INET;
        BREAKEVEN_ASSERT(::inet_pton(AF_INET, text, &internet.sin_addr) == 1);
        std::memcpy(&address, &internet, sizeof internet);
    }
    void call(unsigned long code, ifreq& request, const char* what) const {
        if (::ioctl(socket_.number(), code, &request) == 0) return;
        refuse(fmt::format("cannot {} interface {}: {}; run as root", what, name_, std::strerror(errno)));
    }

    const char* name_;
    Descriptor socket_;
};

Descriptor make_tun() {
    Descriptor tun(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tun.is_open()) {
        const int code = errno;
        refuse(code == EACCES || code == EPERM
                   ? "this user may not open /dev/net/tun; run as root, or `sudo chmod 0666 /dev/net/tun`"
                   : fmt::format("cannot open /dev/net/tun: {}; load the module (`sudo modprobe tun`), or give the "
                                 "container the device (--device /dev/net/tun)",
                                 std::strerror(code)));
    }
    ifreq request{};
    std::strncpy(request.ifr_name, device_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (::ioctl(tun.number(), TUNSETIFF, &request) != 0) {
        refuse(
            fmt::format("cannot make a TUN device: {}; run as root, or allow user namespaces their capabilities "
                        "(on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`)",
                        std::strerror(errno)));
    }
    return tun;
}

/// Lets TCP's buffers grow to `window`, so that the profile's rate and not a buffer bounds a transfer. A host whose
/// limit is larger keeps it; where the kernel refuses, so does the rest.
void widen_buffers(const char* path, Bytes window) {
    long long least = 0;
    long long first = 0;
    long long largest = 0;
    if (!(std::ifstream(path) >> least >> first >> largest) || largest >= window.count()) return;
    std::ofstream(path) << fmt::format("{} {} {}", least, first, window.count());
}

}  // namespace

NetworkHost become_network_host(const HostSettings& settings) {
    NetworkHost host;
    host.entered = enter_namespace(settings.entry);
    Interface("lo").bring_up();
    host.tun = make_tun();
    const Interface device(device_name);
    lengthen_queue(device_name, device_queue_packets);
    // IPv6 announces itself unasked; those packets would queue with the ones that are measured.
    std::ofstream(fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", device_name)) << "1";
    device.set_address(settings.address);
    device.bring_up();
    add_route({.peer = settings.peer, .device = device_name, .congestion = settings.congestion});
    widen_buffers("/proc/sys/net/ipv4/tcp_rmem", settings.window);
    widen_buffers("/proc/sys/net/ipv4/tcp_wmem", settings.window);
    return host;
}

}  // namespace breakeven
