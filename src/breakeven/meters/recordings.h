// Recordings: the files of instruments as power traces. Pure functions over a file's bytes; each throws Error{input}
// that says what is wrong where. `name` says in errors what was read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/meters/power_trace.h"

namespace breakeven {

/// A table with a header line: a time column, and power, or current and voltage, or an energy that counts up. Names are
/// read without regard to case, a leading '#', and with an optional unit: `time`, `time_s`, `Current (mA)`,
/// `voltage_V`, `power_mW`, `energy`. So are the statistics that Joulescope's programs write
/// (#time,current,voltage,power,charge,energy), whose energy is taken before all else: it loses nothing between rows.
/// Times beyond 2001-09-09 in seconds since 1970 are those of the calendar.
Recording parse_power_csv(std::string_view text, const std::string& name);

/// What of that shows before there are rows: a whole first line that lacks columns is refused. Nothing is said of a
/// file that has no whole line yet.
void check_power_csv_header(std::string_view begin, const std::string& name);

/// `trace-energy.bin` of the MLPerf Tiny energy runner, as Joulescope's driver for it writes: byte 0xF1, the rate in
/// hertz as a 32-bit float, then one 32-bit float a sample, the microjoules of its interval; little-endian.
Recording parse_trace_energy(std::string_view bytes, const std::string& name);

/// `timestamps.json` beside it: the edges of windows in seconds. TimeWindow i lies between stamps i - 1 and i; the even
/// ones are measured, the odd ones lie between.
std::vector<TimeWindow> parse_measured_windows(std::string_view text, const std::string& name);

/// Where a file's bytes come from: recordings of megahertz are larger than memory.
class ByteSource {
   public:
    virtual ~ByteSource() = default;
    virtual std::size_t size() const = 0;
    /// The bytes from `offset` on, as many as `to` takes; they lie within size(). Throws Error{input}.
    virtual void read(std::size_t offset, std::span<char> to) const = 0;
};

/// Joulescope's own file, format 1 (`.jls` of the programs since 2022; the older `.jls` is refused with advice): the
/// signal `power`, else `current` times `voltage`. Fine samples are averaged to at most 10,000 a second.
/// Format: jetperch/jls, include/jls/format.h.
Recording parse_jls(const ByteSource& bytes, const std::string& name);
Recording parse_jls(std::string_view bytes, const std::string& name);

}  // namespace breakeven
