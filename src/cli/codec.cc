// `breakeven codec u8`: a model that takes 8-bit pixels, for any server.
#include <fmt/format.h>

#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/units/text.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

using namespace literals;

/// A preprocess.json is some lines long.
constexpr Bytes preprocess_size_max = 1_MiB;

struct Options {
    std::string model;
    std::string output;
    std::string preprocess;
};

/// Weights in other files are named relative to the model: the new one has to stand beside them.
void check_folder(const ModelFile& file, const std::filesystem::path& output) {
    if (file.model.external_weights().empty()) return;
    std::error_code error;
    const auto folder = output.has_parent_path() ? output.parent_path() : std::filesystem::path(".");
    if (std::filesystem::equivalent(folder, file.image.path.parent_path(), error)) return;
    throw Error(ErrorKind::usage, fmt::format("write '{}'", output.string()),
                fmt::format("the model's weights lie in other files; write it into their folder, '{}'",
                            file.image.path.parent_path().string()));
}

void run_u8(const Shell& shell, const Options& options) {
    const ModelFile file = load_model(options.model);
    check_folder(file, options.output);
    const Preprocess preprocess =
        options.preprocess.empty()
            ? preprocess_of(file.model)
            : parse_preprocess(read_file(options.preprocess, preprocess_size_max), options.preprocess);
    const Model coded = with_u8_input(file.model, preprocess);
    const std::string bytes = coded.serialized();
    write_file(options.output, bytes);
    const TensorSpec& input = coded.inputs().front();
    const auto floats = size_of(with_batch(file.model.inputs().front(), 1));
    const auto pixels = size_of(with_batch(input, 1));
    shell.answer(
        {{"codec", "u8"},
         {"file", options.output},
         {"file_bytes", bytes.size()},
         {"sha256", coded.facts().sha256},
         {"input", {{"name", input.name}, {"dtype", name(input.dtype)}, {"shape", input.shape}}},
         {"input_bytes", pixels ? Json(pixels->count()) : Json(nullptr)}},
        fmt::format(
            "{}: takes '{}' as uint8 {}{}\n", options.output, input.name, to_text(input.shape),
            floats && pixels ? fmt::format(", {} a picture instead of {}", to_text(*pixels), to_text(*floats)) : ""));
}

}  // namespace

void add_codec(CLI::App& app, Shell& shell) {
    CLI::App* codec = app.add_subcommand("codec", "changes how a network's input crosses a link");
    codec->footer("\nExample:\n  breakeven codec u8 mobilenet.onnx -o mobilenet-u8.onnx");
    codec->require_subcommand(1);
    const auto options = std::make_shared<Options>();
    CLI::App* u8 =
        add_command(*codec, shell, "u8", "a model that takes 8-bit pixels: cast and normalisation move into it",
                    "breakeven codec u8 mobilenet.onnx -o mobilenet-u8.onnx --preprocess preprocess.json",
                    [&shell, options] { run_u8(shell, *options); });
    u8->add_option("model", options->model, "an ONNX file whose input is a picture")->required();
    u8->add_option("-o,--output", options->output, "the file to write")->required();
    u8->add_option(
        "--preprocess", options->preprocess,
        "how pixels become numbers (preprocess.json); default: what the model's metadata says, else as they are");
}

}  // namespace breakeven::cli
