// The edge study: see edge.h.
#include "breakeven/study/edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/measure/machine.h"
#include "breakeven/model/model.h"
#include "breakeven/study/child_measure.h"
#include "breakeven/study/record.h"
#include "breakeven/thesis/documents.h"
#include "breakeven/units/text.h"
#include "breakeven/zoo/zoo.h"

extern "C" {
extern const char breakeven_catalogue_json_start[], breakeven_catalogue_json_end[];
}

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Dollars> price_in(const Json& json) {
    if (!json.contains("price_usd")) return std::nullopt;
    return dollars(json.at("price_usd").get<double>());
}

EdgeDevice device_of(const Json& json) {
    EdgeDevice device{.name = json.at("name").get<std::string>(),
                      .power_low = {},
                      .power_high = {},
                      .price = price_in(json),
                      .memory = json.value("memory", ""),
                      .source = json.at("source").get<std::string>()};
    if (json.contains("power_w")) {
        device.power_low = watts(json.at("power_w").at(0).get<double>());
        device.power_high = watts(json.at("power_w").at(1).get<double>());
    }
    return device;
}

/// Nothing where the meter read none.
std::optional<Figure<Watts>> metered_power(const Json& result) {
    const Json& energy = result.at("energy_j");
    if (!energy.is_object() || energy.at("origin") != "measured") return std::nullopt;
    const Seconds mean(result.at("latency").at("mean_s").get<double>());
    return Figure<Watts>{joules(energy.at("value").get<double>()) / mean, Origin::measured};
}

}  // namespace

std::optional<double> EdgeFigure::per_second_and_watt() const {
    if (!power || !(power->value > watts(0))) return std::nullopt;
    return per_second() / power->value.in(watts);
}

std::optional<double> EdgeFigure::per_second_and_dollar() const {
    if (!price || !(*price > dollars(0))) return std::nullopt;
    return per_second() / price->in(dollars);
}

EdgeCatalogue parse_catalogue(std::string_view text, std::string_view subject) {
    const std::string attempt = fmt::format("read the catalogue '{}'", subject);
    EdgeCatalogue catalogue;
    try {
        const Json json = Json::parse(text);
        for (const Json& device : json.at("devices")) catalogue.devices.push_back(device_of(device));
        for (const Json& figure : json.at("figures")) {
            const std::string name = figure.at("device").get<std::string>();
            const auto device = std::ranges::find(catalogue.devices, name, &EdgeDevice::name);
            if (device == catalogue.devices.end()) {
                throw Error(ErrorKind::input, attempt,
                            fmt::format("a figure is of '{}', which is no device in it", name));
            }
            const double milliseconds = figure.at("latency_ms").get<double>();
            if (!(std::isfinite(milliseconds) && milliseconds > 0)) {
                throw Error(ErrorKind::input, attempt, fmt::format("'{}' has a latency that is not above 0", name));
            }
            EdgeFigure entry{.platform = name,
                             .network = figure.at("network").get<std::string>(),
                             .latency = {Seconds(milliseconds * 1e-3), Origin::published},
                             .power = {},
                             .price = device->price,
                             .source = figure.at("source").get<std::string>()};
            if (device->power_high) entry.power = Figure<Watts>{*device->power_high, Origin::published};
            catalogue.figures.push_back(std::move(entry));
        }
    } catch (const Json::exception& error) {
        throw Error(ErrorKind::input, attempt, fmt::format("it is not as expected: {}", error.what()));
    }
    return catalogue;
}

const EdgeCatalogue& published_catalogue() {
    static const EdgeCatalogue catalogue =
        parse_catalogue({breakeven_catalogue_json_start,
                         static_cast<std::size_t>(breakeven_catalogue_json_end - breakeven_catalogue_json_start)},
                        "of the program");
    return catalogue;
}

EdgeStudy run_edge(const EdgeRequest& request, const EdgeTools& tools) {
    const Machine machine = this_machine();
    Record record(request.folder);
    EdgeStudy study{.figures = {}, .catalogue = request.catalogue, .notes = {}, .circumstances = {}};
    std::vector<Platform> platforms = request.platforms;
    if (platforms.empty()) {
        platforms.push_back(parse_platform("cpu:1"));
        if (machine.threads > 1) platforms.push_back(parse_platform(fmt::format("cpu:{}", machine.threads)));
    }
    const auto stopped = [&] { return tools.stop != nullptr && tools.stop->load(std::memory_order_relaxed); };
    for (const std::string& network : request.networks) {
        for (const Platform& platform : platforms) {
            if (stopped()) break;
            const std::string key = Json{
                {"edge", network},
                {"platform", to_text(platform)},
                {"engine", tools.engines.version(platform)},
                {"duration_s", request.duration.count()},
                {"meter", request.meter},
                {"machine", fingerprint(machine)},
                {"breakeven",
                 tools.version}}.dump(-1, ' ', false, Json::error_handler_t::replace);
            if (record.find(key) == nullptr) {
                const std::filesystem::path file = request.folder / (network + ".onnx");
                if (!std::filesystem::exists(file)) {
                    if (tools.progress) tools.progress("building " + network);
                    write_file(file, image_of(build_network(network, 0)).bytes);
                }
                if (tools.progress) tools.progress(fmt::format("measuring {} on {}", network, to_text(platform)));
                try {
                    const Json answer = measure_in_child({.executable = tools.executable,
                                                          .model = file,
                                                          .platform = platform,
                                                          .duration = request.duration,
                                                          .meter = request.meter,
                                                          .counters = false,
                                                          .rest = {},
                                                          .store = request.folder / "measurements.sqlite"});
                    if (answer.at("interrupted").get<bool>() || answer.at("results").at(0).at("latency").is_null())
                        continue;
                    record.append(key, {{"type", "edge"}, {"result", answer.at("results").at(0)}});
                } catch (const Error& error) {
                    if (error.kind() == ErrorKind::internal) throw;
                    if (!stopped())
                        study.notes.push_back(fmt::format("{} on {}: {}", network, to_text(platform), error.what()));
                    continue;
                }
            }
            const Json& result = record.find(key)->at("result");
            EdgeFigure figure{.platform = fmt::format("{} {}", machine.name, to_text(platform)),
                              .network = network,
                              .latency = {Seconds(result.at("latency").at("p50_s").get<double>()), Origin::measured},
                              .power = metered_power(result),
                              .price = request.price,
                              .source = to_text(machine)};
            if (!figure.power && request.power) figure.power = Figure<Watts>{*request.power, Origin::modelled};
            study.figures.push_back(std::move(figure));
        }
    }
    study.figures.insert(study.figures.end(), request.catalogue.figures.begin(), request.catalogue.figures.end());
    if (!request.power && request.meter == "powers") {
        study.notes.emplace_back(
            "This machine's power is not known: no inferences per second and watt of it (--active-power, or --meter).");
    }
    if (!request.price)
        study.notes.emplace_back(
            "This machine's price is not known: no inferences per second and dollar of it (--price).");
    study.notes.emplace_back(
        "Published figures are of other forms of the networks (8-bit, other engines), by others: read them as orders "
        "of "
        "magnitude. Power of published devices is the most they draw.");
    study.circumstances = {
        to_text(machine),
        fmt::format("{} of steady runs in each cell; one inference after the other", to_text(request.duration)),
        "the networks' weights are seeded, untrained"};
    return study;
}

}  // namespace breakeven
