// `breakeven inspect MODEL`: what is in a network. A child process looks: ONNX's library may crash on a hostile graph.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "breakeven/engine/child_process.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/boards.h"
#include "breakeven/measure/caches.h"
#include "breakeven/model/cache_fit.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/measure_answer.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string board;
    std::string platform;
    bool all = false;
    bool here = false;
};

/// With a platform the network is loaded there, which some accelerators take minutes for.
constexpr Seconds time_to_read{60.0}, time_to_load{600.0};

constexpr std::size_t layers_shown = 20;
constexpr std::size_t cuts_shown = 8;
constexpr std::size_t name_length_max = 26;  // so that a table fits 80 columns
constexpr std::size_t operator_length_max = 18;

template <class T>
Json or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    if constexpr (std::is_same_v<T, Bytes>) {
        return value->count();
    } else {
        return *value;
    }
}

Json specs_json(const std::vector<TensorSpec>& specs) {
    Json list = Json::array();
    for (const TensorSpec& spec : specs) {
        list.push_back({{"name", spec.name}, {"dtype", name(spec.dtype)}, {"shape", spec.shape}});
    }
    return list;
}

Json model_json(const Model& model) {
    const ModelFacts& facts = model.facts();
    Json json{{"name", model.name()},
              {"sha256", facts.sha256},
              {"opset", facts.opset},
              {"ir_version", facts.ir_version},
              {"parameters", facts.parameters},
              {"weight_bytes", facts.weight_size.count()},
              {"macs", or_null(facts.macs)},
              {"nodes", facts.nodes},
              {"inputs", specs_json(facts.inputs)},
              {"outputs", specs_json(facts.outputs)}};
    json["weights"] = model.metadata("breakeven.weights").value_or("given");
    return json;
}

/// How many nodes a platform takes, where one was asked for and its engine tells.
struct Placed {
    Platform platform;
    std::optional<Placement> placement;

    std::string reason() const {
        if (placement) return "";
        return to_text(platform) + (platform.unit == "cpu" ? " is a processor: it takes every node"
                                                           : " does not tell which nodes it takes");
    }
};

std::optional<Placed> placed(const Shell& shell, const ModelImage& image, const std::string& platform) {
    if (platform.empty()) return std::nullopt;
    const Platform where = parse_platform(platform);
    const Engines engines = make_engines(shell);
    return Placed{.platform = where, .placement = engines.load(image, where, {})->placement()};
}

Json document(const Model& model, const std::vector<Cut>& cuts, const Caches& caches,
              const std::optional<Placed>& placed) {
    Json layers = Json::array();
    for (const Layer& layer : model.layers()) {
        layers.push_back({{"name", layer.name},
                          {"op", layer.op},
                          {"parameters", layer.parameters},
                          {"macs", or_null(layer.macs)},
                          {"output_bytes", or_null(layer.output_size)}});
    }
    Json fits = Json::array();
    for (const CacheLevel& level : caches.levels) {
        const auto fit = cache_fit(model, level.size);
        fits.push_back({{"level", level.name},
                        {"size_bytes", level.size.count()},
                        {"mean_layer_percent", fit ? Json(fit->mean_layer_percent) : Json(nullptr)},
                        {"fitting_percent", fit ? Json(fit->fitting_percent) : Json(nullptr)}});
    }
    Json list = Json::array();
    for (const Cut& cut : cuts) {
        list.push_back({{"layers_before", cut.layers_before}, {"tensors", cut.tensors}, {"bytes", or_null(cut.size)}});
    }
    Json json{{"model", model_json(model)}, {"layers", layers}, {"cache_fit", fits}};
    if (caches.levels.empty()) json["cache_fit_reason"] = caches.reason;
    json["cuts"] = list;
    if (placed) {
        json["platform"] = to_text(placed->platform);
        json["placement"] = placement_json(placed->placement);
        json["placement_reason"] = placed->placement ? Json(nullptr) : Json(placed->reason());
    }
    return json;
}

std::string grouped(std::int64_t number) {
    std::string text = fmt::format("{}", number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), ",");
    }
    return text;
}

std::string count_text(const std::optional<std::int64_t>& count) {
    if (!count) return "?";
    const auto number = static_cast<double>(*count);
    if (number >= 1e9) return fmt::format("{:.3g} G", number / 1e9);
    if (number >= 1e6) return fmt::format("{:.3g} M", number / 1e6);
    return number >= 1e4 ? fmt::format("{:.3g} k", number / 1e3) : fmt::format("{}", *count);
}

