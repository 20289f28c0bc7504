// A set of variants: see variant_set.h.
#include "breakeven/advise/variant_set.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "breakeven/compress/pack.h"
#include "breakeven/compress/sensitivity.h"
#include "breakeven/engine/execute.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/measure/data_set.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

/// Thrown where the user asked to stop; never leaves this file.
struct Stopped {};

/// Holds a folder for one process; the kernel lets go of it however the process ends.
class FolderHold {
   public:
    explicit FolderHold(const fs::path& folder) {
        const auto fail = [&](ErrorKind kind, const std::string& reason) {
            return Error(kind, fmt::format("build variants in '{}'", folder.string()), reason);
        };
        std::error_code failed;
        fs::create_directories(folder, failed);
        if (!fs::is_directory(folder)) {
            throw fail(ErrorKind::usage, failed ? failed.message() : "it is a file, a folder is needed");
        }
        descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor_ < 0) throw fail(ErrorKind::usage, std::strerror(errno));
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
        ::close(descriptor_);
        throw fail(ErrorKind::unavailable, "another run is at work there; wait for it or say another folder");
    }
    ~FolderHold() { ::close(descriptor_); }
    FolderHold(const FolderHold&) = delete;
    FolderHold& operator=(const FolderHold&) = delete;

   private:
    int descriptor_ = -1;
};

/// What write_file had not renamed yet when a run was killed.
void remove_leftovers(const fs::path& folder) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".breakeven-") && name.size() == std::strlen(".breakeven-XXXXXX")) {
            fs::remove(entry.path(), failed);
        }
    }
}

