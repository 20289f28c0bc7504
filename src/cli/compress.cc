// `breakeven compress`: a smaller or faster variant of a network, and what it buys.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/compression.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/samples.h"
#include "breakeven/measure/caches.h"
#include "breakeven/units/text.h"
#include "cli/compress_forms.h"
#include "cli/engines.h"
#include "cli/figures.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string output;
    std::string recipe;
    double sparsity = 0.5;
    std::size_t clusters = 16;
    std::optional<double> keep;
    std::string fit;
    std::string reconstruction = "least-squares";
    std::string search = "exact";
    std::string scales = "channel";
    bool depthwise = false;
    std::string calibration;
    std::size_t samples = 100;
    std::string method = "auto";
    std::string activations = "unsigned";
    std::string weights = "per-channel";
    int weight_bits = 8;
    std::string forms;
    std::string bias_correction = "local";
    bool equalize = false;
    bool no_fold = false;
    std::string data;
    std::size_t limit = 500;
    std::optional<double> drop_max;
    std::string preprocess;
    std::string platform = "cpu:1";
    std::size_t runs = 60;
};

/// The value that stands for a word; the words were checked by the parser.
template <class T>
T chosen(const std::string& word, std::initializer_list<std::pair<std::string_view, T>> values) {
    return std::ranges::find(values, word, &std::pair<std::string_view, T>::first)->second;
}

/// "L2": of this machine; or a size.
Bytes fit_of(const std::string& text) {
    for (const auto& cache : this_machines_caches().levels) {
        if (cache.name == text) return cache.size;
    }
    return parse_bytes(text, "--fit");
}

RecipeOptions recipe_options(const Options& options) {
    RecipeOptions made;
    const auto depthwise = options.depthwise ? DepthwiseKernels::change : DepthwiseKernels::leave;
    made.prune.sparsity = options.sparsity;
    made.prune.depthwise = depthwise;
    made.prune.reconstruction =
        chosen<Reconstruction>(options.reconstruction, {{"none", Reconstruction::none},
                                                        {"bias", Reconstruction::bias},
                                                        {"least-squares", Reconstruction::least_squares}});
    if (made.prune.reconstruction != Reconstruction::least_squares) made.prune.choice = PruneChoice::magnitude;
    made.cluster.clusters = options.clusters;
    made.cluster.search =
        chosen<ClusterSearch>(options.search, {{"linear", ClusterSearch::linear}, {"exact", ClusterSearch::exact}});
    made.cluster.depthwise = depthwise;
    // Where samples tell, errors count as the layer's answers feel them, and layers make up for them: on trained
    // networks that keeps 2 to 57 points.
    const bool looks = !options.calibration.empty() && made.cluster.search == ClusterSearch::exact;
    if (looks) {
        made.cluster.weighting = ClusterWeighting::curvature;
        made.cluster.reconstruction = made.prune.reconstruction;
        made.cluster.scales = chosen<ClusterScales>(
            options.scales, {{"channel", ClusterScales::channel}, {"layer", ClusterScales::layer}});
    }
    // Whoever asks for a size alone sees what the size buys alone.
    made.channels.keep = options.keep.value_or(options.fit.empty() ? 0.7 : 1.0);
    if (!options.fit.empty()) made.channels.fit = fit_of(options.fit);
    if (options.recipe.find('Q') != std::string::npos) made.channels.weight_size = Bytes(1);
    made.quantize.activations = chosen<ActivationForm>(
        options.activations, {{"unsigned", ActivationForm::unsigned_8}, {"signed", ActivationForm::signed_8}});
    made.quantize.weight_scales = chosen<WeightScales>(
        options.weights, {{"per-channel", WeightScales::per_channel}, {"per-tensor", WeightScales::per_tensor}});
    made.quantize.weight_bits = options.weight_bits == 7 ? WeightBits::seven : WeightBits::eight;
    made.quantize.bias_correction = chosen<BiasCorrection>(
        options.bias_correction,
        {{"off", BiasCorrection::off}, {"local", BiasCorrection::local}, {"sequential", BiasCorrection::sequential}});
    made.quantize.calibration.method =
        chosen<CalibrationMethod>(options.method, {{"auto", CalibrationMethod::automatic},
                                                   {"min-max", CalibrationMethod::min_max},
                                                   {"percentile", CalibrationMethod::percentile},
                                                   {"mse", CalibrationMethod::squared_error},
                                                   {"kl", CalibrationMethod::divergence}});
    made.quantize.equalize = options.equalize;
    made.quantize.fold = !options.no_fold;
    made.drop_points_max = options.drop_max;
    return made;
}

