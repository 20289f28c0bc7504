// `breakeven zoo variants`: the study's networks, each as given, pruned and quantized (PQ), and clustered between
// (PWQ).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <thread>

#include "breakeven/advise/variant_set.h"
#include "breakeven/error.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/units/text.h"
#include "breakeven/zoo/synthetic.h"
#include "breakeven/zoo/zoo.h"
#include "cli/engines.h"
#include "cli/interrupt.h"
#include "cli/version.h"
#include "cli/zoo.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string folder;
    std::vector<std::string> networks;
    std::vector<std::string> recipes{"PQ", "PWQ"};
    std::uint64_t seed = 0;
    std::string calibration;
    std::size_t samples = 50;
    std::size_t compared = 50;
    std::string reconstruction = "none";
    std::string search = "linear";
    std::string platform;
};

/// Frennborn & Oliv 2022, Table 2.1: what has their top of 100 classes.
bool is_of_the_study(const ZooNetwork& network) {
    const auto family = [&](std::string_view name) { return network.name.starts_with(name); };
    return family("mobilenet-v1-") || family("resnet50-") || family("vgg16-") || family("inception-v3-");
}

/// Operations grow with the picture and with the weights that are laid on every place of it.
double work_of(const ZooNetwork& network) {
    double places = 1.0;
    for (std::size_t i = 2; i < network.input.shape.size(); ++i) {
        places *= static_cast<double>(network.input.shape[i]) / 128.0;
    }
    return static_cast<double>(network.parameters) * 1e-6 * (0.2 + places);
}

std::vector<NetworkToBuild> networks_of(const Options& options) {
    std::vector<NetworkToBuild> chosen;
    std::vector<std::string> known;
    for (const ZooNetwork& network : zoo_networks()) {
        if (!is_of_the_study(network)) continue;
        known.push_back(network.name);
        if (!options.networks.empty() && std::ranges::find(options.networks, network.name) == options.networks.end()) {
            continue;
        }
        chosen.push_back({.name = network.name, .work = work_of(network), .build = [&options, name = network.name] {
                              return build_network(name, options.seed);
                          }});
    }
    for (const std::string& name : options.networks) {
        if (std::ranges::find(known, name) != known.end()) continue;
        throw Error(ErrorKind::usage, fmt::format("build variants of network '{}'", name),
                    fmt::format("it is none of the study's: {}", fmt::join(known, ", ")));
    }
    return chosen;
}

/// Half of a folder calibrates at most, the rest compares; a folder is opened once a network, whose pictures have its
/// own size.
class FolderSamples {
   public:
    FolderSamples(std::filesystem::path folder, std::size_t calibrating, std::size_t compared)
        : folder_(std::move(folder)), calibrating_(calibrating), compared_(compared) {
        const DataSet all(folder_, Preprocess{});
        calibrating_ = std::min(calibrating_, std::max<std::size_t>(all.size() / 2, 1));
        compared_ = std::min(compared_, all.size() - std::min(calibrating_, all.size()));
    }

    std::size_t calibrating() const { return calibrating_; }
    std::size_t compared() const { return compared_; }
    Tensor calibrating(const Model& network, std::size_t index) {
        return sets(network).calibrating.input(index, with_batch(network.inputs().front(), 1));
    }
    Tensor compared(const Model& network, std::size_t index) {
        return sets(network).compared.input(index, with_batch(network.inputs().front(), 1));
    }

   private:
    struct Sets {
        DataSet calibrating;
        DataSet compared;
    };
    const Sets& sets(const Model& network) {
        const auto known = sets_.find(network.name());
        if (known != sets_.end()) return known->second;
        const DataSet all(folder_, preprocess_of(network));
        const DataSet calibrating = all.limited(calibrating_);
        return sets_.emplace(network.name(), Sets{calibrating, all.without(calibrating).limited(compared_)})
            .first->second;
    }