std::string lower(std::string letters) {
    std::ranges::transform(letters, letters.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return letters;
}

std::string variant_name(const std::string& network, const std::string& recipe) {
    return recipe.empty() ? network : network + "-" + lower(recipe);
}

/// Rough shares of the time that the forms of a network take (measured: most of it runs the calibration samples).
double work_of(const NetworkToBuild& network, const std::string& recipe) {
    return network.work * (recipe.empty() ? 1.0 : 2.5);
}

class VariantSet {
   public:
    VariantSet(const VariantSetRequest& request, const VariantSetTools& tools)
        : request_(request), tools_(tools), hold_(request.folder) {
        for (const std::string& recipe : request.recipes) parse_recipe(recipe);
        remove_leftovers(request.folder);
        if (auto found = read_variant_manifest(request.folder)) result_.manifest = std::move(*found);
        check_settings();
        result_.manifest.settings = request.settings;
        // Whether the folder can be written to shows before minutes of work.
        write_variant_manifest(request.folder, result_.manifest);
        for (const NetworkToBuild& network : request.networks) {
            for (const std::string& recipe : forms()) {
                ++result_.total;
                if (is_there(variant_name(network.name, recipe))) {
                    ++done_;
                } else {
                    work_left_ += work_of(network, recipe);
                }
            }
        }
    }

    VariantSetResult build() {
        try {
            for (const NetworkToBuild& network : request_.networks) build(network);
            result_.is_complete = true;
        } catch (const Stopped&) {
            result_.is_complete = false;
        }
        return std::move(result_);
    }

   private:
    std::vector<std::string> forms() const {
        std::vector<std::string> forms{""};
        forms.insert(forms.end(), request_.recipes.begin(), request_.recipes.end());
        return forms;
    }

    void check_settings() const {
        if (result_.manifest.variants.empty()) return;
        for (const auto& [name, value] : request_.settings) {
            const auto theirs = result_.manifest.settings.find(name);
            if (theirs != result_.manifest.settings.end() && theirs->second == value) continue;
            throw Error(
                ErrorKind::usage, fmt::format("build variants in '{}'", request_.folder.string()),
                fmt::format("it holds variants of another study: {} is '{}' there and '{}' here; say another "
                            "folder",
                            name, theirs == result_.manifest.settings.end() ? "not said" : theirs->second, value));
        }
    }

    fs::path file_of(const std::string& name) const { return request_.folder / (name + ".onnx"); }

    /// By its size: hashing all files would take seconds at each start. Whoever changed one by hand gets it back.
    bool is_there(const std::string& name) const {
        const BuiltVariant* known = result_.manifest.find(name);
        std::error_code failed;
        return known != nullptr && fs::is_regular_file(file_of(name), failed) &&
               fs::file_size(file_of(name), failed) == static_cast<std::uintmax_t>(known->file_size.count());
    }

    void tell(const std::string& what) const {
        if (tools_.stop != nullptr && *tools_.stop) throw Stopped();
        VariantSetProgress progress{.what = what, .done = done_, .total = result_.total, .left = {}};
        if (work_done_ > 0.0) {
            const Seconds since = tools_.clock.now() - began_;
            progress.left = std::max(work_left_ / work_done_ * spent_ - since, Seconds(0));
        }
        tools_.progress(progress);
    }

    void build(const NetworkToBuild& network) {
        const auto all = forms();
        if (std::ranges::all_of(all, [&](const auto& r) { return is_there(variant_name(network.name, r)); })) return;
        began_ = tools_.clock.now();
        tell(network.name + ": building it");
        const bool stored = is_there(network.name);
        const Model model = stored ? load_model(file_of(network.name)).model : network.build();
        if (!stored) finish(network, "", model, BuiltVariant{});
        for (const std::string& recipe : request_.recipes) {
            if (is_there(variant_name(network.name, recipe))) continue;
            began_ = tools_.clock.now();
            build(network, recipe, model);
        }
    }

    void build(const NetworkToBuild& network, const std::string& recipe, const Model& model) {
        const std::string name = variant_name(network.name, recipe);
        RecipeOptions options = request_.options;
        options.progress = [&](const std::string& what, std::optional<double>) { tell(name + ": " + what); };
        const Execute execute = execute_on(tools_.engines, request_.platform);
        const Calibration calibration{.samples = samples(model, request_.calibration), .execute = execute};
        const Model variant = compress(model, recipe, options, calibration).model;
        BuiltVariant facts;
        tell(name + ": comparing it");
        if (request_.comparison.count > 0) compare(model, variant, facts);
        finish(network, recipe, variant, std::move(facts));
    }

    Samples samples(const Model& model, const SampleStream& stream) const {
        return {.count = stream.count,
                .at = [&model, &stream](std::size_t index) { return Sample{stream.at(model, index)}; }};
    }

    void compare(const Model& model, const Model& variant, BuiltVariant& facts) const {
        const SampleStream& stream = request_.comparison;
        AccuracyTask task{.labels = {}, .input = {}};
        task.labels.resize(stream.count);
        task.input = [&](std::size_t index, const TensorSpec&) { return stream.at(model, index); };
        const auto given = tools_.engines.load(image_of(model), request_.platform, {});
        const auto changed = tools_.engines.load(image_of(variant), request_.platform, {});
        const Evaluation found =
            evaluate(task, *given, changed.get(), [](std::size_t, const Evaluation&) { return Onwards::go_on; });
        facts.agreement = found.comparison->agreement;
        const double sqnr =
            output_sqnr_db(model, variant, samples(model, stream), execute_on(tools_.engines, request_.platform));
        if (std::isfinite(sqnr)) facts.output_sqnr_db = sqnr;
    }

    /// The file, then its line in the manifest.
    void finish(const NetworkToBuild& network, const std::string& recipe, const Model& model, BuiltVariant facts) {
        facts.name = variant_name(network.name, recipe);
        facts.network = network.name;
        facts.recipe = recipe;
        tell(facts.name + ": packing and writing it");
        const ModelImage image = image_of(model);
        facts.sha256 = image.sha256;
        facts.file_size = Bytes(static_cast<std::int64_t>(image.bytes.size()));
        facts.packed_size = Bytes(static_cast<std::int64_t>(pack(image.bytes).bytes.size()));
        facts.parameters = model.facts().parameters;
        facts.nonzero = nonzero_weights(model);
        facts.is_untrained = is_untrained(model);
        write_file(file_of(facts.name), image.bytes);
        const Seconds took = tools_.clock.now() - began_;
        facts.took = took;
        auto& variants = result_.manifest.variants;
        std::erase_if(variants, [&](const BuiltVariant& other) { return other.name == facts.name; });
        variants.push_back(std::move(facts));
        write_variant_manifest(request_.folder, result_.manifest);
        ++done_;
        ++result_.built;
        spent_ += took;
        work_done_ += work_of(network, recipe);
        work_left_ -= work_of(network, recipe);
        began_ = tools_.clock.now();
    }

    const VariantSetRequest& request_;
    const VariantSetTools& tools_;
    FolderHold hold_;
    VariantSetResult result_;
    std::size_t done_ = 0;
    double work_left_ = 0.0;
    double work_done_ = 0.0;
    Seconds spent_{};
    Seconds began_{};
};

}  // namespace

VariantSetResult build_variants(const VariantSetRequest& request, const VariantSetTools& tools) {
    return VariantSet(request, tools).build();
}

}  // namespace breakeven