Json figures_json(const FormFigures& form) {
    return {{"parameters", form.parameters},
            {"nonzero", form.nonzero},
            {"file_bytes", form.file_size.count()},
            {"packed_bytes", form.packed_size.count()},
            {"latency", to_json(form.latency)},
            {"top1", form.top1 ? Json(share(*form.top1).in(of_one)) : Json(nullptr)}};
}

double difference_of(const Disagreement& counts) {
    return static_cast<double>(counts.only_second_right - counts.only_first_right) / static_cast<double>(counts.total);
}

Json comparison_json(const std::optional<Comparison>& comparison) {
    if (!comparison) return nullptr;
    Json json{{"n", comparison->second.n}, {"agreement", share(comparison->agreement).in(of_one)}};
    if (const auto& disagreement = comparison->disagreement) {
        const auto interval = paired_difference_interval(*disagreement);
        json["difference"] = difference_of(*disagreement);
        json["difference_ci95"] = {interval.low.in(of_one), interval.high.in(of_one)};
    }
    return json;
}

Json document(const CompressionResult& result, const std::string& recipe) {
    Json steps = Json::array();
    for (const RecipeStep& step : result.compressed.steps) {
        steps.push_back({{"letter", std::string(1, step.letter)},
                         {"what", step.what},
                         {"left_alone", step.left_alone},
                         {"parameters", step.parameters},
                         {"nonzero", step.nonzero},
                         {"file_bytes", step.file_size.count()}});
    }
    Json sensitivity = Json::array();
    for (const LayerSensitivity& layer : result.compressed.sensitivities) {
        sensitivity.push_back({{"layer", layer.layer}, {"output_sqnr_db", layer.output_sqnr_db}});
    }
    return {{"recipe", recipe},
            {"steps", steps},
            {"parameters", result.after.parameters},
            {"nonzero", result.after.nonzero},
            {"file_bytes", result.after.file_size.count()},
            {"packed_bytes", result.after.packed_size.count()},
            {"before", figures_json(result.before)},
            {"after", figures_json(result.after)},
            {"comparison", comparison_json(result.comparison)},
            {"untrained", result.is_untrained},
            {"calibration_samples", result.calibration_samples},
            {"sensitivity", sensitivity},
            {"kept_float", result.compressed.kept_float},
            {"floor_holds", result.compressed.floor_holds},
            {"warnings", result.warnings}};
}

std::string accuracy_text(const CompressionResult& result, const FormFigures& form, bool is_after) {
    if (form.top1) return fmt::format("{:.1f} %", share(*form.top1).in(percent));
    if (!is_after || !result.comparison) return "-";
    return fmt::format("{:.1f} % agree", share(result.comparison->agreement).in(percent));
}

std::string headline(const CompressionResult& result, const std::string& recipe) {
    const FormFigures& a = result.before;
    const FormFigures& b = result.after;
    std::string text = fmt::format("{}: packed {:.1f} times smaller", recipe, a.file_size / b.packed_size);
    if (a.latency && b.latency) text += fmt::format(", {:.2f} times as fast", a.latency->p50 / b.latency->p50);
    if (result.comparison && result.comparison->disagreement) {
        const auto interval = paired_difference_interval(*result.comparison->disagreement);
        text += fmt::format(", top-1 {:+.1f} points ({:+.1f} to {:+.1f})",
                            100.0 * difference_of(*result.comparison->disagreement), interval.low.in(percent),
                            interval.high.in(percent));
    }
    return text + "\n";
}