    std::filesystem::path folder_;
    std::size_t calibrating_;
    std::size_t compared_;
    std::map<std::string, Sets> sets_;
};

void add_samples(VariantSetRequest& request, const Options& options) {
    if (options.calibration.empty()) {
        const auto stream = [seed = options.seed](std::uint64_t number) {
            return [seed, number](const Model& network, std::size_t index) {
                return synthetic_picture(with_batch(network.inputs().front(), 1),
                                         {.seed = 2 * seed + number, .index = index});
            };
        };
        request.calibration = {.count = options.samples, .at = stream(0)};
        request.comparison = {.count = options.compared, .at = stream(1)};
        return;
    }
    const auto folder = std::make_shared<FolderSamples>(options.calibration, options.samples, options.compared);
    request.calibration = {.count = folder->calibrating(), .at = [folder](const Model& network, std::size_t index) {
                               return folder->calibrating(network, index);
                           }};
    request.comparison = {.count = folder->compared(), .at = [folder](const Model& network, std::size_t index) {
                              return folder->compared(network, index);
                          }};
}

RecipeOptions recipe_options(const Options& options) {
    RecipeOptions made;
    made.sensitivity = SensitivityStudy::left_out;
    // As the study's tool; what else we could do keeps the accuracy of trained weights, and these are not.
    made.quantize.calibration.method = CalibrationMethod::min_max;
    made.quantize.bias_correction = BiasCorrection::off;
    made.prune.reconstruction = options.reconstruction == "least-squares" ? Reconstruction::least_squares
                                : options.reconstruction == "bias"        ? Reconstruction::bias
                                                                          : Reconstruction::none;
    if (made.prune.reconstruction != Reconstruction::least_squares) made.prune.choice = PruneChoice::magnitude;
    made.cluster.search = options.search == "linear" ? ClusterSearch::linear : ClusterSearch::exact;
    return made;
}

std::string default_platform() {
    return fmt::format("cpu:{}", std::clamp(std::thread::hardware_concurrency(), 1U, 16U));
}

Json document(const Options& options, const VariantSetResult& result) {
    Json json = Json::parse(variant_manifest_text(result.manifest));
    return {{"folder", options.folder}, {"complete", result.is_complete},  {"total", result.total},
            {"built", result.built},    {"settings", json.at("settings")}, {"variants", json.at("variants")}};
}

std::string text_of(const Options& options, const VariantSetResult& result) {
    std::string text = fmt::format("{}: {} of {} variants, {} of them built now\n\n", options.folder,
                                   result.manifest.variants.size(), result.total, result.built);
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, Bytes> given;
    for (const BuiltVariant& variant : result.manifest.variants) {
        if (variant.recipe.empty()) given[variant.network] = variant.file_size;
    }
    for (const BuiltVariant& variant : result.manifest.variants) {
        const auto float_file = given.find(variant.network);
        rows.push_back(
            {variant.name, to_text(variant.file_size), to_text(variant.packed_size),
             float_file == given.end() ? "-" : fmt::format("{:.1f}x", float_file->second / variant.packed_size),
             fmt::format("{:.2f} M", static_cast<double>(variant.nonzero) * 1e-6),
             variant.agreement ? fmt::format("{:.0f} %", share(*variant.agreement).in(percent)) : "-",
             variant.output_sqnr_db ? fmt::format("{:.1f}", *variant.output_sqnr_db) : "-",
             fmt::format("{:.0f} s", variant.took.count())});
    }
    text += table({"variant", "file", "packed", "smaller", "nonzero", "agrees", "dB", "took"}, rows);
    if (!result.is_complete) text += "\nstopped: the same command goes on where it ended\n";
    return text +
           "\nSeeded weights, untrained: sizes are real; `agrees` is how often the class of\nthe float network comes "
           "first, no accuracy; dB: signal to noise of its logits.\n`smaller`: the packed file against the float "
           "file.\n";
}

