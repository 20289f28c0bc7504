// model_file: see model_file.h.
#include "breakeven/files/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "breakeven/compress/pack.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/units/text.h"

namespace breakeven {

namespace {

namespace fs = std::filesystem;

/// Protobuf's own limit on one message.
constexpr Bytes file_size_max{std::numeric_limits<std::int32_t>::max()};

bool stays_inside(const fs::path& location) {
    return location.is_relative() && std::find(location.begin(), location.end(), "..") == location.end();
}

/// The file of external weights, links followed; it must lie in `folder`.
fs::path weights_file(const ExternalWeights& weights, const fs::path& folder, const std::string& model) {
    const std::string shown = printable(weights.location, 120);
    const fs::path location(weights.location);
    if (weights.location.find('\0') != std::string::npos || !stays_inside(location)) {
        throw bad_model(model,
                        fmt::format("its weights' file '{}' leaves the model's folder, which is not allowed", shown));
    }
    std::error_code error;
    const fs::path file = fs::canonical(folder / location, error);
    if (error) {
        throw bad_model(model, fmt::format("its weights' file '{}' is missing beside it ({}); it belongs in '{}'",
                                           shown, error.message(), folder.string()));
    }
    const auto [inside, rest] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
    if (inside != folder.end()) {
        throw bad_model(model, fmt::format("its weights' file '{}' is a link out of the model's folder, which is not "
                                           "allowed; put the file itself there",
                                           shown));
    }
    if (!fs::is_regular_file(file, error))
        throw bad_model(model, fmt::format("its weights' file '{}' is no file", shown));
    return file;
}

/// Bytes of all external weights.
Bytes check_external(const Model& model, const fs::path& folder) {
    Bytes total;
    for (const ExternalWeights& weights : model.external_weights()) {
        const fs::path file = weights_file(weights, folder, model.name());
        const auto available = static_cast<std::int64_t>(fs::file_size(file));
        const std::int64_t needed = weights.size_needed.value_or(weights.size.value_or(Bytes())).count();
        if (weights.offset.count() > available || needed > available - weights.offset.count()) {
            throw bad_model(
                model.name(),
                fmt::format("weight '{}' needs {} bytes from byte {} of '{}', which has {}; was it cut short?",
                            printable(weights.tensor, 80), needed, weights.offset.count(),
                            printable(weights.location, 120), available));
        }
        total += Bytes(needed);
    }
    return total;
}

}  // namespace

ModelFile load_model(const fs::path& path) {
    const std::string name = path.stem().string();
    const Bytes memory = memory_limit();
    std::string bytes = read_file(path, file_size_max);
    const bool packed = is_packed(bytes);
    if (packed) bytes = unpack(bytes, name, {.size = std::min(file_size_max, Bytes(memory.count() / 3))});
    const auto too_large = [&](Bytes needed) {
        return bad_model(
            name, fmt::format("it needs at least {} of memory, this machine has {}", to_text(needed), to_text(memory)));
    };
    // The bytes, and the graph made from them.
    const Bytes file_size(static_cast<std::int64_t>(bytes.size()));
    if (file_size * 2 > memory) throw too_large(file_size * 2);
    Model model = Model::parse(bytes, name, ParseLimits{.memory = Bytes(memory.count() / 2)});

    if (packed && !model.external_weights().empty()) {
        throw bad_model(name, "it is packed, but its weights lie in other files, which engines then cannot find");
    }
    std::error_code error;
    const fs::path folder = fs::canonical(path.has_parent_path() ? path.parent_path() : fs::path("."), error);
    const Bytes external = check_external(model, folder);
    if (file_size * 2 + external > memory) throw too_large(file_size * 2 + external);
    // From a file: where more files belong to it, and what engines read from files alone.
    const bool beside = !model.external_weights().empty() || (model.format() == ModelFormat::tflite && !packed);
    ModelImage image{.name = name,
                     .bytes = std::move(bytes),
                     .path = beside ? folder / path.filename() : fs::path(),
                     .sha256 = model.facts().sha256};
    return {std::move(model), std::move(image)};
}

}  // namespace breakeven
