// Results: one table for whatever the study compares, measured here or printed in the thesis, so that thresholds,
// correlations, figures and words come from the same code for both.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/link/transfer.h"
#include "breakeven/plan/factors.h"
#include "breakeven/plan/plan.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// How the layers of a variant fit one level of memory.
struct LevelFit {
    std::string level;
    Bytes size;
    double mean_layer_percent = 0.0;
    double fitting_percent = 0.0;
};

/// A network in one form and size: one of the 33.
struct Variant {
    std::string network;  ///< "MobileNet"
    std::int64_t side = 0;
    std::string recipe;  ///< "", "PQ", "PWQ"
    std::int64_t parameters = 0;
    std::optional<std::int64_t> layers;
    std::optional<std::int64_t> macs;
    Bytes input;   ///< one 8-bit picture
    Bytes output;  ///< the answer
    std::optional<Bytes> file;
    std::optional<Bytes> packed;
    std::optional<double> agreement;  ///< with the uncompressed network's first choice, 0 to 1
    std::vector<LevelFit> fits;

    /// "MobileNet PQ 32", as the thesis writes it.
    std::string title() const;
};

/// With which power the device waits: awake, or suspended.
enum class Idle { high, low };
inline constexpr std::array idles{Idle::high, Idle::low};
std::string_view name(Idle idle);

/// One inference of a variant, here or across a link.
struct Row {
    std::size_t variant = 0;  ///< index into Results::variants
    PlanKind kind = PlanKind::local;
    std::string platform;       ///< "cpu:2"; of an offload, the server's
    std::string link;           ///< empty for a local row
    std::string machine;        ///< whose platform it is
    bool is_elsewhere = false;  ///< a platform of another machine than the device: no place to choose, but to compare
    std::vector<Stage> stages;
    Figure<Seconds> latency;
    std::optional<Summary> samples;    ///< where it was measured
    std::optional<Seconds> predicted;  ///< beside a measured offload: what the model says
    std::optional<Figure<Joules>> energy_high, energy_low;
    std::string energy_reason;                 ///< why there is none
    std::optional<Figure<Joules>> device;      ///< of `energy_high`, the device's computing and waiting awake
    std::optional<Figure<Joules>> by_byte;     ///< and what the link takes by the byte, where it is known
    std::optional<Figure<Joules>> above_idle;  ///< metered, less what the machine draws at rest
    Payload payload;                           ///< nothing for a local row
    std::map<std::string, double> counters;    ///< of one inference, by name: "instructions"
    std::string counters_reason;

    const std::optional<Figure<Joules>>& energy(Idle idle) const {
        return idle == Idle::high ? energy_high : energy_low;
    }
    std::optional<JouleSeconds> energy_delay(Idle idle) const;
    /// The series it belongs to: "cpu:2", "ethernet to cpu:2", "ethernet to cpu:2 (modelled)".
    std::string series() const;
    /// The part of the latency spent on stages of this kind.
    Seconds time_in(StageKind kind) const;
};

template <class T>
struct Spread {
    T mean{};
    T sd{};
    T max{};
    T min{};
};

/// Offloading over one link to one server, over all variants: a row of the thesis' Tables 4.2 to 4.4.
struct Scenario {
    std::string link;
    std::string server;
    Origin origin = Origin::measured;
    std::size_t n = 0;
    Spread<Seconds> latency;
    std::optional<Spread<Joules>> high_idle, low_idle;
    const std::optional<Spread<Joules>>& energy(Idle idle) const { return idle == Idle::high ? high_idle : low_idle; }
};

struct Results {
    std::string title;
    std::vector<Variant> variants;
    std::vector<Row> rows;
    std::vector<Scenario> scenarios;
    std::optional<Factors> factors;           ///< of the world beyond the device; none for the thesis as published
    std::optional<Figure<Watts>> idle_power;  ///< metered at rest, where that was asked for
    std::vector<std::string> notes;           ///< what must be known to trust the figures
    std::vector<std::string> circumstances;   ///< machine, versions, protocol
};

/// The scenarios of the offload rows, one for each series.
std::vector<Scenario> scenarios_of(const Results& results);

}  // namespace breakeven
