// Removing channels: what the recipe letter S takes off the processor's time of trained networks on one thread, and
// what of their accuracy, beside two networks that are exactly as fast: the same widths with the channels chosen by the
// size of their weights (Li et al. 2017), as they are and fitted like ours. And beside the usual: as much work left
// with the same share of channels everywhere. Samples that calibrate are not among those that the accuracy is of.
// With a size (a cache level's) instead of a share: layers made to fit it, beside as much work taken off without regard
// to what fits. Usage: bench_structured [network[=share of the work to keep | =size of weights, such as 512KiB]]...
#include "breakeven/compress/structured.h"

#include <optional>

#include "bench_main.h"
#include "breakeven/units/text.h"
#include "trained_networks.h"

namespace {

using namespace breakeven;

struct Wish {
    std::string name;
    double keep = 0.85;
    std::optional<Bytes> fit;
};

/// The shares at which each network is measured unless told.
std::vector<Wish> usual() {
    return {{"cifar-little", 0.9},
            {"cifar-medium", 0.78},
            {"cifar-big", 0.75},
            {"squeezenet", 0.8},
            {"mobilenet-v1-0.25-128", 0.93},
            {"mobilenet-v1-0.25-224", 0.93},
            {"mobilenet-v1-0.5-160", 0.93},
            {"mobilenet-v1-0.75-192", 0.93},
            {"mobilenet-v2", 0.93}};
}

Wish wish_of(const std::string& word) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
        const std::string value = word.substr(equals + 1);
        if (value.ends_with("B")) return {word.substr(0, equals), 1.0, parse_bytes(value, word)};
        return {word.substr(0, equals), std::stod(value)};
    }
    for (const Wish& each : usual()) {
        if (each.name == word) return each;
    }
    return {word};
}

std::string widths_of(const ChannelReport& report) {
    std::string text;
    for (const PrunedChannels& group : report.groups) {
        if (group.after == group.before) continue;
        text += fmt::format(" {}>{}", group.before, group.after);
    }
    return text;
}

/// One network as given, and how its variants compare with it.
class Table {
   public:
    explicit Table(const TrainedNetwork& network) : trained_(network), before_(trained_.right(trained_.model())) {
        fmt::print("{}: float {:.1f} % of {} held out\n", network.name, share_of(before_), before_.size());
    }

    PrunedNetwork row(const char* what, const ChannelOptions& options) const {
        const double start = core_seconds();
        PrunedNetwork pruned = prune_channels(trained_.model(), options, trained_.calibration());
        const double took = core_seconds() - start;
        const auto speed = trained_.speed(trained_.model(), pruned.model);
        const auto interval = speed.ci95.value_or(Interval<double>{speed.p50, speed.p50});
        fmt::print("  {:30} work {:.2f}  speed {:.2f} ({:.2f} to {:.2f})  points {}  ({:.0f} s){}\n", what,
                   pruned.report.work_left, speed.p50, interval.low, interval.high,
                   points(before_, trained_.right(pruned.model)), took, widths_of(pruned.report));
        std::fflush(stdout);
        return pruned;
    }

   private:
    Trained trained_;
    std::vector<bool> before_;
};

void measure(const TrainedNetwork& network, double keep) {
    const Table table(network);
    const PrunedNetwork ours = table.row("S", {.keep = keep});
    ChannelOptions smallest;
    smallest.choice = ChannelChoice::magnitude;
    smallest.refit = ChannelRefit::none;
    for (const PrunedChannels& group : ours.report.groups) smallest.widths.push_back(group.after);
    table.row("smallest weights, same widths", smallest);
    smallest.refit = ChannelRefit::least_squares;
    table.row("... and fitted", smallest);
    smallest.widths.clear();
    smallest.keep = keep;
    smallest.refit = ChannelRefit::none;
    smallest.allocation = ChannelAllocation::even;
    table.row("smallest weights, same share", smallest);
}

void measure_fit(const TrainedNetwork& network, Bytes fit) {
    const Table table(network);
    const PrunedNetwork ours = table.row("layers fit", {.keep = 1.0, .fit = fit});
    fmt::print("  {} of {} layers fitted before, {} now\n", ours.report.layers_fit_before, ours.report.layers,
               ours.report.layers_fit_after);
    table.row("as much work, fit or not", {.keep = ours.report.work_left});
}

int run(const std::vector<std::string>& words) {
    std::vector<Wish> wishes;
    for (const std::string& word : words) wishes.push_back(wish_of(word));
    if (wishes.empty()) wishes = usual();
    for (const Wish& wish : wishes) {
        const auto* found = std::ranges::find(trained_networks, wish.name, &TrainedNetwork::name);
        if (found == std::end(trained_networks)) {
            throw std::runtime_error(fmt::format("there is no network '{}'", wish.name));
        }
        if (wish.fit) {
            measure_fit(*found, *wish.fit);
        } else {
            measure(*found, wish.keep);
        }
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (breakeven::fakes::shared_data().empty()) {
        fmt::print("needs the shared test data (set BREAKEVEN_SHARED_DATA to its folder)\n");
        return 0;
    }
    return breakeven::bench_main("structured", run, argc, argv);
}
