// `breakeven evaluate`: how often a network is right on labelled data, how sure that is, and whether another differs.
// Detectors are held against boxes (evaluate_detector.cc prints their answer).
#include "cli/evaluate.h"

#include <fmt/format.h>

#include "breakeven/files/samples.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/measure/detector.h"
#include "cli/engines.h"
#include "cli/interrupt.h"
#include "cli/loaded.h"
#include "cli/security.h"
#include "cli/shell.h"

namespace breakeven::cli {

double number(Probability of) {
    return of.in(of_one);
}
std::string percent_text(Probability of) {
    return fmt::format("{:.1f} %", of.in(percent));
}
Json interval_json(const Interval<Probability>& of) {
    return {number(of.low), number(of.high)};
}

namespace {

struct Options {
    std::string model;
    std::string data;
    std::string preprocess;
    std::string against;
    std::string box_order;
    Place place;
    std::int64_t top = 5;
    std::size_t limit = 0;
};

std::string interval_text(const Tally& tally) {
    const Interval<Probability> interval = wilson_interval(tally);
    return fmt::format("{:.1f} to {:.1f}", interval.low.in(percent), interval.high.in(percent));
}

void add_accuracy(Json& json, const Accuracy& accuracy) {
    const std::string top_k = fmt::format("top{}", accuracy.top);
    json["top1"] = accuracy.top1 ? Json(number(share(*accuracy.top1))) : Json(nullptr);
    json[top_k] = accuracy.top_k ? Json(number(share(*accuracy.top_k))) : Json(nullptr);
    json["ci95"] = accuracy.top1 ? interval_json(wilson_interval(*accuracy.top1)) : Json(nullptr);
    json[top_k + "_ci95"] = accuracy.top_k ? interval_json(wilson_interval(*accuracy.top_k)) : Json(nullptr);
}

/// The model stands second in the comparison, so that its difference to what it is held against has the right sign.
struct Result {
    const Accuracy& model;
    const Accuracy* against = nullptr;
    const Comparison* comparison = nullptr;
};

Result result_of(const Evaluation& evaluation) {
    if (!evaluation.comparison) return {.model = evaluation.accuracy};
    return {
        .model = evaluation.comparison->second, .against = &evaluation.accuracy, .comparison = &*evaluation.comparison};
}

/// In parts of one: model minus the other.
double difference_of(const Disagreement& counts) {
    return static_cast<double>(counts.only_second_right - counts.only_first_right) / static_cast<double>(counts.total);
}

Json against_json(const Result& result, const std::string& name) {
    Json json{{"model", name},
              {"agreement", number(share(result.comparison->agreement))},
              {"agreement_ci95", interval_json(wilson_interval(result.comparison->agreement))}};
    if (!result.comparison->disagreement) return json;
    const Disagreement& disagreement = *result.comparison->disagreement;
    add_accuracy(json, *result.against);
    json["difference"] = difference_of(disagreement);
    json["difference_ci95"] = interval_json(paired_difference_interval(disagreement));
    json["mcnemar_p"] = number(mcnemar_p(disagreement));
    return json;
}

std::string against_text(const Result& result, const std::string& name) {
    const Tally& agreement = result.comparison->agreement;
    std::string text = fmt::format("against {}: the same class first on {} (95 % interval {})\n", name,
                                   percent_text(share(agreement)), interval_text(agreement));
    if (!result.comparison->disagreement) return text;
    const Disagreement& disagreement = *result.comparison->disagreement;
    const Interval<Probability> difference = paired_difference_interval(disagreement);
    const double p = number(mcnemar_p(disagreement));
    return text + fmt::format("  top-1 {:+.1f} points to its {} (95 % interval {:+.1f} to {:+.1f}), p = {:.2g}: {}\n",
                              100.0 * difference_of(disagreement), percent_text(share(*result.against->top1)),
                              difference.low.in(percent), difference.high.in(percent), p,
                              p < 0.05 ? "they differ" : "no difference shown");
}

std::string text_of(const Result& result, bool untrained) {
    std::string text;
    if (result.model.top1) {
        text =
            fmt::format("top-1 {} (95 % interval {}), top-{} {}\n", percent_text(share(*result.model.top1)),
                        interval_text(*result.model.top1), result.model.top, percent_text(share(*result.model.top_k)));
    }
    if (untrained) text += "untrained: no labels, or seeded weights; agreement is all that means something\n";
    return text;
}

struct Data {
    SampleFolder folder;
    std::optional<BoxedSamples> boxed;
};

Data read_data(const Options& options) {
    Data data{.folder = read_sample_folder(options.data), .boxed = {}};
    data.boxed = read_boxes(data.folder);
    if (!data.folder.labelled && !data.boxed && options.against.empty()) {
        throw Error(ErrorKind::input, fmt::format("evaluate on '{}'", options.data),
                    "there is no labels.csv (for detectors boxes.csv), and without labels there is no accuracy; "
                    "--against MODEL reports agreement");
    }
    return data;
}

void answer_classes(const Shell& shell, const Options& options, const SampleFolder& folder, const Evaluated& networks) {
    AccuracyTask task{.labels = {}, .input = {}, .label_offset = networks.preprocess.label_offset, .top = options.top};
    const std::vector<std::size_t> places = evenly_spread(folder.samples.size(), options.limit);
    for (const std::size_t place : places) task.labels.push_back(folder.samples[place].label);
    task.input = [&](std::size_t i, const TensorSpec& spec) {
        return read_sample(folder, folder.samples[places[i]], spec, networks.preprocess);
    };
    const auto progress = [&](std::size_t done, const Evaluation& so_far) {
        const Accuracy& accuracy = result_of(so_far).model;
        shell.progress(fmt::format("{} of {} samples{}", done, places.size(),
                                   accuracy.top1 ? ", top-1 " + percent_text(share(*accuracy.top1)) : ""));
        return interrupted() ? Onwards::stop : Onwards::go_on;
    };
    const Loaded& loaded = networks.model;
    const std::optional<Loaded>& against = networks.against;
    const Evaluation evaluation =
        evaluate(task, against ? *against->runner : *loaded.runner, against ? loaded.runner.get() : nullptr, progress);
    shell.progress_done();

    const Result result = result_of(evaluation);
    const bool untrained = !folder.labelled || is_untrained(networks);
    const std::string where = to_text(loaded.platform);
    Json document{{"model", loaded.name}, {"data", options.data}, {"where", where}, {"n", result.model.n}};
    add_accuracy(document, result.model);
    document["untrained"] = untrained;
    std::string text = text_of(result, untrained);
    if (const auto doubt = doubt_of_labels(result.model, task.label_offset)) shell.note("warning: " + *doubt);
    if (against) {
        document["against"] = against_json(result, against->name);
        text += against_text(result, against->name);
    }
    text += fmt::format("{} of {} samples in {}, on {}\n", result.model.n, folder.samples.size(), options.data, where);
    shell.answer(document, text);
}

void answer_boxes(const Shell& shell, const Options& options, const Data& data, const Evaluated& networks,
                  std::optional<BoxOrder> order) {
    const BoxedSamples& boxed = *data.boxed;
    const std::vector<std::size_t> places = evenly_spread(boxed.samples.size(), options.limit);
    DetectionTask task{.objects = {}, .input = {}, .label_offset = networks.preprocess.label_offset, .order = order};
    for (const std::size_t place : places) task.objects.push_back(boxed.objects[place]);
    task.input = [&](std::size_t i, const TensorSpec& spec) {
        return read_sample(data.folder, boxed.samples[places[i]], spec, networks.preprocess);
    };
    const auto progress = [&](std::size_t done) {
        shell.progress(fmt::format("{} of {} pictures", done, places.size()));
        return interrupted() ? Onwards::stop : Onwards::go_on;
    };
    const std::optional<Loaded>& against = networks.against;
    Runner& model = *networks.model.runner;
    // The model stands second, so that its difference to what it is held against has the right sign.
    const DetectionEvaluation evaluation =
        evaluate_detector(task, against ? *against->runner : model, against ? &model : nullptr, progress);
    shell.progress_done();
    answer_detector(shell, {.data = options.data, .pictures = boxed.samples.size()}, networks, evaluation);
}

void run_evaluate(Shell& shell, const Options& options) {
    Data data = read_data(options);
    const Engines engines = make_engines(shell);
    Evaluated networks{.model = load(shell, engines, options.model, options.place), .against = {}, .preprocess = {}};
    if (!options.against.empty()) {
        networks.against = load(shell, engines, options.against, {.platform = options.place.platform, .server = {}});
    }
    const bool folder_says = options.preprocess.empty() && data.folder.preprocess.has_value();
    networks.preprocess = folder_says ? *data.folder.preprocess : preprocess_for(networks.model, options.preprocess);

    std::optional<BoxOrder> order;
    if (options.box_order == "tlbr") order = BoxOrder::top_left_bottom_right;
    if (options.box_order == "ltrb") order = BoxOrder::left_top_right_bottom;
    const bool is_detector = detector_outputs(networks.model.runner->outputs(), order).has_value();
    if (is_detector && !data.boxed && !data.folder.labelled && networks.against) {
        data.boxed = BoxedSamples{.samples = data.folder.samples, .objects = {}};  // there is agreement only
        data.boxed->objects.resize(data.folder.samples.size());
    }
    if (is_detector && !data.boxed) {
        throw Error(ErrorKind::input, fmt::format("evaluate '{}' on '{}'", networks.model.name, options.data),
                    "it answers with boxes, and there is no boxes.csv (file,label,top,left,bottom,right)");
    }
    if (data.boxed && (is_detector || !data.folder.labelled)) {
        answer_boxes(shell, options, data, networks, order);
    } else {
        answer_classes(shell, options, data.folder, networks);
    }
    if (interrupted()) shell.status = ExitStatus::interrupted;
}

}  // namespace

bool is_untrained(const Evaluated& networks) {
    const auto seeded = [](const Loaded& loaded) { return loaded.model && is_untrained(*loaded.model); };
    return seeded(networks.model) || (networks.against && seeded(*networks.against));
}

void add_evaluate(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "evaluate", "how often a network is right on labelled data",
                                    "breakeven evaluate mobilenet-pq.onnx --data imagenet-500 --against mobilenet.onnx",
                                    [&shell, options] { run_evaluate(shell, *options); });
    command->add_option("MODEL", options->model, "an .onnx file, or with --server the name of a network there")
        ->required();
    command
        ->add_option("--data", options->data,
                     "folder of pictures, .npy or .bin files with labels.csv (file,label), or for detectors boxes.csv "
                     "(file,label,top,left,bottom,right in fractions of the picture)")
        ->required();
    command->add_option("--preprocess", options->preprocess,
                        "preprocess.json (default: the folder's, else what the model says, else pixels 0 to 255)");
    command->add_option("--against", options->against, "another network, run here on the same samples");
    add_place_options(*command, options->place);
    command->add_option("--top", options->top, "a label counts as found among so many best classes")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
        ->capture_default_str();
    command
        ->add_option("--box-order", options->box_order,
                     "what a detector's boxes hold: tlbr (top, left, bottom, right; default where it has an output "
                     "classes) or ltrb (left, top, right, bottom; default else)")
        ->check(CLI::IsMember({"tlbr", "ltrb"}));
    command->add_option("--limit", options->limit,
                        "only so many samples, spread evenly over the folder (default: all)");
    add_security_options(*command, shell);
    add_transport_option(*command, shell);
}

}  // namespace breakeven::cli
