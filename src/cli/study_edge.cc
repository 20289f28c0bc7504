// `breakeven study edge`: throughput, power and price of the platforms at hand beside published ones.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/meters/choose.h"
#include "breakeven/study/edge.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/interrupt.h"
#include "cli/study.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string output;
    std::vector<std::string> networks{"mobilenet-v2-224", "inception-v4-299", "ssd-mobilenet-v1-300",
                                      "ssd-mobilenet-v2-300", "cnn-trad-fpool3"};
    std::vector<std::string> platforms;
    std::string power, price, catalogue, duration = "3s", meter = "powers";
};

/// "399USD" or "$399".
Dollars parse_price(const std::string& text) {
    std::string_view number = text;
    const bool has_sign = number.starts_with('$'), has_word = number.ends_with("USD");
    if (has_sign) number.remove_prefix(1);
    if (has_word) number.remove_suffix(3);
    double value = 0.0;
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (has_sign == has_word || fault != std::errc() || end != number.data() + number.size() || !std::isfinite(value) ||
        value <= 0) {
        throw Error(ErrorKind::usage, fmt::format("read --price '{}'", text), "write it as 399USD");
    }
    return dollars(value);
}

void run_edge_study(Shell& shell, const Options& options) {
    EdgeRequest request{.folder = options.output,
                        .networks = options.networks,
                        .platforms = {},
                        .catalogue = published_catalogue(),
                        .power = {},
                        .price = {},
                        .meter = options.meter,
                        .duration = parse_seconds(options.duration, "--duration")};
    for (const std::string& platform : options.platforms) request.platforms.push_back(parse_platform(platform));
    if (!options.power.empty()) request.power = parse_watts(options.power, "--active-power");
    if (!options.price.empty()) request.price = parse_price(options.price);
    if (!options.catalogue.empty()) {
        request.catalogue = parse_catalogue(read_file(options.catalogue, Bytes(16 << 20)), options.catalogue);
    }
    make_meter(options.meter, {request.power, {}}, shell.clock);  // what is not here shows before the first cell
    Engines engines = make_engines(shell);
    const EdgeStudy study = run_edge(request, {.engines = engines,
                                               .clock = shell.clock,
                                               .version = breakeven_version,
                                               .executable = shell.executable,
                                               .progress = [&shell](const std::string& line) { shell.progress(line); },
                                               .stop = &interrupted()});
    shell.progress_done();
    for (const std::string& note : study.notes) shell.note("note: " + note);
    const auto is_measured = [](const EdgeFigure& figure) { return figure.latency.origin == Origin::measured; };
    if (std::ranges::none_of(study.figures, is_measured)) {
        if (interrupted().load()) {
            shell.status = ExitStatus::interrupted;
            return;
        }
        throw Error(ErrorKind::unavailable, "study the edge", "no network could be measured; the notes above say why");
    }
    tell_report(shell, write_edge_report(study, options.output));
    if (interrupted().load()) shell.status = ExitStatus::interrupted;
}

}  // namespace

void add_study_edge(CLI::App& study, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* edge =
        add_command(study, shell, "edge",
                    "price, performance, energy (Liang, Shenoy & Irwin): throughput per watt and dollar of the "
                    "platforms at hand beside published ones",
                    "breakeven study edge -o edge --active-power 65W --price 900USD",
                    [&shell, options] { run_edge_study(shell, *options); });
    edge->add_option("-o,--output", options->output, "the folder for cells, report and figures")->required();
    edge->add_option("--networks", options->networks, "by the names of `breakeven zoo list`")
        ->delimiter(',')
        ->capture_default_str();
    edge->add_option("--platform", options->platforms,
                     "at hand, such as cpu:4; repeatable (default: one thread, and all)");
    edge->add_option("--active-power", options->power, "what this machine draws while it computes, such as 65W");
    edge->add_option("--meter", options->meter, "what tells the energy, as in `measure`")->capture_default_str();
    edge->add_option("--price", options->price, "what this machine costs, such as 900USD");
    edge->add_option("--catalogue", options->catalogue,
                     "a JSON file of published figures instead of the program's own");
    edge->add_option("--duration", options->duration, "steady run time of each cell")->capture_default_str();
}

}  // namespace breakeven::cli
