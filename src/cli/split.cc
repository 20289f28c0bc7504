// `breakeven split`: a network in two files, cut where asked or where it pays most on a link.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/split_figures.h"
#include "breakeven/advise/split_times.h"
#include "breakeven/advise/three_tiers.h"
#include "breakeven/files/part_files.h"
#include "breakeven/files/samples.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::vector<std::string> at;
    std::string output;
    std::string link;
    double slowdown = 1.0;
    std::string platform = "cpu:1";
    std::size_t runs = 30;
    std::size_t candidates = 12;
    std::string preprocess;
    std::string congestion = "cubic";
    std::string idle;
    std::string device_memory;
    std::string server_memory;
    std::string goal = "latency";
    std::vector<std::string> private_inputs;
    PowerOptions power;
    std::string cloud_link;
    double cloud_slowdown = 1.0;
    std::string codec;
};

/// The end of a long name tells more than its beginning.
std::string shortened(const std::string& name, std::size_t length_max) {
    return name.size() <= length_max ? name : "..." + name.substr(name.size() - length_max + 3);
}

std::string cut_text(const std::vector<std::string>& cut, std::size_t length_max) {
    const std::string more = cut.size() > 1 ? fmt::format(" +{}", cut.size() - 1) : "";
    return shortened(cut.front(), length_max - more.size()) + more;
}

Json figure(Seconds value, Origin origin) {
    return {{"value", value.count()}, {"origin", name(origin)}};
}

/// `device`: measured here, or modelled by --slowdown. Transfers are modelled, and with them totals.
Json latency_json(const SplitLatency& latency, Origin device, Origin server) {
    return {{"head_s", figure(latency.head, device)},
            {"transfer_s", figure(latency.transfer, Origin::modelled)},
            {"tail_s", figure(latency.tail, server)},
            {"total_s", figure(latency.total(), latency.transfer > Seconds(0) ? Origin::modelled : device)}};
}

/// Measured parts on the one link asked for.
struct Measured {
    SplitTimes times;
    SplitTimesRequest asked;
    Way way;
    double slowdown = 1.0;

    template <class T>
    double figure(const T& each) const {
        return goal_figure(figures_over(way, each.measured, each.payload, asked), asked.goal);
    }

    template <class T>
    std::string figure_text(const T& each) const {
        const double value = figure(each);
        switch (asked.goal) {
            case SplitGoal::latency: return to_text(Seconds(value));
            case SplitGoal::energy: return to_text(joules(value));
            case SplitGoal::energy_delay: return to_text(joule_seconds(value));
            case SplitGoal::bytes: return to_text(Bytes(static_cast<std::int64_t>(value)));
            case SplitGoal::period: return to_text(Seconds(value)) + " each";
        }
        return {};
    }

    SplitLatency latency(const CutTimes& cut) const { return latency_over(way, cut.measured, cut.payload, slowdown); }
    SplitLatency latency(const Unsplit& all) const { return latency_over(way, all.measured, all.payload, slowdown); }
    /// Nothing where neither side alone has room for the network.
    const Unsplit* best_unsplit() const {
        const auto best = std::ranges::min_element(times.unsplit, {}, [&](const Unsplit& all) { return figure(all); });
        return best == times.unsplit.end() ? nullptr : &*best;
    }
    bool pays() const {
        const Unsplit* rival = best_unsplit();
        return rival == nullptr || figure(times.cuts.front()) < figure(*rival);
    }
    /// Of the computing, predicted over measured, minus 1: the transfer is the same model in both.
    double prediction_error(const CutTimes& cut) const {
        const auto computing = [&](const PartTimes& part) { return part.head * slowdown + part.tail; };
        return computing(cut.predicted) / computing(cut.measured) - 1.0;
    }
};

Json candidate_json(const Measured& measured, const CutTimes& cut, Origin device) {
    return {{"cut", cut.cut},
            {"bytes_up", cut.payload.up.count()},
            {"bytes_down", cut.payload.down.count()},
            {"tail_bytes", cut.tail_size.count()},
            {"codec", measured.asked.codec ? Json(name(*measured.asked.codec)) : Json(nullptr)},
            {"encode_s", cut.coding.head.count()},
            {"decode_s", cut.coding.tail.count()},
            {"goal_figure", measured.figure(cut)},
            {"latency", latency_json(measured.latency(cut), device, Origin::measured)},
            {"predicted", latency_json(latency_over(measured.way, cut.predicted, cut.payload, measured.slowdown),
                                       Origin::modelled, Origin::modelled)},
            {"prediction_error", measured.prediction_error(cut)}};
}

