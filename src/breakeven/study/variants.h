// Variants of a study: the networks of a folder, what each is, and how its layers fit this machine's caches.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "breakeven/measure/caches.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

/// One file of a folder that `zoo variants` made.
struct VariantFile {
    std::filesystem::path path;
    std::string sha256;
    std::string zoo;  ///< "mobilenet-v1-32"
    Variant known;    ///< network, side, recipe, sizes, agreement: what the manifest says
};

/// In the thesis' order: by network, then size, then form. Throws Error{input} for a folder without a manifest or with
/// files missing.
std::vector<VariantFile> variant_files(const std::filesystem::path& folder);

/// With what only the file itself tells: layers, multiply-adds, cache fit.
Variant looked_into(const VariantFile& file, const Caches& caches);

nlohmann::ordered_json to_json(const Variant& variant);
Variant variant_from(const nlohmann::ordered_json& json);

}  // namespace breakeven
