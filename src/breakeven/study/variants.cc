// Variants of a study: see variants.h.
#include "breakeven/study/variants.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/variant_manifest.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/cache_fit.h"
#include "breakeven/thesis/published.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

/// Where the thesis has it; others come last, by name.
std::size_t place_of(const std::string& zoo) {
    const auto all = published_networks();
    return static_cast<std::size_t>(std::ranges::find(all, zoo, &PublishedNetwork::zoo) - all.begin());
}

VariantFile file_of(const std::filesystem::path& folder, const BuiltVariant& built) {
    VariantFile file{
        .path = folder / (built.name + ".onnx"), .sha256 = built.sha256, .zoo = built.network, .known = {}};
    if (!std::filesystem::exists(file.path)) {
        throw Error(ErrorKind::input, fmt::format("read the variants in '{}'", folder.string()),
                    fmt::format("'{}' is in the manifest but not there; build it again: breakeven zoo variants -o {}",
                                file.path.filename().string(), folder.string()));
    }
    const PublishedNetwork* printed = published_network(built.network);
    file.known.network = printed != nullptr ? printed->network : built.network;
    file.known.side = printed != nullptr ? printed->side : 0;
    file.known.recipe = built.recipe;
    file.known.parameters = built.parameters;
    file.known.file = built.file_size;
    file.known.packed = built.packed_size;
    if (built.agreement) file.known.agreement = share(*built.agreement).in(of_one);
    return file;
}

template <class T>
std::optional<T> maybe(const Json& json, const char* key) {
    return json.at(key).is_null() ? std::nullopt : std::optional(json.at(key).get<T>());
}

std::optional<Bytes> maybe_size(const Json& json, const char* key) {
    const auto count = maybe<std::int64_t>(json, key);
    return count ? std::optional(Bytes(*count)) : std::nullopt;
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json or_null(const std::optional<Bytes>& size) {
    return size ? Json(size->count()) : Json(nullptr);
}

}  // namespace

std::vector<VariantFile> variant_files(const std::filesystem::path& folder) {
    const std::optional<VariantManifest> manifest = read_variant_manifest(folder);
    if (!manifest || manifest->variants.empty()) {
        throw Error(ErrorKind::input, fmt::format("read the variants in '{}'", folder.string()),
                    fmt::format("there are none; build them first: breakeven zoo variants -o {}", folder.string()));
    }
    std::vector<VariantFile> files;
    for (const BuiltVariant& built : manifest->variants) files.push_back(file_of(folder, built));
    std::ranges::stable_sort(files, [](const VariantFile& a, const VariantFile& b) {
        return std::tuple(place_of(a.zoo), a.zoo, a.known.recipe.size()) <
               std::tuple(place_of(b.zoo), b.zoo, b.known.recipe.size());
    });
    return files;
}

Variant looked_into(const VariantFile& file, const Caches& caches) {
    const ModelFile loaded = load_model(file.path);
    const Model& model = loaded.model;
    Variant variant = file.known;
    variant.parameters = model.facts().parameters;
    variant.macs = model.facts().macs;
    const PublishedNetwork* printed = published_network(file.zoo);
    variant.layers = printed != nullptr ? printed->depth : static_cast<std::int64_t>(model.layers().size());
    for (const TensorSpec& spec : model.inputs()) {
        // A picture crosses as 8-bit numbers, a byte each.
        std::int64_t elements = 1;
        const TensorSpec one = with_batch(spec, 1);
        for (const std::int64_t n : one.shape) elements *= std::max<std::int64_t>(n, 1);
        variant.input += Bytes(elements);
    }
    for (const TensorSpec& spec : model.outputs()) {
        if (const auto size = size_of(with_batch(spec, 1))) variant.output += *size;
    }
    for (const CacheLevel& level : caches.levels) {
        const auto fit = cache_fit(model, level.size);
        if (!fit) continue;
        variant.fits.push_back({level.name, level.size, fit->mean_layer_percent, fit->fitting_percent});
    }
    return variant;
}

Json to_json(const Variant& v) {
    Json fits = Json::array();
    for (const LevelFit& fit : v.fits) {
        fits.push_back({{"level", fit.level},
                        {"size", fit.size.count()},
                        {"mean", fit.mean_layer_percent},
                        {"fitting", fit.fitting_percent}});
    }
    return {{"network", v.network},
            {"side", v.side},
            {"recipe", v.recipe},
            {"parameters", v.parameters},
            {"layers", or_null(v.layers)},
            {"macs", or_null(v.macs)},
            {"input", v.input.count()},
            {"output", v.output.count()},
            {"file", or_null(v.file)},
            {"packed", or_null(v.packed)},
            {"agreement", or_null(v.agreement)},
            {"fits", fits}};
}

Variant variant_from(const Json& json) {
    Variant v{.network = json.at("network").get<std::string>(),
              .side = json.at("side").get<std::int64_t>(),
              .recipe = json.at("recipe").get<std::string>(),
              .parameters = json.at("parameters").get<std::int64_t>(),
              .layers = maybe<std::int64_t>(json, "layers"),
              .macs = maybe<std::int64_t>(json, "macs"),
              .input = Bytes(json.at("input").get<std::int64_t>()),
              .output = Bytes(json.at("output").get<std::int64_t>()),
              .file = maybe_size(json, "file"),
              .packed = maybe_size(json, "packed"),
              .agreement = maybe<double>(json, "agreement"),
              .fits = {}};
    for (const Json& fit : json.at("fits")) {
        v.fits.push_back({fit.at("level").get<std::string>(), Bytes(fit.at("size").get<std::int64_t>()),
                          fit.at("mean").get<double>(), fit.at("fitting").get<double>()});
    }
    return v;
}

}  // namespace breakeven