std::string decision(const Measured& measured) {
    const CutTimes& split = measured.times.cuts.front();
    const std::string at =
        fmt::format("'{}' over {}: {}", cut_text(split.cut, 60), measured.way.link.name, measured.figure_text(split));
    const Unsplit* rival = measured.best_unsplit();
    if (rival == nullptr) return fmt::format("Split at {}; neither side has room for all of it.\n", at);
    const std::string what = rival->kind == "local" ? "all on the device" : rival->kind;
    const std::string other = measured.figure_text(*rival);
    if (measured.pays()) return fmt::format("Split at {}, where {} takes {}.\n", at, what, other);
    return fmt::format("Do not split over {}: {} takes {}, the best split {}.\n", measured.way.link.name, what, other,
                       measured.figure_text(split));
}

std::string times_text(const Measured& measured) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const std::string& what, const Payload& payload, const SplitLatency& latency) {
        rows.push_back({what, to_text(payload.up), to_text(latency.head), to_text(latency.transfer),
                        to_text(latency.tail), to_text(latency.total())});
    };
    const bool other_goal = measured.asked.goal != SplitGoal::latency;
    for (const Unsplit& all : measured.times.unsplit) {
        add(all.kind, all.payload, measured.latency(all));
        if (other_goal) rows.back().insert(rows.back().end(), {"", measured.figure_text(all)});
    }
    for (const CutTimes& cut : measured.times.cuts) {
        add(cut_text(cut.cut, 22), cut.payload, measured.latency(cut));
        rows.back().push_back(fmt::format("{:+.0f} %", 100.0 * measured.prediction_error(cut)));
        if (other_goal) rows.back().push_back(measured.figure_text(cut));
    }
    return decision(measured) + "\n" +
           table({"cut at", "sends", "device", "link", "server", "total", "predicted", other_goal ? "goal" : ""},
                 rows) +
           "predicted: how far multiply-adds alone would have put the computing off the measured parts\n";
}

Bytes crossing_size(const Parts& parts) {
    Bytes total;
    for (const TensorSpec& spec : parts.crossing) total += size_of(with_batch(spec, 1)).value_or(Bytes());
    return total;
}

SplitGoal goal_of(const std::string& word) {
    if (word == "energy") return SplitGoal::energy;
    if (word == "edp") return SplitGoal::energy_delay;
    if (word == "bytes") return SplitGoal::bytes;
    return word == "throughput" ? SplitGoal::period : SplitGoal::latency;
}

Way way_of(const Options& options) {
    TcpUse tcp{.congestion = parse_congestion(options.congestion), .history = TcpUse::History::repeated, .rest = {}};
    if (!options.idle.empty()) tcp.rest = parse_seconds(options.idle, "--idle");
    return {.link = read_link(options.link), .tcp = tcp};
}

Measured measured(Shell& shell, const Options& options, const ModelFile& model) {
    Engines engines = make_engines(shell);
    SplitTimesRequest request{.ways = {way_of(options)},
                              .slowdown = options.slowdown,
                              .platform = parse_platform(options.platform),
                              .runs = options.runs,
                              .candidates_max = options.candidates,
                              .preprocess = {},
                              .cut = options.at,
                              .device_memory = {},
                              .server_memory = {}};
    if (!options.device_memory.empty()) request.device_memory = parse_bytes(options.device_memory, "--device-memory");
    if (!options.server_memory.empty()) request.server_memory = parse_bytes(options.server_memory, "--server-memory");
    request.goal = goal_of(options.goal);
    request.power = powers_of(options.power);
    request.private_inputs = options.private_inputs;
    if (!options.codec.empty()) request.codec = parse_codec(options.codec);
    if (request.platform.is_remote()) {
        throw Error(ErrorKind::usage, "measure parts on '" + options.platform + "'",
                    "name a platform of this machine, such as cpu:1");
    }
    if (!options.preprocess.empty()) request.preprocess = read_preprocess(options.preprocess);
    shell.progress("first contact with the model, in a child process");
    first_contact(shell, engines.version(request.platform)).with(options.model, model.image, request.platform);
    SplitTools tools{.engines = engines,
                     .clock = shell.clock,
                     .progress = [&shell](const std::string& line) { shell.progress(line); },
                     .stop = &interrupted()};
    Measured result{.times = measure_splits(model, request, tools),
                    .asked = request,
                    .way = request.ways.front(),
                    .slowdown = options.slowdown};
    shell.progress_done();
    return result;
}