VariantSetResult build(const Shell& shell, const Engines& engines, const Options& options) {
    const std::string platform = options.platform.empty() ? default_platform() : options.platform;
    VariantSetRequest request{.folder = options.folder,
                              .networks = networks_of(options),
                              .recipes = options.recipes,
                              .options = recipe_options(options),
                              .calibration = {},
                              .comparison = {},
                              .settings = {},
                              .platform = parse_platform(platform)};
    add_samples(request, options);
    request.settings = {{"weights", "seeded"},
                        {"seed", fmt::format("{}", options.seed)},
                        {"calibration", options.calibration.empty() ? "synthetic pictures" : options.calibration},
                        {"calibration_samples", fmt::format("{}", request.calibration.count)},
                        {"compared_samples", fmt::format("{}", request.comparison.count)},
                        {"P", fmt::format("half of each layer's weights, {}",
                                          options.reconstruction == "least-squares" ? "second-order" : "the smallest")},
                        {"P_reconstruction", options.reconstruction},
                        {"W", fmt::format("16 values a layer, {}", options.search)},
                        {"Q", "8 bits, a scale for each output channel, unsigned activations, ranges min-max"}};
    const VariantSetTools tools{
        .engines = engines,
        .clock = shell.clock,
        .progress =
            [&shell](const VariantSetProgress& p) {
                shell.progress(fmt::format("{} of {}{}, {}", p.done, p.total,
                                           p.left ? fmt::format(", about {} left", to_text(*p.left)) : "", p.what));
            },
        .stop = &interrupted()};
    VariantSetResult result = build_variants(request, tools);
    shell.progress_done();
    return result;
}

void run_variants(Shell& shell, const Options& options) {
    const Engines engines = make_engines(shell);
    const VariantSetResult result = build(shell, engines, options);
    shell.answer(document(options, result), text_of(options, result));
    if (!result.is_complete) shell.status = ExitStatus::interrupted;
}

}  // namespace

bool build_study_variants(const Shell& shell, const Engines& engines, const std::filesystem::path& folder,
                          const std::vector<std::string>& networks) {
    Options options;
    options.folder = folder.string();
    options.networks = networks;
    return build(shell, engines, options).is_complete;
}

void add_zoo_variants(CLI::App& zoo, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(zoo, shell, "variants",
                    "the study's 33 variants in one folder: 11 networks, each as given, PQ and PWQ; run it again and "
                    "it goes on where it ended",
                    "breakeven zoo variants -o variants", [&shell, options] { run_variants(shell, *options); });
    command->add_option("-o,--output", options->folder, "the folder; manifest.json in it tells what each file is")
        ->required();
    command->add_option("--networks", options->networks, "only these, by the names of `breakeven zoo list`")
        ->delimiter(',');
    command->add_option("--recipes", options->recipes, "the forms besides the network as given")
        ->delimiter(',')
        ->capture_default_str();
    command->add_option("--seed", options->seed, "for the weights and the synthetic samples")->capture_default_str();
    command->add_option("--calibration", options->calibration,
                        "folder of pictures (default: synthetic ones, seeded; the weights are untrained, so pictures "
                        "mean no more to them)");
    command->add_option("--samples", options->samples, "that calibrate")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100000}))
        ->capture_default_str();
    command->add_option("--compared", options->compared, "other samples, on which agreement is counted")
        ->check(CLI::Range(std::size_t{0}, std::size_t{100000}))
        ->capture_default_str();
    command
        ->add_option("--reconstruction", options->reconstruction,
                     "P: what becomes of the weights that stay; least-squares takes hours for the large ones")
        ->check(CLI::IsMember({"none", "bias", "least-squares"}))
        ->capture_default_str();
    command->add_option("--cluster-search", options->search, "W: linear as the study's tool, or the exact optimum")
        ->check(CLI::IsMember({"linear", "exact"}))
        ->capture_default_str();
    command->add_option("--platform", options->platform, "where networks run (default: cpu with all threads)");
}

}  // namespace breakeven::cli
