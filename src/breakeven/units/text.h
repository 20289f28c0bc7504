// Quantities as people write and read them: "50ms", "2GiB", "3.04MB/s", "202Mbit/s", "5W", "57nJ/B".
// k/M/G are 1000s, Ki/Mi/Gi 1024s; B is bytes, bit is bits (bits exist only here).
#pragma once

#include <string>
#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

// Each throws Error{usage} for a number without a unit, naming the spelling to use, and for anything else it cannot
// read: negative, not finite, too large. `what` names the value in that message, such as "--deadline".
Bytes parse_bytes(std::string_view text, std::string_view what);
Seconds parse_seconds(std::string_view text, std::string_view what);
BytesPerSecond parse_rate(std::string_view text, std::string_view what);
Watts parse_watts(std::string_view text, std::string_view what);
JoulesPerByte parse_joules_per_byte(std::string_view text, std::string_view what);

/// Three significant digits with the prefix that fits: "49.2 kB", "35.1 ms", "174 mJ", "3.04 MB/s".
std::string to_text(Bytes size);
std::string to_text(Seconds time);
std::string to_text(BytesPerSecond rate);
std::string to_text(Joules energy);
std::string to_text(Watts power);
std::string to_text(JouleSeconds product);

}  // namespace breakeven