std::string size_text(const std::optional<Bytes>& size) {
    return size ? to_text(*size) : "?";
}

/// The end of a name tells more than its beginning.
std::string shortened(const std::string& text, std::size_t length_max) {
    if (text.size() <= length_max) return text;
    std::size_t from = text.size() - length_max + 2;
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xc0U) == 0x80U) ++from;
    return ".." + text.substr(from);
}

std::string spec_line(const char* what, const TensorSpec& spec) {
    return fmt::format("  {:<8} {} {} {}, {} a sample\n", what, shortened(spec.name, name_length_max), name(spec.dtype),
                       to_text(spec.shape), size_text(size_of(with_batch(spec, 1))));
}

std::string placed_text(const Placed& placed) {
    if (!placed.placement) return fmt::format("  {:<8} {}\n", "nodes", placed.reason());
    std::string text = to_text(*placed.placement);
    if (const std::size_t rest = text.find("; "); rest != std::string::npos) text.replace(rest, 2, "\n           ");
    return fmt::format("  {:<8} {}\n", "nodes", text);
}

std::string header(const Model& model) {
    const ModelFacts& facts = model.facts();
    std::string text = fmt::format("{}: {} parameters ({}), {} multiply-adds a sample\n", model.name(),
                                   grouped(facts.parameters), to_text(facts.weight_size), count_text(facts.macs));
    text += fmt::format("  {:<8} opset {}, {} nodes, sha256 {}\n", "graph", facts.opset, facts.nodes,
                        facts.sha256.substr(0, 12));
    if (model.metadata("breakeven.weights") == "seeded") {
        text += "  weights  seeded, untrained: what it costs is real, what it answers means nothing\n";
    }
    for (const TensorSpec& spec : facts.inputs) text += spec_line("input", spec);
    for (const TensorSpec& spec : facts.outputs) text += spec_line("output", spec);
    return text;
}

/// The layers to show, in the order of the graph: all of a small network, the heaviest of a large one.
std::vector<const Layer*> chosen_layers(const Model& model, bool all) {
    std::vector<const Layer*> layers;
    for (const Layer& layer : model.layers()) layers.push_back(&layer);
    if (all || layers.size() <= layers_shown) return layers;
    const auto heavier = [](const Layer* a, const Layer* b) {
        const auto weight = [](const Layer* layer) { return std::pair(layer->macs.value_or(0), layer->parameters); };
        return weight(a) > weight(b);
    };
    std::stable_sort(layers.begin(), layers.end(), heavier);
    layers.resize(layers_shown);
    std::sort(layers.begin(), layers.end());  // all point into one vector: back to the order of the graph
    return layers;
}

std::string layers_text(const Model& model, bool all) {
    std::vector<std::vector<std::string>> rows;
    const std::vector<const Layer*> layers = chosen_layers(model, all);
    std::int64_t shown = 0;
    for (const Layer* layer : layers) {
        rows.push_back({shortened(layer->name, name_length_max), shortened(layer->op, operator_length_max),
                        layer->parameters == 0 ? "-" : grouped(layer->parameters),
                        layer->macs == 0 ? "-" : count_text(layer->macs), size_text(layer->output_size)});
        shown += layer->macs.value_or(0);
    }
    std::string text = "\n" + table({"layer", "operator", "parameters", "multiply-adds", "output"}, rows);
    const std::size_t hidden = model.layers().size() - layers.size();
    if (hidden == 0) return text;
    const auto total = model.facts().macs.value_or(0);
    return text + fmt::format("{} lighter layers not shown{}; --all shows them\n", hidden,
                              total > 0 ? fmt::format(" (these do {:.1f} % of the multiply-adds)",
                                                      100.0 * static_cast<double>(shown) / static_cast<double>(total))
                                        : "");
}

/// Caches come in powers of two.
std::string cache_size_text(Bytes size) {
    constexpr std::int64_t mebi = 1 << 20;
    const bool large = size.count() >= mebi && size.count() % mebi == 0;
    return large ? fmt::format("{} MiB", size.count() / mebi) : fmt::format("{} KiB", size.count() / 1024);
}

std::string caches_text(const Model& model, const Caches& caches) {
    if (caches.levels.empty()) return "\nCache fit unknown: " + caches.reason + ".\n";
    std::vector<std::vector<std::string>> rows;
    for (const CacheLevel& level : caches.levels) {
        const auto fit = cache_fit(model, level.size);
        if (!fit) return "";
        rows.push_back({level.name, cache_size_text(level.size), fmt::format("{:.3g} %", fit->mean_layer_percent),
                        fmt::format("{:.0f} %", fit->fitting_percent)});
    }
    return "\n" + table({"cache", "size", "mean layer's weights", "layers that fit"}, rows);
}

