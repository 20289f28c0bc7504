// The edge study's first part (Liang, Shenoy & Irwin, "AI on the Edge"): throughput, power and price of platforms,
// those at hand measured, others from a catalogue of published figures. The two are never mixed without a mark.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/engine/engines.h"
#include "breakeven/study/page.h"
#include "breakeven/time/clock.h"

namespace breakeven {

/// United States dollars.
using Dollars = Quantity<struct DollarsTag>;
inline constexpr Unit<Dollars> dollars{1.0};

/// A platform running a network.
struct EdgeFigure {
    std::string platform, network;
    Figure<Seconds> latency;
    std::optional<Figure<Watts>> power;  ///< the most it draws while it works
    std::optional<Dollars> price;
    std::string source;

    /// One inference after the other.
    double per_second() const { return 1.0 / latency.value.count(); }
    std::optional<double> per_second_and_watt() const;
    std::optional<double> per_second_and_dollar() const;
};

/// A catalogued device, whether or not a figure of it is known.
struct EdgeDevice {
    std::string name;
    std::optional<Watts> power_low, power_high;
    std::optional<Dollars> price;
    std::string memory, source;
};

struct EdgeCatalogue {
    std::vector<EdgeDevice> devices;
    std::vector<EdgeFigure> figures;
};

/// Throws Error{input} for text that is no catalogue.
EdgeCatalogue parse_catalogue(std::string_view text, std::string_view subject);
/// The one that comes with the program.
const EdgeCatalogue& published_catalogue();

struct EdgeRequest {
    std::filesystem::path folder;
    std::vector<std::string> networks;  ///< of the zoo
    std::vector<Platform> platforms;    ///< empty: one thread, and all
    EdgeCatalogue catalogue;
    std::optional<Watts> power;    ///< of this machine while it computes
    std::optional<Dollars> price;  ///< of this machine
    std::string meter = "powers";
    Seconds duration{3.0};
};

struct EdgeTools {
    Engines& engines;
    Clock& clock;
    std::string version;
    std::filesystem::path executable;
    std::function<void(const std::string&)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct EdgeStudy {
    std::vector<EdgeFigure> figures;  ///< measured first
    EdgeCatalogue catalogue;
    std::vector<std::string> notes, circumstances;
};

/// Cells are kept in the folder's record, and not measured again.
EdgeStudy run_edge(const EdgeRequest& request, const EdgeTools& tools);

Report write_edge_report(const EdgeStudy& study, const std::filesystem::path& folder);

}  // namespace breakeven
