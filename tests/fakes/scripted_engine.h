// An engine in memory: what a model does is a function, chosen by the model's name. Counts what was asked of it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/error.h"

namespace breakeven::fakes {

struct Script {
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
    std::function<std::vector<Tensor>(std::span<const Tensor>)> run;
};

/// Answers with its inputs.
inline Script identity(std::vector<TensorSpec> tensors) {
    Script script{.inputs = tensors, .outputs = tensors, .run = [](std::span<const Tensor> inputs) {
                      return std::vector<Tensor>(inputs.begin(), inputs.end());
                  }};
    for (TensorSpec& spec : script.outputs) spec.name += "_out";
    return script;
}

class ScriptedRunner final : public Runner {
   public:
    ScriptedRunner(Script script, std::atomic<int>& runs) : script_(std::move(script)), runs_(runs) {}
    const std::vector<TensorSpec>& inputs() const override { return script_.inputs; }
    const std::vector<TensorSpec>& outputs() const override { return script_.outputs; }
    RunResult run(std::span<const Tensor> tensors) override {
        ++runs_;
        return {.outputs = script_.run(tensors), .server = {}};
    }

   private:
    Script script_;
    std::atomic<int>& runs_;
};

class ScriptedEngine final : public Engine {
   public:
    std::map<std::string, Script> scripts;
    std::atomic<int> runs = 0;

    std::string name() const override { return "scripted"; }
    std::string version() const override { return "1"; }
    std::vector<PlatformStatus> platforms() const override { return {}; }
    std::unique_ptr<Runner> load(const ModelImage& model, const Platform&, const LoadOptions&) override {
        const auto found = scripts.find(model.name);
        if (found == scripts.end())
            throw Error(ErrorKind::input, "load model '" + model.name + "'", "no script for it");
        return std::make_unique<ScriptedRunner>(found->second, runs);
    }
};

}  // namespace breakeven::fakes
