// The engines this program knows: see engines.h.
#include "cli/engines.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "breakeven/engine/met_engine.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/engine/openvino.h"
#include "breakeven/wire/remote.h"
#include "cli/inputs.h"
#include "cli/paths.h"
#include "cli/security.h"
#include "cli/version.h"

namespace breakeven::cli {

namespace {

std::vector<std::filesystem::path> candidates(const Shell& shell, const char* variable,
                                              std::vector<std::filesystem::path> usual) {
    if (const char* chosen = std::getenv(variable); chosen != nullptr && *chosen != '\0') {
        return {chosen};  // what the user names is what is used, or the reason why not
    }
    usual.insert(usual.begin(),
                 shell.executable.parent_path().parent_path() / "lib" / "breakeven" / usual.front().filename());
    return usual;
}

}  // namespace

std::vector<std::filesystem::path> onnxruntime_candidates(const Shell& shell) {
    return candidates(shell, "BREAKEVEN_ONNXRUNTIME", {onnxruntime_wheel});
}

std::vector<std::filesystem::path> openvino_candidates(const Shell& shell) {
    return candidates(shell, "BREAKEVEN_OPENVINO", {openvino_wheel, "libopenvino_c.so"});
}

/// BREAKEVEN_ONNXRUNTIME_PLUGINS: paths with a colon between them, as PATH has them.
std::vector<std::filesystem::path> onnxruntime_plugins() {
    std::vector<std::filesystem::path> plugins;
    const char* given = std::getenv("BREAKEVEN_ONNXRUNTIME_PLUGINS");
    std::istringstream words(given == nullptr ? "" : given);
    for (std::string word; std::getline(words, word, ':');) {
        if (!word.empty()) plugins.emplace_back(word);
    }
    return plugins;
}

namespace {

/// Libraries that the user names are met in a child process first; those that came with Breakeven were tried.
auto trial_of(const Shell& shell, const std::string& engine) {
    return [&shell, engine](const std::filesystem::path& library) -> std::string {
        const std::vector<std::filesystem::path> plugins = onnxruntime_plugins();
        const bool plugin = engine == "onnxruntime" && std::ranges::find(plugins, library) != plugins.end();
        const char* variable = engine == "onnxruntime" ? "BREAKEVEN_ONNXRUNTIME" : "BREAKEVEN_OPENVINO";
        const char* named = std::getenv(variable);
        if (!plugin && (named == nullptr || library != named)) return "";
        return first_contact(shell, "").refusal_of_library(library, plugin ? "plugin" : engine);
    };
}

std::unique_ptr<Engine> onnxruntime_met(const Shell& shell, const OnnxRuntimeOptions& options) {
    std::unique_ptr<Engine> engine = make_onnxruntime(options);
    const FirstContact contact = first_contact(shell, engine->version());
    return make_met_engine(std::move(engine), [contact](const ModelImage& model, const Platform& platform) {
        contact.with(model, platform);
    });
}

}  // namespace

void try_library(const Shell& shell, const std::filesystem::path& library, const std::string& engine) {
    if (engine == "openvino") {
        (void)make_openvino({.libraries = {library}})->version();
    } else if (engine == "plugin") {
        (void)make_onnxruntime({.libraries = onnxruntime_candidates(shell), .plugins = {library}})->platforms();
    } else {
        (void)make_onnxruntime({.libraries = {library}})->version();
    }
}

Engines make_engines(const Shell& shell) {
    Engines engines;
    engines.add(onnxruntime_met(shell, {.libraries = onnxruntime_candidates(shell),
                                        .plugins = onnxruntime_plugins(),
                                        .trial = trial_of(shell, "onnxruntime")}));
    engines.add(make_openvino({.libraries = openvino_candidates(shell), .trial = trial_of(shell, "openvino")}));
    engines.add(std::make_unique<RemoteEngine>(client_options(shell)));
    return engines;
}

Engines make_serving_engines(const Shell& shell, int threads) {
    Engines engines;
    engines.add(onnxruntime_met(shell, {.libraries = onnxruntime_candidates(shell),
                                        .plugins = onnxruntime_plugins(),
                                        .trial = trial_of(shell, "onnxruntime"),
                                        .pool = OnnxRuntimeOptions::Pool::shared,
                                        .shared_threads = threads}));
    engines.add(make_openvino({.libraries = openvino_candidates(shell), .trial = trial_of(shell, "openvino")}));
    return engines;
}

}  // namespace breakeven::cli
