// The thesis' tables: see published.h.
#include "breakeven/thesis/published.h"

#include <algorithm>

#include "breakeven/link/transfer.h"
#include "breakeven/plan/cost.h"

namespace breakeven {
namespace {

/// A printed row, in its own milliseconds and millijoules: mean, sd, max, min.
struct Printed {
    double mean, sd, max, min;
};

template <class T, class Make>
Spread<T> spread(const Printed& row, Make make) {
    return {.mean = make(row.mean), .sd = make(row.sd), .max = make(row.max), .min = make(row.min)};
}

Scenario scenario(const std::string& link, const std::string& server, const Printed& latency, const Printed& high,
                  const Printed& low) {
    const auto milliseconds = [](double n) { return Seconds(n * 1e-3); };
    return {.link = link,
            .server = server,
            .origin = Origin::published,
            .n = 33,
            .latency = spread<Seconds>(latency, milliseconds),
            .high_idle = spread<Joules>(high, millijoules),
            .low_idle = spread<Joules>(low, millijoules)};
}

}  // namespace

std::span<const PublishedNetwork> published_networks() {
    static const std::vector<PublishedNetwork> table{{"InceptionV3", 75, "inception-v3-75", 22'353'028, 189},
                                                     {"InceptionV3", 128, "inception-v3-128", 23'925'892, 189},
                                                     {"ResNet50", 32, "resnet50-32", 24'137'956, 107},
                                                     {"ResNet50", 75, "resnet50-75", 28'332'260, 107},
                                                     {"ResNet50", 128, "resnet50-128", 32'002'276, 107},
                                                     {"MobileNet", 32, "mobilenet-v1-32", 3'516'964, 105},
                                                     {"MobileNet", 75, "mobilenet-v1-75", 4'303'396, 105},
                                                     {"MobileNet", 128, "mobilenet-v1-128", 7'449'124, 105},
                                                     {"VGG16", 32, "vgg16-32", 14'871'716, 16},
                                                     {"VGG16", 75, "vgg16-75", 15'264'932, 16},
                                                     {"VGG16", 128, "vgg16-128", 16'837'796, 16}};
    return table;
}

const PublishedNetwork* published_network(std::string_view zoo) {
    const auto all = published_networks();
    const auto found = std::ranges::find(all, zoo, &PublishedNetwork::zoo);
    return found == all.end() ? nullptr : &*found;
}

std::span<const Scenario> published_scenarios() {
    static const std::vector<Scenario> table{
        scenario("wifi", "CPU", {72, 12, 96, 59}, {220, 35, 291, 180}, {66, 11, 87, 54}),
        scenario("ethernet", "CPU", {29, 8, 47, 20}, {89, 25, 144, 62}, {27, 7, 43, 19}),
        scenario("wifi", "GPU", {68, 7, 79, 59}, {207, 21, 241, 180}, {62, 6, 72, 54}),
        scenario("ethernet", "GPU", {25, 3, 31, 21}, {76, 9, 94, 63}, {23, 3, 28, 19})};
    return table;
}

std::span<const PublishedFit> published_fits() {
    static const std::vector<PublishedFit> table{
        {"InceptionV3", 75, {217, 14, 8}}, {"InceptionV3", 128, {233, 15, 9}}, {"ResNet50", 32, {414, 26, 15}},
        {"ResNet50", 75, {486, 30, 18}},   {"ResNet50", 128, {549, 34, 20}},   {"MobileNet", 32, {120, 8, 4}},
        {"MobileNet", 75, {148, 9, 5}},    {"MobileNet", 128, {255, 16, 9}},   {"VGG16", 32, {2063, 129, 76}},
        {"VGG16", 75, {2117, 132, 78}},    {"VGG16", 128, {2336, 146, 86}}};
    return table;
}

std::span<const BoardLevel> published_levels() {
    using namespace literals;
    static const std::vector<BoardLevel> levels{{"L1d", 32_KiB}, {"L2", 512_KiB}, {"RAM", 868_KiB}};
    return levels;
}

const PublishedClaims& published_claims() {
    static const PublishedClaims claims;
    return claims;
}

Bytes thesis_input(std::int64_t side) {
    return Bytes(side * side * 3);
}

Results published_results() {
    Results results;
    results.title = "Frennborn & Oliv 2022, as published";
    for (const PublishedNetwork& network : published_networks()) {
        Variant variant{
            .network = network.network, .side = network.side, .recipe = "", .parameters = network.parameters};
        variant.layers = network.depth;
        variant.input = thesis_input(network.side);
        variant.output = thesis_result;
        results.variants.push_back(variant);
        for (const LinkProfile& link : study_links()) {
            const TransferTime time = transfer_time(link, {.up = variant.input, .down = variant.output});
            Row row{.variant = results.variants.size() - 1,
                    .kind = PlanKind::offload,
                    .platform = "network alone",
                    .link = link.name};
            const auto part = [&](StageKind kind, Seconds latency) {
                row.stages.push_back({kind, Side::link, link.name, {latency, Origin::modelled}});
            };
            part(StageKind::round_trip, time.rtt);
            part(StageKind::upload, time.up);
            part(StageKind::download, time.down);
            row.latency = {time.total(), Origin::modelled};
            results.rows.push_back(row);
        }
    }
    const auto scenarios = published_scenarios();
    results.scenarios.assign(scenarios.begin(), scenarios.end());
    results.circumstances = {"Nothing was measured: these are the thesis' printed numbers and what follows from them.",
                             "Figures that need its inference times are missing; `study thesis -o DIR` measures them."};
    return results;
}

}  // namespace breakeven