std::string text_of(const CompressionResult& result, const std::string& recipe) {
    std::string text = headline(result, recipe) + "\n";
    for (const RecipeStep& step : result.compressed.steps) {
        text += fmt::format("{}  {}\n", step.letter, step.what);
        for (const std::string& line : step.left_alone) text += fmt::format("   left alone: {}\n", line);
    }
    const auto row = [&](const std::string& name, const FormFigures& form, bool is_after) {
        return std::vector<std::string>{name,
                                        fmt::format("{}", form.nonzero),
                                        to_text(form.file_size),
                                        to_text(form.packed_size),
                                        form.latency ? to_text(form.latency->p50) : "-",
                                        accuracy_text(result, form, is_after)};
    };
    text += "\n" + table({"", "nonzero", "file", "packed", "latency", "top-1"},
                         {row("as given", result.before, false), row(recipe, result.after, true)});
    if (!result.compressed.sensitivities.empty()) {
        text += "\nlayers that suffer most in 8 bits (signal to noise of the answers):\n";
        std::vector<std::vector<std::string>> rows;
        for (const LayerSensitivity& layer : result.compressed.sensitivities) {
            if (rows.size() == 5) break;
            const bool kept =
                std::ranges::find(result.compressed.kept_float, layer.layer) != result.compressed.kept_float.end();
            rows.push_back(
                {"  " + layer.layer, fmt::format("{:.1f} dB", layer.output_sqnr_db), kept ? "stays in float" : ""});
        }
        text += table({"", "", ""}, rows).substr(1);
    }
    if (!result.compressed.floor_holds)
        text += "the accuracy floor does not hold, not even with every layer in float\n";
    if (result.is_untrained && result.comparison) {
        text += "agreement with the network as given, without labels or with seeded weights: no accuracy\n";
    }
    return text;
}

void run_compress(Shell& shell, const Options& options) {
    parse_recipe(options.recipe);
    const ModelFile model = load_model(options.model);
    (void)model.model.proto();  // what has no graph to change is told before anything runs
    const Engines engines = make_engines(shell);
    CompressionRequest request{.recipe = options.recipe,
                               .options = recipe_options(options),
                               .calibration = {},
                               .calibration_samples = options.samples,
                               .data = {},
                               .data_limit = options.limit,
                               .preprocess = {},
                               .platform = parse_platform(options.platform),
                               .runs = options.runs};
    if (!options.calibration.empty()) request.calibration = options.calibration;
    if (!options.data.empty()) request.data = options.data;
    if (!options.preprocess.empty()) request.preprocess = read_preprocess(options.preprocess);
    shell.progress("first contact with the model, in a child process");
    try {
        first_contact(shell, engines.version(request.platform)).with(options.model, model.image, request.platform);
    } catch (const Error& error) {
        if (request.calibration || request.data || options.recipe.find_first_of("SQ") != std::string::npos) throw;
        // Operators that no engine here knows pass through: weights can be changed without running the network.
        shell.note(fmt::format("warning: neither speed nor accuracy is measured: {}", error.what()));
        request.runs = 0;
    }
    CompressionTools tools{.engines = engines,
                           .clock = shell.clock,
                           .progress = [&shell](const std::string& line) { shell.progress(line); },
                           .stop = &interrupted()};
    std::optional<FormsTried> tried;
    if (!options.forms.empty()) tried = try_number_forms(model, request, tools);
    const CompressionResult result = tried ? tried->forms[tried->best].result : compress_model(model, request, tools);
    write_file(options.output, result.compressed.model.serialized());
    shell.progress_done();
    for (const std::string& warning : result.warnings) shell.note("warning: " + warning);
    Json answer = document(result, options.recipe);
    std::string text = text_of(result, options.recipe);
    if (tried) {
        write_forms(*tried, model.image.name, options.forms);
        answer["forms"] = forms_json(*tried, model.image.name, options.forms);
        text += forms_text(*tried, request.platform);
    }
    shell.answer(answer, text + fmt::format("\nwritten: {}\n", options.output));
    if (!result.compressed.floor_holds) shell.status = ExitStatus::no;
    if (interrupted()) shell.status = ExitStatus::interrupted;
}

}  // namespace

