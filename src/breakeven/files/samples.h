// Samples: a folder of pictures, .npy or .bin files for a network, with `labels.csv` (`file,label`) where they have
// labels and `preprocess.json` where they say how they become its input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/tensor/preprocess.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

struct SampleFile {
    std::string file;  ///< relative to its folder, and inside it
    std::optional<std::int64_t> label;
    friend bool operator==(const SampleFile&, const SampleFile&) = default;
};

struct SampleFolder {
    std::filesystem::path folder;
    std::vector<SampleFile> samples;  ///< in the order of labels.csv, else of their names
    bool labelled = false;
    std::optional<Preprocess> preprocess;
};

/// Throws Error{input}, naming the file and line of labels.csv that is wrong; also for a folder without samples, unless
/// a `boxes.csv` may name some (boxes.h).
SampleFolder read_sample_folder(const std::filesystem::path& folder);

/// The network's input from one sample. Throws Error{input} naming the file; links that leave the folder are refused.
Tensor read_sample(const SampleFolder& folder, const SampleFile& sample, const TensorSpec& spec,
                   const Preprocess& preprocess);

/// The network's input from any file: .npy and .bin by name, pictures by content.
Tensor read_input(const std::filesystem::path& file, const TensorSpec& spec, const Preprocess& preprocess);

Preprocess read_preprocess(const std::filesystem::path& file);

/// Rows of `file,label` below their header, for whoever has the text already; `subject` names it in messages.
std::vector<SampleFile> parse_labels(std::string_view text, std::string_view subject);

/// Class names, one a line.
std::vector<std::string> read_class_names(const std::filesystem::path& file);

}  // namespace breakeven
