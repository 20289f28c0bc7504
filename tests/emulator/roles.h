// The programs that the emulator's tests run on its hosts: this test program again, in a role.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace breakeven::roles {

inline constexpr std::uint16_t port = 7801;

/// What the device measured, read back from the file it was told to write.
struct Figures {
    double round_trip_s = 0.0;  ///< least of several, one byte each way
    double up_bytes_per_s = 0.0;
    double down_bytes_per_s = 0.0;
    std::string device_congestion;  ///< of the connected sockets
    std::string server_congestion;
};

/// Answers requests until it is ended.
std::vector<std::string> server();

struct Volume {
    std::int64_t up;
    std::int64_t down;
};
/// Measures against the server, moving so many bytes, and writes its figures to `file`.
std::vector<std::string> device(const Volume& volume, const std::string& file);

Figures read_figures(const std::string& file);

}  // namespace breakeven::roles
