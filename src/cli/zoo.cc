// `breakeven zoo list`, `breakeven zoo build`: the studies' networks.
#include "cli/zoo.h"

#include <fmt/format.h>

#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/units/text.h"
#include "breakeven/zoo/trained_weights.h"
#include "breakeven/zoo/zoo.h"

namespace breakeven::cli {
namespace {

void run_list(const Shell& shell) {
    Json networks = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const ZooNetwork& network : zoo_networks()) {
        networks.push_back({{"name", network.name},
                            {"input", network.input.shape},
                            {"parameters", network.parameters},
                            {"keras_layers", network.keras_layers}});
        rows.push_back({network.name, to_text(network.input.shape), fmt::format("{}", network.parameters),
                        fmt::format("{}", network.keras_layers)});
    }
    shell.answer(
        {{"networks", networks}},
        table({"network", "input", "parameters", "Keras layers"}, rows) +
            "Built with seeded weights, untrained: what they cost is real, what they\nanswer means nothing.\n");
}

struct BuildOptions {
    std::string name;
    std::string output;
    std::string weights;
    std::uint64_t seed = 0;
};

void run_build(const Shell& shell, const BuildOptions& options) {
    Model model = build_network(options.name, options.seed);
    const bool trained = !options.weights.empty();
    if (trained) model = with_trained_weights(model, load_model(options.weights).model);
    const ModelImage image = image_of(model);
    write_file(options.output, image.bytes);
    shell.answer(
        {{"network", options.name},
         {"file", options.output},
         {"file_bytes", image.bytes.size()},
         {"sha256", image.sha256},
         {"seed", options.seed},
         {"parameters", model.facts().parameters}},
        fmt::format("{}: {} parameters, {}; {} written\n", options.output, model.facts().parameters,
                    trained ? "weights of " + options.weights : fmt::format("seed {}, untrained", options.seed),
                    to_text(Bytes(static_cast<std::int64_t>(image.bytes.size())))));
}

}  // namespace

void add_zoo(CLI::App& app, Shell& shell) {
    CLI::App* zoo = app.add_subcommand("zoo", "the studies' networks, built with seeded weights");
    zoo->footer("\nExample:\n  breakeven zoo build mobilenet-v1-128 -o mobilenet.onnx");
    zoo->require_subcommand(1);
    add_command(*zoo, shell, "list", "the networks by name, with their sizes", "breakeven zoo list",
                [&shell] { run_list(shell); });

    const auto options = std::make_shared<BuildOptions>();
    CLI::App* build = add_command(*zoo, shell, "build", "writes a network as an ONNX file",
                                  "breakeven zoo build mobilenet-v1-128 -o mobilenet.onnx --seed 7",
                                  [&shell, options] { run_build(shell, *options); });
    build->add_option("name", options->name, "one of `breakeven zoo list`")->required();
    build->add_option("-o,--output", options->output, "the file to write")->required();
    build->add_option("--weights", options->weights, "an ONNX file with trained weights that match by shape and order");
    build->add_option("--seed", options->seed, "for the weights; the same seed gives the same bytes anywhere")
        ->capture_default_str();
    add_zoo_variants(*zoo, shell);
}

}  // namespace breakeven::cli
