// `breakeven pack MODEL -o FILE.bkv` and `breakeven unpack FILE.bkv -o MODEL`: a model in fewer bytes, and back.
#include "breakeven/compress/pack.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/model/tflite.h"
#include "breakeven/units/text.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string output;
};

Bytes length(const std::string& bytes) {
    return Bytes(static_cast<std::int64_t>(bytes.size()));
}

std::string_view words(PackedKind kind) {
    switch (kind) {
        case PackedKind::codes: return "few values, coded";
        case PackedKind::integers: return "integers";
        case PackedKind::floats: return "floating point";
        case PackedKind::sparse: return "many zeros";
        case PackedKind::rest: return "everything else";
    }
    return "";
}

void run_pack(const Shell& shell, const Options& options) {
    const ModelFile file = load_model(options.model);
    if (!is_in_one_file(file.image)) {
        throw bad_model(file.model.name(),
                        "its weights lie in other files, and a packed model is one file; save it with its weights "
                        "inside");
    }
    const std::string& model = file.image.bytes;
    const Packed packed = pack(model);
    BREAKEVEN_ASSERT(unpack(packed.bytes, file.model.name(), {.size = length(model)}) == model);
    write_file(options.output, packed.bytes);

    const Bytes size = length(model);
    const Bytes packed_size = length(packed.bytes);
    Json parts = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const PackedPart& part : packed.parts) {
        parts.push_back({{"kind", name(part.kind)},
                         {"tensors", part.tensors},
                         {"file_bytes", part.size.count()},
                         {"packed_bytes", part.packed_size.count()}});
        rows.push_back({std::string(words(part.kind)), part.tensors > 0 ? std::to_string(part.tensors) : "",
                        to_text(part.size), to_text(part.packed_size),
                        fmt::format("{:.2f}", part.size / part.packed_size)});
    }
    rows.push_back({"all", "", to_text(size), to_text(packed_size), fmt::format("{:.2f}", size / packed_size)});
    shell.answer({{"file", options.output},
                  {"sha256", file.image.sha256},
                  {"file_bytes", size.count()},
                  {"packed_bytes", packed_size.count()},
                  {"parts", std::move(parts)}},
                 fmt::format("{}: {}, {:.1f} times smaller; it unpacks to the same {}, every bit\n\n{}", options.output,
                             to_text(packed_size), size / packed_size, to_text(size),
                             table({"", "tensors", "in the model", "packed", "times smaller"}, rows)));
}

void run_unpack(const Shell& shell, const Options& options) {
    const ModelFile file = load_model(options.model);
    write_file(options.output, file.image.bytes);
    const Bytes size = length(file.image.bytes);
    shell.answer({{"file", options.output}, {"sha256", file.image.sha256}, {"file_bytes", size.count()}},
                 fmt::format("{}: {}\n", options.output, to_text(size)));
}

}  // namespace

void add_pack(CLI::App& app, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(app, shell, "pack", "a model in fewer bytes, nothing lost: a .bkv file",
                    "breakeven pack vgg16-pwq.onnx -o vgg16-pwq.bkv", [&shell, options] { run_pack(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx file")->required();
    command->add_option("-o,--output", options->output, "the file to write; commands take it like an .onnx file")
        ->required();
}

void add_unpack(CLI::App& app, Shell& shell) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "unpack", "the .onnx file that was packed, every bit",
                                    "breakeven unpack vgg16-pwq.bkv -o vgg16-pwq.onnx",
                                    [&shell, options] { run_unpack(shell, *options); });
    command->add_option("FILE", options->model, "what `breakeven pack` wrote")->required();
    command->add_option("-o,--output", options->output, "the .onnx file to write")->required();
}

}  // namespace breakeven::cli
