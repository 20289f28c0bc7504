// The probe: see probe.h. Our own server has a model that takes and answers any number of bytes; other servers must at
// least read a request before they can say that they do not know its model, which times the way up.
#include "breakeven/wire/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

namespace breakeven {
namespace {

constexpr const char* probe_model = "breakeven.probe";
constexpr int tiny_calls = 9;
constexpr int repetitions = 5;

/// The smaller of the two sizes that a rate is taken from: beyond TCP's first windows, which it makes cancel.
constexpr std::int64_t size_first = 64 * 1024;

/// The larger size must take this much longer than the smaller one, or else timer and scheduler noise is measured.
constexpr Seconds difference_min{0.02};

std::string attempt(const Client& client) {
    return "probe the link to " + client.address();
}

/// One call, up and down, as seconds; nothing when it took longer than `limit`.
struct Sizes {
    std::int64_t up = 0;
    std::int64_t down = 0;
};
using TimedCall = std::function<std::optional<Seconds>(const Sizes&, Seconds limit)>;

Tensor payload(std::int64_t size) {
    return Tensor(DType::uint8, {size});
}

std::optional<Seconds> timed_call(Client& client, const Clock& clock, const Request& request, Seconds limit) {
    const Seconds start = clock.now();
    Outcome<InferReply> outcome = client.infer(request, limit);
    const Seconds took = clock.now() - start;
    if (std::holds_alternative<Late>(outcome)) return std::nullopt;
    // Refused: a server that does not know the model has read the request all the same.
    if (const auto* lost = std::get_if<Lost>(&outcome)) {
        throw Error(ErrorKind::unavailable, attempt(client), lost->reason);
    }
    return took;
}

Request request_for(const Sizes& sizes) {
    const std::array<std::int64_t, 1> wanted{sizes.down};
    return {.model = probe_model,
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"payload", payload(sizes.up)},
                       {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
            .outputs = {}};
}

Seconds median(std::vector<Seconds> samples) {
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    return *middle;
}

/// Doubles the size until it takes long enough, then repeats both sizes in turn. `sizes_of` puts a size into the
/// direction that is measured.
class RateMeasurement {
   public:
    RateMeasurement(TimedCall call, std::function<Sizes(std::int64_t)> sizes_of, const Clock& clock)
        : call_(std::move(call)), sizes_of_(std::move(sizes_of)), clock_(clock) {}

    Rate measure(Seconds budget, std::int64_t size_max) {
        const Seconds until = clock_.now() + budget;
        std::optional<Seconds> small = time_of(size_first, until);
        if (small) small = time_of(size_first, until);  // the first one found TCP's window small
        if (!small) return {.rate = std::nullopt, .reason = "64 KiB did not get through in the time there was"};
        std::int64_t size = size_first;
        std::optional<Seconds> large = small;
        while (size < size_max && *large - *small < difference_min) {
            // The next size takes about twice as long: do not start what will not end.
            if (clock_.now() + *large * 2.5 > until) break;
            const std::optional<Seconds> next = time_of(size * 2, until);
            if (!next) break;
            size *= 2;
            large = next;
        }
        if (size == size_first) return {.rate = std::nullopt, .reason = "the link is too slow for the time there was"};
        return repeated(size, *large - *small, until);
    }

   private:
    std::optional<Seconds> time_of(std::int64_t size, Seconds until) {
        const Seconds left = until - clock_.now();
        return left > Seconds(0) ? call_(sizes_of_(size), left) : std::nullopt;
    }

    Rate repeated(std::int64_t size, Seconds first, Seconds until) {
        std::vector<Seconds> differences;
        for (int i = 0; i < repetitions; ++i) {
            const std::optional<Seconds> small = time_of(size_first, until);
            const std::optional<Seconds> large = small ? time_of(size, until) : std::nullopt;
            if (!large) break;
            differences.push_back(*large - *small);
        }
        if (differences.empty()) differences.push_back(first);
        const Seconds difference = median(differences);
        if (difference <= Seconds(0))
            return {.rate = std::nullopt, .reason = "the link is too fast or too noisy to time"};
        return {.rate = Bytes(size - size_first) / difference, .reason = {}};
    }

    TimedCall call_;
    std::function<Sizes(std::int64_t)> sizes_of_;
    const Clock& clock_;
};

}  // namespace

LinkProbe probe_link(Client& client, Clock& clock, const ProbeLimits& limits) {
    const Seconds until = clock.now() + limits.time;
    LinkProbe probe;
    probe.connect = value_or_throw(client.connect_time(), attempt(client));
    const ServerDescription server = value_or_throw(client.describe_server(), attempt(client));
    probe.server = fmt::format("{} {}", server.name, server.version);

    std::vector<Seconds> tiny;
    for (int i = 0; i < tiny_calls && (tiny.empty() || clock.now() < until); ++i) {
        const Seconds start = clock.now();
        value_or_throw(client.live(), attempt(client));
        tiny.push_back(clock.now() - start);
    }
    probe.round_trip = *std::min_element(tiny.begin(), tiny.end());

    const TimedCall call = [&](const Sizes& sizes, Seconds limit) {
        return timed_call(client, clock, request_for(sizes), limit);
    };
    const bool ours = server.has(probe_extension);
    const Seconds left = until - clock.now();
    RateMeasurement up(
        call, [](std::int64_t size) { return Sizes{.up = size, .down = 0}; }, clock);
    probe.up = up.measure(ours ? left / 2 : left, limits.call_max.count());
    if (!ours) {
        probe.down.reason = "this server has nothing that answers with many bytes (a Breakeven server has)";
        return probe;
    }
    RateMeasurement down(
        call, [](std::int64_t size) { return Sizes{.up = 0, .down = size}; }, clock);
    probe.down = down.measure(until - clock.now(), limits.call_max.count());
    return probe;
}

}  // namespace breakeven
