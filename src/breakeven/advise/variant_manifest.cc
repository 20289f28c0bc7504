// The manifest of variants: see variant_manifest.h.
#include "breakeven/advise/variant_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/files/files.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;
using namespace literals;

constexpr Bytes manifest_size_max = 16_MiB;  ///< a few kilobytes are usual

Json tally_json(const std::optional<Tally>& tally, std::string_view share_name) {
    if (!tally) return nullptr;
    const Interval<Probability> interval = wilson_interval(*tally);
    return {{"n", tally->total},
            {"same", tally->right},
            {std::string(share_name), share(*tally).in(of_one)},
            {"ci95", {interval.low.in(of_one), interval.high.in(of_one)}}};
}

std::optional<Tally> tally_of(const Json& json) {
    if (json.is_null()) return std::nullopt;
    const Tally tally{.right = json.at("same").get<std::int64_t>(), .total = json.at("n").get<std::int64_t>()};
    if (tally.right < 0 || tally.total < 1 || tally.right > tally.total) throw std::out_of_range("a share beyond one");
    return tally;
}

Json variant_json(const BuiltVariant& variant) {
    return {{"name", variant.name},
            {"network", variant.network},
            {"recipe", variant.recipe},
            {"file", variant.name + ".onnx"},
            {"sha256", variant.sha256},
            {"file_bytes", variant.file_size.count()},
            {"packed_bytes", variant.packed_size.count()},
            {"parameters", variant.parameters},
            {"nonzero", variant.nonzero},
            {"untrained", variant.is_untrained},
            {"took_s", variant.took.count()},
            {"agreement", tally_json(variant.agreement, "share")},
            {"sqnr_db", variant.output_sqnr_db ? Json(*variant.output_sqnr_db) : Json(nullptr)},
            {"top1", tally_json(variant.top1, "share")}};
}

BuiltVariant variant_of(const Json& json) {
    BuiltVariant variant{.name = json.at("name").get<std::string>(),
                         .network = json.at("network").get<std::string>(),
                         .recipe = json.at("recipe").get<std::string>(),
                         .sha256 = json.at("sha256").get<std::string>(),
                         .file_size = Bytes(json.at("file_bytes").get<std::int64_t>()),
                         .packed_size = Bytes(json.at("packed_bytes").get<std::int64_t>()),
                         .parameters = json.at("parameters").get<std::int64_t>(),
                         .nonzero = json.at("nonzero").get<std::int64_t>(),
                         .is_untrained = json.at("untrained").get<bool>(),
                         .took = Seconds(json.at("took_s").get<double>()),
                         .agreement = tally_of(json.at("agreement")),
                         .output_sqnr_db = {},
                         .top1 = tally_of(json.at("top1"))};
    if (!json.at("sqnr_db").is_null()) variant.output_sqnr_db = json.at("sqnr_db").get<double>();
    return variant;
}

}  // namespace

const BuiltVariant* VariantManifest::find(const std::string& name) const {
    const auto found = std::ranges::find(variants, name, &BuiltVariant::name);
    return found == variants.end() ? nullptr : &*found;
}

std::optional<VariantManifest> read_variant_manifest(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / variant_manifest_name;
    std::error_code failed;
    if (!std::filesystem::exists(file, failed)) return std::nullopt;
    const std::string text = read_file(file, manifest_size_max);
    try {
        const Json json = Json::parse(text);
        VariantManifest manifest;
        for (const auto& [name, value] : json.at("settings").items()) {
            manifest.settings[name] = value.get<std::string>();
        }
        for (const Json& variant : json.at("variants")) manifest.variants.push_back(variant_of(variant));
        return manifest;
    } catch (const std::exception& error) {
        throw Error(
            ErrorKind::input, fmt::format("read '{}'", file.string()),
            fmt::format("it is no manifest of variants ({}); say another folder, or remove the file", error.what()));
    }
}

std::string variant_manifest_text(const VariantManifest& manifest) {
    Json variants = Json::array();
    for (const BuiltVariant& variant : manifest.variants) variants.push_back(variant_json(variant));
    return Json{{"settings", manifest.settings}, {"variants", variants}}.dump(2) + "\n";
}

void write_variant_manifest(const std::filesystem::path& folder, const VariantManifest& manifest) {
    write_file(folder / variant_manifest_name, variant_manifest_text(manifest));
}

}  // namespace breakeven