void add_compress(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(app, shell, "compress", "a smaller or faster variant of a network, and what it buys",
                    "breakeven compress net.onnx -o net-pq.onnx --recipe PQ --calibration pictures --data labelled",
                    [&shell, options] { run_compress(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx file")->required();
    command->add_option("-o,--output", options->output, "the file for the variant")->required();
    command
        ->add_option("--recipe", options->recipe,
                     "letters in order of application: P prunes weights, W clusters them, S removes channels, Q makes "
                     "8-bit integers")
        ->required();
    command->add_option(
        "--calibration", options->calibration,
        "folder of samples, labels not needed: pictures, .npy or .bin; Q and S need it, P and W profit");
    command->add_option("--samples", options->samples, "how many of them, spread evenly")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100000}))
        ->capture_default_str();
    command->add_option("--data", options->data,
                        "folder with labels.csv: the accuracy of both; calibrating samples left out");
    command->add_option("--limit", options->limit, "at most so many of those; 0: all")->capture_default_str();
    command->add_option("--max-drop", options->drop_max,
                        "with Q: the most sensitive layers stay in float until at most so many points are lost");
    command->add_option("--sparsity", options->sparsity, "P: share of each layer's weights that becomes zero")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    command
        ->add_option("--reconstruction", options->reconstruction,
                     "P, W: what the other weights do about it, where samples tell")
        ->check(CLI::IsMember({"none", "bias", "least-squares"}))
        ->capture_default_str();
    command->add_option("--clusters", options->clusters, "W: values that a layer's weights share")
        ->check(CLI::Range(std::size_t{2}, std::size_t{256}))
        ->capture_default_str();
    command->add_option("--cluster-search", options->search, "W: linear as the study's tool, or the exact optimum")
        ->check(CLI::IsMember({"linear", "exact"}))
        ->capture_default_str();
    command
        ->add_option("--cluster-scales", options->scales,
                     "W, with samples: what multiplies the shared values, one number a channel or one a layer")
        ->check(CLI::IsMember({"channel", "layer"}))
        ->capture_default_str();
    command->add_flag("--depthwise", options->depthwise, "P, W: depthwise kernels too");
    command->add_option("--keep", options->keep, "S: share of the work that is kept; 0.7, or with --fit all that fits")
        ->check(CLI::Range(0.05, 1.0));
    command->add_option("--fit", options->fit,
                        "S: each layer's weights shall fit this cache level (L2) or size (512KiB)");
    command->add_option("--calibrate", options->method, "Q: how ranges are found")
        ->check(CLI::IsMember({"auto", "min-max", "percentile", "mse", "kl"}))
        ->capture_default_str();
    command->add_option("--activations", options->activations, "Q: bytes of activations; x86 is quick with unsigned")
        ->check(CLI::IsMember({"unsigned", "signed"}))
        ->capture_default_str();
    command->add_option("--weights", options->weights, "Q: scales of weights")
        ->check(CLI::IsMember({"per-channel", "per-tensor"}))
        ->capture_default_str();
    command->add_option("--weight-bits", options->weight_bits, "Q: 7 for x86 without VNNI, where 8 may overflow")
        ->check(CLI::IsMember({7, 8}))
        ->capture_default_str();
    command->add_option("--forms", options->forms,
                        "Q: try the forms of integers on --platform, keep them in this folder, write the fastest that "
                        "the engine computes rightly");
    command->add_option("--bias-correction", options->bias_correction, "Q: the shift that rounding makes")
        ->check(CLI::IsMember({"off", "local", "sequential"}))
        ->capture_default_str();
    command->add_flag("--equalize", options->equalize, "Q: rescale channels of neighbouring layers against each other");
    command->add_flag("--no-fold", options->no_fold, "leave batch norms as they are");
    command->add_option("--preprocess", options->preprocess, "JSON file: how pictures become inputs");
    command->add_option("--platform", options->platform, "on which speed is measured")->capture_default_str();
    command->add_option("--runs", options->runs, "inferences measured for each form")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
        ->capture_default_str();
}

}  // namespace breakeven::cli