Json tier_json(const TierShare& tier) {
    return {{"layers", tier.layers}, {"compute_s", figure(tier.compute, Origin::modelled)}};
}

std::string tier_text(const std::string& name, const TierShare& tier) {
    return fmt::format("  {:<7} {:>4} layers  {}\n", name, tier.layers, to_text(tier.compute));
}

std::string crossing_text(const std::vector<std::string>& tensors, Bytes size, const std::string& link) {
    if (tensors.empty()) return {};
    return fmt::format("          over {}: {} ({})\n", link, cut_text(tensors, 40), to_text(size));
}

/// Device, edge, cloud: modelled, for the parts' real times are found on the machines that will run them.
void run_three_tiers(Shell& shell, const Options& options) {
    const ModelFile model = load_model(options.model);
    (void)model.model.proto();  // refused before long work: a file whose graph cannot be cut
    Engines engines = make_engines(shell);
    const ThreeTiersRequest request{.edge = read_link(options.link),
                                    .cloud = read_link(options.cloud_link),
                                    .slowdown = options.slowdown,
                                    .cloud_slowdown = options.cloud_slowdown,
                                    .platform = parse_platform(options.platform),
                                    .runs = options.runs,
                                    .goal = goal_of(options.goal),
                                    .power = powers_of(options.power),
                                    .private_inputs = options.private_inputs};
    shell.progress("first contact with the model, in a child process");
    first_contact(shell, engines.version(request.platform)).with(options.model, model.image, request.platform);
    SplitTools tools{.engines = engines,
                     .clock = shell.clock,
                     .progress = [&shell](const std::string& line) { shell.progress(line); },
                     .stop = &interrupted()};
    const ThreeTiers found = find_three_tiers(model, request, tools);
    shell.progress_done();
    const Json answer{
        {"tiers",
         {{"device", tier_json(found.device)}, {"edge", tier_json(found.edge)}, {"cloud", tier_json(found.cloud)}}},
        {"to_edge", found.to_edge},
        {"to_cloud", found.to_cloud},
        {"to_edge_bytes", found.to_edge_size.count()},
        {"to_cloud_bytes", found.to_cloud_size.count()},
        {"latency_s", figure(found.latency, Origin::modelled)},
        {"energy_j",
         request.power.active ? Json{{"value", found.energy.in(joules)}, {"origin", "modelled"}} : Json(nullptr)},
        {"device_alone_s", figure(found.alone, Origin::modelled)},
        {"two_tiers_s", figure(found.two_tiers, Origin::modelled)}};
    shell.answer(
        answer,
        fmt::format("Over {} and {}: {} (modelled); the device alone {}, without the cloud {}.\n\n", request.edge.name,
                    request.cloud.name, to_text(found.latency), to_text(found.alone), to_text(found.two_tiers)) +
            tier_text("device", found.device) + crossing_text(found.to_edge, found.to_edge_size, request.edge.name) +
            tier_text("edge", found.edge) + crossing_text(found.to_cloud, found.to_cloud_size, request.cloud.name) +
            tier_text("cloud", found.cloud));
}

