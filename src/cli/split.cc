// `breakeven split`: a network in two files, cut where asked or where it pays most on a link.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/split_times.h"
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

Json candidate_json(const SplitCandidate& candidate, Origin device) {
    return {{"cut", candidate.cut},
            {"bytes_up", candidate.payload.up.count()},
            {"bytes_down", candidate.payload.down.count()},
            {"latency", latency_json(candidate.measured, device, Origin::measured)},
            {"predicted", latency_json(candidate.predicted, Origin::modelled, Origin::modelled)},
            {"prediction_error", candidate.prediction_error()}};
}

std::string decision(const SplitTimes& times, const std::string& link) {
    const SplitCandidate& split = times.candidates.front();
    const Unsplit& rival = times.best_unsplit();
    const std::string what = rival.kind == "local" ? "all on the device" : rival.kind;
    if (times.pays()) {
        return fmt::format("Split at '{}' over {}: {}, where {} takes {}.\n", cut_text(split.cut, 60), link,
                           to_text(split.measured.total()), what, to_text(rival.measured.total()));
    }
    return fmt::format("Do not split over {}: {} takes {}, the best split {}.\n", link, what,
                       to_text(rival.measured.total()), to_text(split.measured.total()));
}

std::string times_text(const SplitTimes& times, const std::string& link) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const std::string& what, const Payload& payload, const SplitLatency& latency) {
        rows.push_back({what, to_text(payload.up), to_text(latency.head), to_text(latency.transfer),
                        to_text(latency.tail), to_text(latency.total())});
    };
    for (const Unsplit& unsplit : times.unsplit) add(unsplit.kind, unsplit.payload, unsplit.measured);
    for (const SplitCandidate& candidate : times.candidates) {
        add(cut_text(candidate.cut, 22), candidate.payload, candidate.measured);
        rows.back().push_back(fmt::format("{:+.0f} %", 100.0 * candidate.prediction_error()));
    }
    return decision(times, link) + "\n" +
           table({"cut at", "sends", "device", "link", "server", "total", "predicted"}, rows) +
           "predicted: how far multiply-adds alone would have put the computing off the measured parts\n";
}

Bytes crossing_size(const Parts& parts) {
    Bytes total;
    for (const TensorSpec& spec : parts.crossing) total += size_of(with_batch(spec, 1)).value_or(Bytes());
    return total;
}

SplitTimes measured(Shell& shell, const Options& options, const ModelFile& model) {
    Engines engines = make_engines(shell);
    SplitTimesRequest request{.link = read_link(options.link),
                              .slowdown = options.slowdown,
                              .platform = parse_platform(options.platform),
                              .runs = options.runs,
                              .candidates_max = options.candidates,
                              .preprocess = {},
                              .cut = options.at};
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
    SplitTimes times = measure_splits(model, request, tools);
    shell.progress_done();
    return times;
}

void run_split(Shell& shell, const Options& options) {
    if (options.at.empty() && options.link.empty()) {
        throw Error(ErrorKind::usage, "split '" + options.model + "'",
                    "say where (--at TENSOR), or across which link it should pay (--link wifi)");
    }
    if (options.link.empty() && options.output.empty()) {
        throw Error(ErrorKind::usage, "split '" + options.model + "'", "say into which folder (-o DIR)");
    }
    const ModelFile model = load_model(options.model);
    std::optional<SplitTimes> times;
    if (!options.link.empty()) times = measured(shell, options, model);
    const std::vector<std::string>& cut = times ? times->candidates.front().cut : options.at;
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
        for (const std::string& warning : times->warnings) shell.note("warning: " + warning);
        for (const Unsplit& unsplit : times->unsplit) {
            answer["unsplit"].push_back({{"kind", unsplit.kind},
                                         {"bytes_up", unsplit.payload.up.count()},
                                         {"bytes_down", unsplit.payload.down.count()},
                                         {"latency", latency_json(unsplit.measured, device, Origin::measured)}});
        }
        for (const SplitCandidate& candidate : times->candidates) {
            answer["candidates"].push_back(candidate_json(candidate, device));
        }
        text = times_text(*times, options.link) + (files ? "\n" : "");
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
    command->add_option("--preprocess", options->preprocess,
                        "JSON file: how pictures become inputs, for offloading 8-bit pixels");
}

}  // namespace breakeven::cli
