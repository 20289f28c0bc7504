// `breakeven evaluate`: how often a network is right on labelled data, how sure that is, and whether another differs.
#include <fmt/format.h>

#include "breakeven/files/samples.h"
#include "breakeven/measure/accuracy.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/loaded.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string data;
    std::string preprocess;
    std::string against;
    Place place;
    std::int64_t top = 5;
    std::size_t limit = 0;
};

double number(Probability of) {
    return of.in(of_one);
}
std::string percent_text(Probability of) {
    return fmt::format("{:.1f} %", of.in(percent));
}
Json interval_json(const Interval<Probability>& of) {
    return {number(of.low), number(of.high)};
}
std::string interval_text(const Tally& tally) {
    const Interval<Probability> interval = wilson_interval(tally);
    return fmt::format("{:.1f} to {:.1f}", interval.low.in(percent), interval.high.in(percent));
}

bool is_untrained(const Loaded& loaded) {
    return loaded.model && loaded.model->metadata("breakeven.weights") == "seeded";
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

/// Evenly spread over the folder, which is often sorted by class.
std::vector<SampleFile> limited(const std::vector<SampleFile>& samples, std::size_t limit) {
    if (limit == 0 || limit >= samples.size()) return samples;
    std::vector<SampleFile> chosen;
    for (std::size_t i = 0; i < limit; ++i) chosen.push_back(samples[i * samples.size() / limit]);
    return chosen;
}

void run_evaluate(Shell& shell, const Options& options) {
    const SampleFolder folder = read_sample_folder(options.data);
    if (!folder.labelled && options.against.empty()) {
        throw Error(
            ErrorKind::input, fmt::format("evaluate on '{}'", options.data),
            "there is no labels.csv, and without labels there is no accuracy; --against MODEL reports agreement");
    }
    const std::vector<SampleFile> samples = limited(folder.samples, options.limit);
    const Engines engines = make_engines(shell);
    const Loaded loaded = load(shell, engines, options.model, options.place);
    std::optional<Loaded> against;
    if (!options.against.empty()) {
        against = load(shell, engines, options.against, {.platform = options.place.platform, .server = {}});
    }
    const bool folder_says = options.preprocess.empty() && folder.preprocess.has_value();
    const Preprocess preprocess = folder_says ? *folder.preprocess : preprocess_for(loaded, options.preprocess);

    AccuracyTask task{
        .labels = {},
        .input = [&](std::size_t i,
                     const TensorSpec& spec) { return read_sample(folder, samples[i], spec, preprocess); },
        .label_offset = preprocess.label_offset,
        .top = options.top};
    for (const SampleFile& sample : samples) task.labels.push_back(sample.label);
    const auto progress = [&](std::size_t done, const Evaluation& so_far) {
        const Accuracy& accuracy = result_of(so_far).model;
        shell.progress(fmt::format("{} of {} samples{}", done, samples.size(),
                                   accuracy.top1 ? ", top-1 " + percent_text(share(*accuracy.top1)) : ""));
        return interrupted() ? Onwards::stop : Onwards::go_on;
    };
    const Evaluation evaluation =
        evaluate(task, against ? *against->runner : *loaded.runner, against ? loaded.runner.get() : nullptr, progress);
    shell.progress_done();

    const Result result = result_of(evaluation);
    const bool untrained = !folder.labelled || is_untrained(loaded) || (against && is_untrained(*against));
    const std::string where = to_text(loaded.platform);
    Json document{{"model", loaded.name}, {"data", options.data}, {"where", where}, {"n", result.model.n}};
    add_accuracy(document, result.model);
    document["untrained"] = untrained;
    std::string text = text_of(result, untrained);
    if (against) {
        document["against"] = against_json(result, against->name);
        text += against_text(result, against->name);
    }
    text += fmt::format("{} of {} samples in {}, on {}\n", result.model.n, folder.samples.size(), options.data, where);
    shell.answer(document, text);
    if (interrupted()) shell.status = ExitStatus::interrupted;
}

}  // namespace

void add_evaluate(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "evaluate", "how often a network is right on labelled data",
                                    "breakeven evaluate mobilenet-pq.onnx --data imagenet-500 --against mobilenet.onnx",
                                    [&shell, options] { run_evaluate(shell, *options); });
    command->add_option("MODEL", options->model, "an .onnx file, or with --server the name of a network there")
        ->required();
    command->add_option("--data", options->data, "folder of pictures, .npy or .bin files with labels.csv (file,label)")
        ->required();
    command->add_option("--preprocess", options->preprocess,
                        "preprocess.json (default: the folder's, else what the model says, else pixels 0 to 255)");
    command->add_option("--against", options->against, "another network, run here on the same samples");
    add_place_options(*command, options->place);
    command->add_option("--top", options->top, "a label counts as found among so many best classes")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000}))
        ->capture_default_str();
    command->add_option("--limit", options->limit,
                        "only so many samples, spread evenly over the folder (default: all)");
}

}  // namespace breakeven::cli
