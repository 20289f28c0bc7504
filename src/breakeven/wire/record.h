// LinkRecorder: what one's own link can carry, moment after moment, at a chosen load: short bursts of the probe's
// calls, as large as the link was fast a moment ago, so that slow links are not filled and fast ones are still timed.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "breakeven/link/trace.h"
#include "breakeven/link/transfer.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/client.h"

namespace breakeven {

struct RecordOptions {
    Seconds every{1.0};                     ///< from one row to the next
    double load = 0.1;                      ///< share of the time that probes fill the link, both ways together
    Bytes call_max{std::int64_t{8} << 20};  ///< sent, and received, in one call
};

/// What timing a server comes down to: seconds, or nothing when it took longer than the limit or failed.
struct TimedServer {
    std::function<std::optional<Seconds>(Seconds limit)> empty_call;
    std::function<std::optional<Seconds>(const Payload& payload, Seconds limit)> call;
};
/// Throws Error{unavailable} when the server is not there, {unsupported} when it cannot answer with many bytes.
TimedServer timed_server(Client& client, Clock& clock);

class LinkRecorder final {
   public:
    /// Throws Error{usage} for a load or a distance of rows that makes no sense.
    LinkRecorder(TimedServer server, Clock& clock, const RecordOptions& options);

    /// Waits for the next row's moment and measures it. A link that carries nothing has rates of 0 and no round trip.
    TraceRow next();

    Bytes sent() const { return sent_; }
    Bytes received() const { return received_; }

   private:
    enum class Way { up, down };
    BytesPerSecond rate(Way way, double& expected, Seconds until);
    std::optional<Seconds> timed(Way way, std::int64_t size, Seconds limit);

    TimedServer server_;
    Clock& clock_;
    RecordOptions options_;
    std::optional<Seconds> start_;
    std::int64_t rows_ = 0;
    double up_;    ///< bytes per second expected
    double down_;  ///< the same
    Bytes sent_;
    Bytes received_;
};

/// What crossed a network interface of this machine since the row before: what was used, not what could be.
class InterfaceRecorder final {
   public:
    /// `name` like "wlan0". Throws Error{input} when there is none.
    InterfaceRecorder(std::string name, Clock& clock, Seconds every);
    TraceRow next();

   private:
    struct Counters {
        std::int64_t up = 0;
        std::int64_t down = 0;
    };
    Counters read() const;

    std::string name_;
    Clock& clock_;
    Seconds every_;
    Seconds start_;
    Seconds last_;
    Counters before_;
    std::int64_t rows_ = 0;
};

}  // namespace breakeven
