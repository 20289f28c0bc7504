// Engines: see engines.h.
#include "breakeven/engine/engines.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/model/tflite.h"

namespace breakeven {

void Engines::add(std::unique_ptr<Engine> engine) {
    engines_.push_back(std::move(engine));
}

Engine& Engines::of(const Platform& platform) const {
    for (const auto& engine : engines_) {
        if (engine->name() == platform.engine) return *engine;
    }
    std::string names;
    for (const auto& engine : engines_) names += (names.empty() ? "" : ", ") + engine->name();
    throw Error(ErrorKind::unsupported, "run on '" + to_text(platform) + "'",
                fmt::format("no engine here is called '{}'; there {} {}", platform.engine,
                            engines_.size() == 1 ? "is" : "are", names.empty() ? "none" : names));
}

std::unique_ptr<Runner> Engines::load(const ModelImage& model, const Platform& platform,
                                      const LoadOptions& options) const {
    return of(platform).load(model, platform, options);
}

Platform Engines::cpu_for(const ModelImage& model, int threads) {
    return {.engine = is_tflite(model.bytes) ? "openvino" : "onnxruntime", .unit = "cpu", .number = threads};
}

std::string Engines::version(const Platform& platform) const {
    return of(platform).version();
}

std::vector<PlatformStatus> Engines::platforms() const {
    std::vector<PlatformStatus> all;
    for (const auto& engine : engines_) {
        for (PlatformStatus& status : engine->platforms()) all.push_back(std::move(status));
    }
    return all;
}

std::string to_text(const Placement& placement) {
    std::string text = fmt::format("{} of {} nodes on {}", placement.there, placement.total, placement.provider);
    if (placement.left.empty()) return text;
    constexpr std::size_t shown = 6;
    const std::size_t left = placement.total - placement.there;
    text += fmt::format("; {} {} back to the CPU:", left, left == 1 ? "falls" : "fall");
    for (std::size_t i = 0; i < placement.left.size() && i < shown; ++i) {
        text += fmt::format("{} {} {}", i == 0 ? "" : ",", placement.left[i].op, placement.left[i].count);
    }
    return text + (placement.left.size() > shown ? ", ..." : "");
}

}  // namespace breakeven
