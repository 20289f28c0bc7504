// `breakeven measure --layers`: how long each layer takes, from ONNX Runtime's profile.
#include <stdlib.h>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "cli/engines.h"
#include "cli/measure_answer.h"

namespace breakeven::cli {
namespace {

constexpr std::size_t profiled_warmup = 5;
constexpr std::size_t profiled_runs = 25;
constexpr Bytes profile_file_max{std::int64_t{256} << 20};

/// A folder of our own that goes with us.
class ScratchFolder final {
   public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "breakeven-profile-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw Error(ErrorKind::unavailable, "profile the layers", "no folder can be made in " + pattern);
        }
        path_ = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

   private:
    std::filesystem::path path_;
};

}  // namespace

void profile_layers(const Shell& shell, const ModelImage& model, Subjected& loaded) {
    if (loaded.platform.engine != "onnxruntime" || loaded.platform.unit != "cpu" || loaded.runner->outputs().empty() ||
        loaded.title != to_text(loaded.platform)) {
        loaded.layers_reason = "this platform does not tell its layers apart";
        return;
    }
    shell.progress("profiling the layers on " + loaded.title);
    const ScratchFolder folder;
    const auto engine = make_onnxruntime(
        {.libraries = onnxruntime_candidates(shell), .profile_prefix = (folder.path() / "layers").string()});
    {
        const std::unique_ptr<Runner> runner = engine->load(model, loaded.platform, {});
        for (std::size_t i = 0; i < profiled_warmup + profiled_runs; ++i) runner->run(loaded.inputs);
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        loaded.layers = parse_layer_times(read_file(entry.path(), profile_file_max), profiled_warmup, model.name);
        return;
    }
    loaded.layers_reason = "the engine wrote no profile";
}

}  // namespace breakeven::cli
