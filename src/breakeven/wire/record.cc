// Rows of a trace from timed calls: see record.h.
#include "breakeven/wire/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr const char* probe_model = "breakeven.probe";

/// A rate is taken from two calls, the second four times as large: what each call costs, and TCP's first windows,
/// cancel in the difference.
constexpr std::int64_t parts = 4;
constexpr std::int64_t call_min = 16 * 1024;
/// A fresh link's rate until it is known: 64 kB in a tenth of a second.
constexpr double rate_first = 640e3;
/// What one row says changes the next one's size by this factor at most.
constexpr double change_max = 8.0;
constexpr int round_trips = 3;
/// Differences below this are noise of timers.
constexpr Seconds difference_min{0.5e-3};

/// Of what an interface counts (Ethernet frames), TCP payload where packets are full.
constexpr double payload_share = 1448.0 / 1514.0;

Error not_usable(const std::string& reason) {
    return Error(ErrorKind::usage, "record a link", reason);
}

}  // namespace

TimedServer timed_server(Client& client, Clock& clock) {
    const std::string attempt = "record the link to " + client.address();
    const ServerDescription server = value_or_throw(client.describe_server(), attempt);
    if (!server.has(probe_extension)) {
        throw Error(ErrorKind::unsupported, attempt,
                    "this server has nothing that answers with many bytes; run `breakeven serve` there");
    }
    const auto timed = [&clock](const std::function<bool()>& works) -> std::optional<Seconds> {
        const Seconds start = clock.now();
        if (!works()) return std::nullopt;
        return clock.now() - start;
    };
    return {.empty_call =
                [&client, timed](Seconds limit) {
                    return timed([&] { return std::holds_alternative<bool>(client.live(limit)); });
                },
            .call =
                [&client, timed](const Payload& payload, Seconds limit) {
                    const std::array<std::int64_t, 1> wanted{payload.down.count()};
                    const Request request{
                        .model = probe_model,
                        .version = {},
                        .id = {},
                        .parameters = {},
                        .inputs = {{"payload", Tensor(DType::uint8, {payload.up.count()})},
                                   {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
                        .outputs = {}};
                    return timed([&] { return std::holds_alternative<InferReply>(client.infer(request, limit)); });
                }};
}

LinkRecorder::LinkRecorder(TimedServer server, Clock& clock, const RecordOptions& options)
    : server_(std::move(server)), clock_(clock), options_(options), up_(rate_first), down_(rate_first) {
    if (!(options_.load > 0.0 && options_.load <= 0.8)) throw not_usable("a load is more than 0 and at most 80 %");
    if (!(options_.every >= Seconds(0.1) && options_.every <= Seconds(3600.0))) {
        throw not_usable("rows are 0.1 s to an hour apart");
    }
}

std::optional<Seconds> LinkRecorder::timed(Way way, std::int64_t size, Seconds limit) {
    if (limit <= Seconds(0.0)) return std::nullopt;
    const Bytes bytes(size);
    (way == Way::up ? sent_ : received_) += bytes;
    return server_.call(
        way == Way::up ? Payload{.up = bytes, .down = Bytes(0)} : Payload{.up = Bytes(0), .down = bytes}, limit);
}

/// The two calls of one way take half of the row's load when the rate is what was expected.
BytesPerSecond LinkRecorder::rate(Way way, double& expected, Seconds until) {
    const double wanted = expected * options_.every.count() * options_.load / 2.0 * parts / (parts + 1);
    auto size = std::clamp(static_cast<std::int64_t>(wanted), call_min, options_.call_max.count());
    for (;;) {
        const std::int64_t small = size / parts;
        const std::optional<Seconds> first = timed(way, small, until - clock_.now());
        const std::optional<Seconds> second = first ? timed(way, size, until - clock_.now()) : std::nullopt;
        if (!second) {
            expected = std::max(expected / change_max, 1.0);
            return first ? Bytes(small) / *first : bytes_per_second(0.0);
        }
        const Seconds difference = *second - *first;
        if (difference < difference_min && size < options_.call_max.count()) {  // a fast link: more shows its rate
            size = std::min(size * parts, options_.call_max.count());
            continue;
        }
        const BytesPerSecond rate = Bytes(size - small) / std::max(difference, Seconds(1e-6));
        expected = std::clamp(rate.in(bytes_per_second), expected / change_max, expected * change_max);
        return rate;
    }
}

TraceRow LinkRecorder::next() {
    if (!start_) start_ = clock_.now();
    clock_.sleep_until(*start_ + options_.every * static_cast<double>(rows_));
    const Seconds begin = clock_.now();
    const Seconds until = begin + options_.every;
    // After a row that took longer than its time, the next ones begin where they can.
    rows_ = std::max(rows_, static_cast<std::int64_t>((begin - *start_) / options_.every)) + 1;
    TraceRow row{.time = begin - *start_, .up = std::nullopt, .down = std::nullopt, .round_trip = std::nullopt};
    for (int i = 0; i < round_trips; ++i) {
        const std::optional<Seconds> took = server_.empty_call(std::max(until - clock_.now(), Seconds(1e-3)));
        if (!took) break;
        row.round_trip = std::min(row.round_trip.value_or(*took), *took);
    }
    row.up = row.round_trip ? rate(Way::up, up_, until) : bytes_per_second(0.0);
    row.down = row.round_trip ? rate(Way::down, down_, until) : bytes_per_second(0.0);
    return row;
}

InterfaceRecorder::InterfaceRecorder(std::string name, Clock& clock, Seconds every)
    : name_(std::move(name)), clock_(clock), every_(every), start_(clock.now()), last_(start_), before_(read()) {
    if (!(every_ >= Seconds(0.1) && every_ <= Seconds(3600.0))) throw not_usable("rows are 0.1 s to an hour apart");
}

InterfaceRecorder::Counters InterfaceRecorder::read() const {
    const std::string folder = "/sys/class/net/" + name_ + "/statistics/";
    Counters counters;
    const bool is_name = !name_.empty() && name_.find('/') == std::string::npos && name_ != "..";
    if (!is_name || !(std::ifstream(folder + "tx_bytes") >> counters.up) ||
        !(std::ifstream(folder + "rx_bytes") >> counters.down)) {
        throw Error(ErrorKind::input, fmt::format("record interface '{}'", name_),
                    "there is no such interface here; `ip link` lists them");
    }
    return counters;
}

TraceRow InterfaceRecorder::next() {
    clock_.sleep_until(start_ + every_ * static_cast<double>(++rows_));
    const Seconds now = clock_.now();
    const Counters counters = read();
    const Seconds took = std::max(now - last_, Seconds(1e-6));
    const auto rate = [&](std::int64_t after, std::int64_t before) {
        return Bytes(std::max<std::int64_t>(0, after - before)) / took * payload_share;
    };
    const TraceRow row{.time = last_ - start_,
                       .up = rate(counters.up, before_.up),
                       .down = rate(counters.down, before_.down),
                       .round_trip = std::nullopt};
    before_ = counters;
    last_ = now;
    return row;
}

}  // namespace breakeven