void run_split(Shell& shell, const Options& options) {
    if (!options.cloud_link.empty() && !options.link.empty()) {
        run_three_tiers(shell, options);
        return;
    }
    if (options.at.empty() && options.link.empty()) {
        throw Error(ErrorKind::usage, "split '" + options.model + "'",
                    "say where (--at TENSOR), or across which link it should pay (--link wifi)");
    }
    if (options.link.empty() && options.output.empty()) {
        throw Error(ErrorKind::usage, "split '" + options.model + "'", "say into which folder (-o DIR)");
    }
    const ModelFile model = load_model(options.model);
    (void)model.model.proto();  // refused before long work: a file whose graph cannot be cut
    std::optional<Measured> times;
    if (!options.link.empty()) times = measured(shell, options, model);
    const std::vector<std::string>& cut = times ? times->times.cuts.front().cut : options.at;
    const Parts parts = split_at(model.model, cut);
    std::optional<PartFiles> files;
    if (!options.output.empty()) files = write_parts(parts, model, options.output);

    const Origin device = options.slowdown == 1.0 ? Origin::measured : Origin::modelled;
    Json crossing = Json::array();
    for (const TensorSpec& spec : parts.crossing) {
        crossing.push_back({{"name", spec.name}, {"dtype", name(spec.dtype)}, {"shape", spec.shape}});
    }
    Json answer{{"cut", cut},
                {"head", files ? Json(files->head.string()) : Json(nullptr)},
                {"tail", files ? Json(files->tail.string()) : Json(nullptr)},
                {"crossing", std::move(crossing)},
                {"crossing_bytes", crossing_size(parts).count()},
                {"pays", times ? Json(times->pays()) : Json(nullptr)},
                {"unsplit", Json::array()},
                {"candidates", Json::array()}};
    std::string text;
    if (times) {
        for (const std::string& warning : times->times.warnings) shell.note("warning: " + warning);
        for (const Unsplit& all : times->times.unsplit) {
            answer["unsplit"].push_back({{"kind", all.kind},
                                         {"bytes_up", all.payload.up.count()},
                                         {"bytes_down", all.payload.down.count()},
                                         {"latency", latency_json(times->latency(all), device, Origin::measured)}});
        }
        for (const CutTimes& candidate : times->times.cuts) {
            answer["candidates"].push_back(candidate_json(*times, candidate, device));
        }
        text = times_text(*times) + (files ? "\n" : "");
    }
    if (files) {
        const std::size_t others = parts.crossing.size() - 1;
        text += fmt::format(
            "{}: {} layers\n{}: {} layers, takes {} ({})\n", files->head.string(), parts.head.layers().size(),
            files->tail.string(), parts.tail.layers().size(),
            cut_text({parts.crossing.front().name}, 60) + (others > 0 ? fmt::format(" and {} more", others) : ""),
            to_text(crossing_size(parts)));
    }
    shell.answer(answer, text);
}

}  // namespace

void add_split(CLI::App& app, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(app, shell, "split", "a network in two files: a head for the device, a tail for the server",
                    "breakeven split mobilenet.onnx --link wifi --slowdown 8 -o parts",
                    [&shell, options] { run_split(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx file")->required();
    command->add_option("--at", options->at, "the tensors to cut at; together they must separate the network");
    command->add_option("--codec", options->codec,
                        "how tensors cross: raw, lossless, q8, q4 or q2; their bytes and coding times are counted");
    command->add_option("-o,--output", options->output, "the folder for NAME-head.onnx and NAME-tail.onnx");
    command->add_option("--link", options->link,
                        "measure what splitting takes across this link: ethernet, wifi, 5g or a profile's file; "
                        "without --at, find the best cut");
    command
        ->add_option("--slowdown", options->slowdown,
                     "the device is N times slower than the server, which is this machine (modelled)")
        ->check(CLI::Range(0.001, 100000.0))
        ->capture_default_str();
    command->add_option("--platform", options->platform, "what runs both parts for measuring")->capture_default_str();
    command->add_option("--runs", options->runs, "inferences measured for each part, after the warm-up")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
        ->capture_default_str();
    command->add_option("--candidates", options->candidates, "how many of the cuts that may pay are measured")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100}))
        ->capture_default_str();
    command->add_option("--tcp", options->congestion, "congestion control of the connection: cubic, bbr or reno")
        ->capture_default_str();
    command->add_option("--idle", options->idle, "how long the connection rests between inferences, such as 1s");
    command->add_option("--cloud-link", options->cloud_link,
                        "three tiers: a cloud lies behind the server, across this link; modelled, exact");
    command
        ->add_option("--cloud-slowdown", options->cloud_slowdown,
                     "the cloud is N times slower than the server; 0.25: four times faster")
        ->check(CLI::Range(0.0001, 100000.0))
        ->capture_default_str();
    command->add_option("--objective", options->goal, "what the cut is best for")
        ->check(CLI::IsMember({"latency", "energy", "edp", "bytes", "throughput"}))
        ->capture_default_str();
    command->add_option("--private", options->private_inputs, "inputs of the network that never leave the device")
        ->allow_extra_args(false);
    add_power_options(*command, options->power);
    command->add_option("--device-memory", options->device_memory,
                        "the head's weights must fit into this much memory, such as 8MiB");
    command->add_option("--server-memory", options->server_memory, "and the tail's into this much");
    command->add_option("--preprocess", options->preprocess,
                        "JSON file: how pictures become inputs, for offloading 8-bit pixels");
}

}  // namespace breakeven::cli
