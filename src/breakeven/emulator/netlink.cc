// rtnetlink requests: see netlink.h.
#include "breakeven/emulator/netlink.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

/// A request with its body and attributes, in the kernel's layout (man 7 rtnetlink).
class Request final {
   public:
    template <class Body>
    Request(unsigned short type, unsigned short flags, const Body& body) {
        auto* header = at<nlmsghdr>(0);
        header->nlmsg_type = type;
        header->nlmsg_flags = static_cast<unsigned short>(flags | NLM_F_REQUEST | NLM_F_ACK);
        std::memcpy(bytes_.data() + NLMSG_HDRLEN, &body, sizeof body);
        size_ = NLMSG_LENGTH(sizeof body);
    }
    /// Returns where the attribute begins, for one that nests others.
    std::size_t add(unsigned short type, const void* data, std::size_t size) {
        const std::size_t start = NLMSG_ALIGN(size_);
        BREAKEVEN_ASSERT(start + RTA_SPACE(size) <= bytes_.size());
        auto* attribute = at<rtattr>(start);
        attribute->rta_type = type;
        attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
        if (size > 0) std::memcpy(RTA_DATA(attribute), data, size);
        size_ = start + RTA_LENGTH(size);
        return start;
    }
    void end_nest(std::size_t start) { at<rtattr>(start)->rta_len = static_cast<unsigned short>(size_ - start); }

    /// Sends it and returns the kernel's answer: 0 or an errno.
    int send() {
        at<nlmsghdr>(0)->nlmsg_len = static_cast<std::uint32_t>(size_);
        const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
        if (!socket.is_open()) return errno;
        if (::send(socket.number(), bytes_.data(), size_, 0) != static_cast<ssize_t>(size_)) return errno;
        alignas(nlmsghdr) std::array<char, 4096> answer;
        const ssize_t received = ::recv(socket.number(), answer.data(), answer.size(), 0);
        if (received < 0) return errno;
        nlmsghdr header{};
        nlmsgerr error{};
        if (static_cast<std::size_t>(received) < NLMSG_LENGTH(sizeof error)) return EPROTO;
        std::memcpy(&header, answer.data(), sizeof header);
        std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
        return header.nlmsg_type == NLMSG_ERROR ? -error.error : EPROTO;
    }

   private:
    template <class T>
    T* at(std::size_t offset) {
        return reinterpret_cast<T*>(bytes_.data() + offset);
    }
    alignas(nlmsghdr) std::array<char, 512> bytes_{};
    std::size_t size_ = 0;
};

std::string known_congestion() {
    std::string names;
    std::getline(std::ifstream("/proc/sys/net/ipv4/tcp_available_congestion_control"), names);
    return names.empty() ? "unknown" : names;
}

}  // namespace

void add_route(const Route& route) {
    const rtmsg to_host{.rtm_family = AF_INET,
                        .rtm_dst_len = 32,
                        .rtm_src_len = 0,
                        .rtm_tos = 0,
                        .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC,
                        .rtm_scope = RT_SCOPE_LINK,
                        .rtm_type = RTN_UNICAST,
                        .rtm_flags = 0};
    Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, to_host);
    in_addr peer{};
    BREAKEVEN_ASSERT(::inet_pton(AF_INET, route.peer, &peer) == 1);
    request.add(RTA_DST, &peer, sizeof peer);
    const unsigned device = ::if_nametoindex(route.device);
    request.add(RTA_OIF, &device, sizeof device);
    if (route.congestion) {
        const std::string algorithm(name(*route.congestion));
        const std::size_t metrics = request.add(RTA_METRICS, nullptr, 0);
        request.add(RTAX_CC_ALGO, algorithm.c_str(), algorithm.size() + 1);
        request.end_nest(metrics);
    }
    const int code = request.send();
    if (code == 0) return;
    if (route.congestion && code == EINVAL) {
        throw Error(ErrorKind::unsupported, fmt::format("use TCP congestion control '{}'", name(*route.congestion)),
                    fmt::format("this kernel has: {}; load it (`sudo modprobe tcp_{}`) or choose another",
                                known_congestion(), name(*route.congestion)));
    }
    throw Error(ErrorKind::unsupported, "emulate a link", fmt::format("cannot add a route: {}", std::strerror(code)));
}

void lengthen_queue(const char* device, std::uint32_t packets) {
    ifinfomsg link{};
    link.ifi_family = AF_UNSPEC;
    link.ifi_index = static_cast<int>(::if_nametoindex(device));
    Request request(RTM_NEWLINK, 0, link);
    request.add(IFLA_TXQLEN, &packets, sizeof packets);
    if (const int code = request.send(); code != 0) {
        throw Error(ErrorKind::unsupported, "emulate a link",
                    fmt::format("cannot set the queue of {}: {}", device, std::strerror(code)));
    }
}

}  // namespace breakeven
