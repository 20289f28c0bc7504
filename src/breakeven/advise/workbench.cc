// Workbench: see workbench.h.
#include "breakeven/advise/workbench.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/model/tflite.h"
#include "breakeven/session/split.h"

namespace breakeven {
namespace {

std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "breakeven-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        throw Error(ErrorKind::unavailable, fmt::format("make a temporary folder '{}'", name), std::strerror(errno));
    }
    return name;
}

/// The file under another name without copying its bytes where the file system allows.
void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code failed;
    std::filesystem::create_directories(to.parent_path());
    std::filesystem::create_hard_link(std::filesystem::canonical(from), to, failed);
    if (failed) std::filesystem::copy_file(from, to, failed);
    if (failed) {
        throw Error(ErrorKind::unavailable, fmt::format("copy '{}' to '{}'", from.string(), to.string()),
                    failed.message());
    }
}

Bytes total_size(const OffloadForm& form, const std::vector<TensorSpec>& specs) {
    Bytes total;
    for (const TensorSpec& spec : specs) {
        const std::optional<Bytes> size = size_of(with_batch(spec, 1));
        if (!size) {
            throw Error(ErrorKind::unsupported, fmt::format("tell what offloading '{}' moves", form.name),
                        fmt::format("'{}' has open dimensions beyond the first: {}", spec.name, to_text(spec.shape)));
        }
        total += *size;
    }
    return total;
}

}  // namespace

Workbench::Workbench(const ModelFile& model, const std::optional<Preprocess>& preprocess)
    : folder_(make_folder()), repository_(folder_ / "repository") {
    std::filesystem::create_directory(repository_);
    add_as_given(model);
    add_pixels(model, preprocess);
}

Workbench::~Workbench() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void Workbench::add_as_given(const ModelFile& model) {
    const std::string& name = model.image.name;
    const bool tflite = model.model.format() == ModelFormat::tflite;
    const std::filesystem::path path = repository_ / (name + (tflite ? ".tflite" : ".onnx"));
    if (is_in_one_file(model.image)) {
        write_file(path, model.image.bytes);
    } else {
        link_or_copy(model.image.path, path);
        for (const ExternalWeights& weights : model.model.external_weights()) {
            const std::filesystem::path to = repository_ / weights.location;
            if (!std::filesystem::exists(to)) link_or_copy(model.image.path.parent_path() / weights.location, to);
        }
    }
    forms_.push_back(
        {.name = name, .codec = "raw", .path = path, .inputs = model.model.inputs(), .outputs = model.model.outputs()});
}

void Workbench::add_pixels(const ModelFile& model, const std::optional<Preprocess>& preprocess) {
    try {
        const Model pixels = with_u8_input(model.model, preprocess ? *preprocess : preprocess_of(model.model));
        const std::string name = model.image.name + "-u8";
        const std::filesystem::path path = repository_ / (name + ".onnx");
        write_file(path, pixels.serialized());
        forms_.push_back(
            {.name = name, .codec = "u8", .path = path, .inputs = pixels.inputs(), .outputs = pixels.outputs()});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input && error.kind() != ErrorKind::unsupported) throw;
        no_pixels_reason_ = error.what();
    }
}

Bytes Workbench::add_tail(const ModelFile& whole, const std::vector<std::string>& cut) {
    const ModelImage image = tail_image(split_at(whole.model, cut), whole);
    const std::filesystem::path path = repository_ / (image.name + ".onnx");
    if (!std::filesystem::exists(path)) write_file(path, image.bytes);
    return Bytes(static_cast<std::int64_t>(image.bytes.size()));
}

std::filesystem::path Workbench::write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    write_file(path, text);
    return path;
}

Payload payload_of(const OffloadForm& form) {
    return {.up = total_size(form, form.inputs), .down = total_size(form, form.outputs)};
}

}  // namespace breakeven
