// What reading a recorded link meets: text from anywhere. Nothing but a link or an Error{input, usage} may come of it,
// and a link that was read carries what it says: time through it never goes back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "breakeven/error.h"
#include "breakeven/link/trace.h"

namespace {

using namespace breakeven;

void use(const Trace& trace) {
    const RecordedLink link = fill(trace, {.uplink_share = 0.3,
                                           .downlink_share = 1.0,
                                           .up = bytes_per_second(1e6),
                                           .down = bytes_per_second(1e6),
                                           .round_trip = Seconds(0.05)});
    Seconds before{0.0};
    for (int i = 0; i < 20; ++i) {
        const auto end = link.up.finish(before, Bytes(1500));
        if (!end || *end < before || link.round_trip_at(*end) < Seconds(0.0)) std::abort();
        before = *end;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        if (is_mahimahi(text)) {
            use(mahimahi_trace("fuzzed", parse_mahimahi(text, "fuzzed"), std::nullopt));
        } else {
            use(parse_trace_csv(text, "fuzzed"));
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::usage) std::abort();
    }
    return 0;
}
