// Pump: carries packets between the TUN devices of the two hosts, each when its line's Shaper says. One thread a
// direction. It decides nothing; it only has to be on time, and it keeps account of how late it was.
#pragma once

#include <cstdint>
#include <memory>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/emulator/shaper.h"

namespace breakeven {

/// What one direction carried, and how far behind its schedule it handed packets over.
struct LineReport {
    std::int64_t packets = 0;  ///< handed over
    Bytes bytes;               ///< of those packets, headers included
    std::int64_t dropped = 0;  ///< by the queue limit
    std::int64_t lost = 0;     ///< on the way, by chance or while the line was down
    std::int64_t refused = 0;  ///< by the receiving host's kernel
    Seconds late_p50{0.0};
    Seconds late_p99{0.0};
    Seconds late_max{0.0};
};

struct Lines {
    Line up;
    Line down;
};

struct LineReports {
    LineReport up;
    LineReport down;
};

class Pump final {
   public:
    struct Ends {
        Descriptor device;  ///< non-blocking TUN descriptors
        Descriptor server;
    };

    /// Courses and outages begin now, and again at begin().
    Pump(Ends ends, const Lines& lines);
    ~Pump();
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    /// From now on it is 0 on the lines' clocks.
    void begin();

    /// Stops carrying; what is still under way is lost, as when a cable is pulled.
    LineReports stop();

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace breakeven
