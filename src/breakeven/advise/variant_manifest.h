// The manifest of a folder of variants: what was built, how, and what came of it; manifest.json beside the files. A
// variant is finished when it stands here: files are written first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/stats/proportion.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// One network in one form, in a file.
struct BuiltVariant {
    std::string name;     ///< "mobilenet-v1-32-pq", and .onnx is its file
    std::string network;  ///< "mobilenet-v1-32"
    std::string recipe;   ///< "PQ"; empty: the network as given
    std::string sha256;
    Bytes file_size;
    Bytes packed_size;
    std::int64_t parameters = 0;
    std::int64_t nonzero = 0;
    bool is_untrained = true;
    Seconds took{};
    std::optional<Tally> agreement;        ///< with the network as given, on the same first class; nothing for itself
    std::optional<double> output_sqnr_db;  ///< of its logits, with those of the network as given as the signal
    std::optional<Tally> top1;             ///< where samples have labels and weights are trained
};

struct VariantManifest {
    /// What decides the files' bytes: seed, samples, options. Two folders are the same study when they are equal.
    std::map<std::string, std::string> settings;
    std::vector<BuiltVariant> variants;

    const BuiltVariant* find(const std::string& name) const;
};

inline constexpr const char* variant_manifest_name = "manifest.json";

/// Nothing where the folder has none. Throws Error{input} for one that cannot be read as such.
std::optional<VariantManifest> read_variant_manifest(const std::filesystem::path& folder);
void write_variant_manifest(const std::filesystem::path& folder, const VariantManifest& manifest);
/// The document that stands in the file: docs/schema/zoo_variants.json.
std::string variant_manifest_text(const VariantManifest& manifest);

}  // namespace breakeven
