// Engines: the engines that main found, asked by platform.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"

namespace breakeven {

class Engines final {
   public:
    void add(std::unique_ptr<Engine> engine);

    /// The engine that runs `platform`. Throws Error{unsupported} when none does.
    Engine& of(const Platform& platform) const;

    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& platform, const LoadOptions& options) const;
    /// A CPU platform that reads the model: `cpu:N`, for TFLite files `openvino:cpu:N`.
    static Platform cpu_for(const ModelImage& model, int threads);
    std::string version(const Platform& platform) const;
    /// What every engine says of its platforms.
    std::vector<PlatformStatus> platforms() const;

   private:
    std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace breakeven