/// The cuts that cross less than any before them: later ones never pay.
std::vector<Cut> best_cuts(const std::vector<Cut>& cuts) {
    std::vector<Cut> best;
    for (const Cut& cut : cuts) {
        if (cut.size && (best.empty() || *cut.size < *best.back().size)) best.push_back(cut);
    }
    if (best.size() > cuts_shown) best.erase(best.begin(), best.end() - static_cast<std::ptrdiff_t>(cuts_shown));
    return best;
}

std::string cuts_text(const Model& model, const std::vector<Cut>& cuts) {
    if (cuts.empty()) return "";
    std::vector<std::vector<std::string>> rows;
    for (const Cut& cut : best_cuts(cuts)) {
        const Layer& last = model.layers()[cut.layers_before - 1];
        const std::string more = cut.tensors.size() > 1 ? fmt::format(" +{}", cut.tensors.size() - 1) : "";
        rows.push_back({shortened(last.name, name_length_max),
                        fmt::format("{}/{}", cut.layers_before, model.layers().size()),
                        shortened(cut.tensors.front(), name_length_max - 4) + more, size_text(cut.size)});
    }
    if (rows.empty())
        return fmt::format("\n{} cuts, of unknown size: a shape inside depends on the input.\n", cuts.size());
    return fmt::format("\nCuts that cross least ({} in all)\n", cuts.size()) +
           table({"after", "layers", "what crosses", "size"}, rows);
}

void inspect_here(const Shell& shell, const Options& options) {
    const ModelFile file = load_model(options.model);
    const std::vector<Cut> cuts = file.model.cuts();
    const std::optional<Placed> nodes = placed(shell, file.image, options.platform);
    const Caches caches = options.board.empty() ? this_machines_caches()
                                                : Caches{.levels = known_board(options.board).levels, .reason = {}};
    if (shell.json) {
        shell.answer(document(file.model, cuts, caches, nodes), "");
        return;
    }
    shell.answer({}, header(file.model) + (nodes ? placed_text(*nodes) : "") + layers_text(file.model, options.all) +
                         caches_text(file.model, caches) + cuts_text(file.model, cuts));
}

void inspect(Shell& shell, const Options& options) {
    if (!options.board.empty()) known_board(options.board);  // a slip is told before long work
    if (!options.platform.empty() && parse_platform(options.platform).is_remote()) {
        throw Error(ErrorKind::usage, "look at nodes on " + options.platform, "a server does not tell where they run");
    }
    if (options.here) return inspect_here(shell, options);
    std::vector<std::string> command{shell.executable.string(), "inspect", "--here"};
    if (shell.json) command.emplace_back("--json");
    if (options.all) command.emplace_back("--all");
    if (!options.board.empty()) command.insert(command.end(), {"--board", options.board});
    if (!options.platform.empty()) command.insert(command.end(), {"--platform", options.platform});
    command.insert(command.end(), {"--", options.model});
    const ChildResult child = run_child(command, {.time = options.platform.empty() ? time_to_read : time_to_load});
    const std::string attempt = fmt::format("inspect '{}'", options.model);
    const std::string loading = options.platform.empty() ? "" : ", or loading it on " + options.platform + ",";
    if (child.signal) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("reading it{} ended in a {}; the file is damaged or hostile", loading,
                                signal_text(*child.signal)));
    }
    if (child.timed_out) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("reading it{} does not end; the file is damaged or hostile", loading));
    }
    fmt::print(stderr, "{}", child.errors);
    Shell plain = shell;  // the child has already chosen between text and JSON
    plain.json = false;
    plain.answer({}, child.output);
    shell.status = static_cast<ExitStatus>(child.exit_code);
}

}  // namespace

void add_inspect(CLI::App& app, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(app, shell, "inspect", "what is in a network: layers, weights, cuts",
                    "breakeven inspect mobilenet.onnx --all", [&shell, options] { inspect(shell, *options); });
    command->add_option("model", options->model, "an .onnx or .tflite file")->required();
    command->add_option("--board", options->board,
                        "how layers fit the memories of this board, not of this machine; `breakeven boards list`");
    command->add_option("--platform", options->platform,
                        "how many nodes this one takes, such as cuda:0 or xnnpack:2, and which fall back to the CPU");
    command->add_flag("--all", options->all, "every layer, not only the heaviest");
    command->add_flag("--here", options->here, "look in this process, not in a child")->group("");
}

}  // namespace breakeven::cli
