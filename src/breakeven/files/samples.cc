// Samples: see samples.h.
#include "breakeven/files/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/rows.h"
#include "breakeven/tensor/image.h"
#include "breakeven/tensor/npy.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using namespace literals;

constexpr Bytes sample_size_max = 256_MiB;  ///< what a message may carry, too
constexpr Bytes labels_size_max = 64_MiB;   ///< a million rows
constexpr Bytes preprocess_size_max = 64_KiB;

std::string lower_extension(const fs::path& file) {
    std::string extension = file.extension().string();
    std::ranges::transform(extension, extension.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return extension;
}

bool is_sample(const fs::path& file) {
    const std::string extension = lower_extension(file);
    return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".npy" ||
           extension == ".bin";
}

std::vector<SampleFile> listed(const fs::path& folder) {
    std::vector<SampleFile> samples;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
        if (is_sample(entry->path()) && entry->is_regular_file(failed)) {
            samples.push_back({.file = entry->path().filename().string(), .label = {}});
        }
    }
    if (failed) throw Error(ErrorKind::input, fmt::format("read samples in '{}'", folder.string()), failed.message());
    std::ranges::sort(samples, {}, &SampleFile::file);
    return samples;
}

}  // namespace

std::vector<SampleFile> parse_labels(std::string_view text, std::string_view subject) {
    std::vector<SampleFile> samples;
    each_row(text, subject, "file,label", [&](const std::vector<std::string>& fields, const std::string& attempt) {
        samples.push_back({.file = row_file(fields.at(0), attempt), .label = row_label(fields.at(1), attempt)});
    });
    return samples;
}

Preprocess read_preprocess(const fs::path& file) {
    return parse_preprocess(read_file(file, preprocess_size_max), fmt::format("'{}'", file.string()));
}

SampleFolder read_sample_folder(const fs::path& folder) {
    const std::string attempt = fmt::format("read samples in '{}'", folder.string());
    std::error_code failed;
    if (!fs::is_directory(folder, failed)) throw Error(ErrorKind::input, attempt, "there is no such folder");
    SampleFolder result{
        .folder = folder, .samples = {}, .labelled = fs::exists(folder / "labels.csv", failed), .preprocess = {}};
    if (result.labelled) {
        const fs::path labels = folder / "labels.csv";
        result.samples = parse_labels(read_file(labels, labels_size_max), fmt::format("'{}'", labels.string()));
    } else {
        result.samples = listed(folder);
    }
    const bool boxes_name_files = !result.labelled && fs::exists(folder / "boxes.csv", failed);
    if (result.samples.empty() && !boxes_name_files) {
        throw Error(ErrorKind::input, attempt,
                    result.labelled ? "labels.csv has no rows" : "it holds no .jpg, .png, .npy or .bin file");
    }
    if (fs::exists(folder / "preprocess.json", failed)) result.preprocess = read_preprocess(folder / "preprocess.json");
    return result;
}

Tensor read_input(const fs::path& file, const TensorSpec& spec, const Preprocess& preprocess) {
    const std::string content = read_file(file, sample_size_max);
    const std::span<const std::byte> bytes = std::as_bytes(std::span(content));
    const std::string extension = lower_extension(file);
    std::optional<Tensor> array;
    if (extension == ".npy") array = parse_npy(bytes, fmt::format("'{}'", file.string()));
    try {
        if (array) return preprocess_array(*array, spec, preprocess);
        if (extension == ".bin") return preprocess_raw(bytes, spec, preprocess);
        if (image_format(bytes) == ImageFormat::none) {
            throw Error(ErrorKind::input, "recognise it",
                        "it is no JPEG or PNG, and its name ends in neither .npy nor .bin");
        }
        return preprocess_image(decode_image(bytes), spec, preprocess);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("read '{}'", file.string()), error.what());
    }
}

Tensor read_sample(const SampleFolder& folder, const SampleFile& sample, const TensorSpec& spec,
                   const Preprocess& preprocess) {
    const fs::path file = folder.folder / sample.file;
    std::error_code failed;
    const fs::path real = fs::canonical(file, failed);
    if (failed) throw Error(ErrorKind::input, fmt::format("read '{}'", file.string()), failed.message());
    const fs::path inside = real.lexically_relative(fs::canonical(folder.folder, failed));
    if (failed || !stays_inside(inside)) {
        throw Error(ErrorKind::input, fmt::format("read '{}'", file.string()), "a link leads out of the folder");
    }
    return read_input(file, spec, preprocess);
}

std::vector<std::string> read_class_names(const fs::path& file) {
    const std::string text = read_file(file, labels_size_max);
    std::vector<std::string> names;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string name = text.substr(at, end - at);
        if (name.ends_with('\r')) name.pop_back();
        names.push_back(std::move(name));
        at = end + 1;
    }
    return names;
}

}  // namespace breakeven
