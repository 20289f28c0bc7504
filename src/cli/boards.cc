// `breakeven boards`: the memories of boards that are not at hand, and how the zoo's networks compare with them (the
// study's Table 5.1).
#include "breakeven/measure/boards.h"

#include <fmt/format.h>

#include "breakeven/model/cache_fit.h"
#include "breakeven/units/text.h"
#include "breakeven/zoo/zoo.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

std::string size_text(Bytes size) {
    return fmt::format("{} KiB", size.count() / 1024);
}

void run_list(const Shell& shell) {
    Json boards = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const Board& board : known_boards()) {
        Json levels = Json::array();
        std::string text;
        for (const CacheLevel& level : board.levels) {
            levels.push_back({{"level", level.name}, {"size_bytes", level.size.count()}});
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", level.name, size_text(level.size));
        }
        boards.push_back({{"name", board.name}, {"title", board.title}, {"levels", levels}, {"source", board.source}});
        rows.push_back({board.name, text});
    }
    shell.answer({{"boards", boards}},
                 table({"board", "memory"}, rows) + "sources: --json; `inspect NET --board BOARD`\n");
}

struct FitOptions {
    std::string board;
    int bits = 8;
};

void run_fit(const Shell& shell, const FitOptions& options) {
    const Board& board = known_board(options.board);
    std::vector<std::string> header{"network"};
    for (const CacheLevel& level : board.levels) header.push_back(level.name);
    Json networks = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const ZooNetwork& network : zoo_networks()) {
        std::vector<std::string> row{network.name};
        Json levels = Json::array();
        for (const CacheLevel& level : board.levels) {
            const double share = mean_layer_percent(
                {.parameters = network.parameters, .layers = network.keras_layers, .bits_a_weight = options.bits},
                level.size);
            row.push_back(fmt::format("{:.0f} %", share));
            levels.push_back({{"level", level.name}, {"mean_layer_percent", share}});
        }
        rows.push_back(std::move(row));
        networks.push_back({{"name", network.name}, {"levels", levels}});
    }
    shell.answer({{"board", board.name}, {"bits", options.bits}, {"networks", networks}},
                 fmt::format("Mean layer of each network at {} bits a weight, in % of {}'s memories\n", options.bits,
                             board.name) +
                     table(header, rows) + "a layer: one of Keras', with weights or without\n");
}

}  // namespace

void add_boards(CLI::App& app, Shell& shell) {
    CLI::App* boards = app.add_subcommand("boards", "memories of boards by name, and how networks compare with them");
    boards->require_subcommand(1);
    boards->footer("\nExample:\n  breakeven boards fit imx8mp");
    add_command(*boards, shell, "list", "the boards by name", "breakeven boards list", [&shell] { run_list(shell); });
    const auto options = std::make_shared<FitOptions>();
    CLI::App* fit =
        add_command(*boards, shell, "fit", "the zoo's networks against a board's memories (the study's Table 5.1)",
                    "breakeven boards fit imx8mp --bits 8", [&shell, options] { run_fit(shell, *options); });
    fit->add_option("BOARD", options->board, "one of `breakeven boards list`")->required();
    fit->add_option("--bits", options->bits, "of a weight")->check(CLI::Range(1, 64))->capture_default_str();
}

}  // namespace breakeven::cli
