// An engine that is quick with its answers: those of another engine, changed on the way.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"

namespace breakeven::fakes {

class HastyEngine final : public Engine {
   public:
    using Change = std::function<void(std::span<float> answer)>;
    /// `change` may throw, too.
    HastyEngine(Engine& right, Change change) : right_(right), change_(std::move(change)) {}

    std::string name() const override { return "hasty"; }
    std::string version() const override { return "1"; }
    std::vector<PlatformStatus> platforms() const override { return {}; }
    std::unique_ptr<Runner> load(const ModelImage& model, const Platform& /*platform*/,
                                 const LoadOptions& options) override {
        return std::make_unique<HastyRunner>(right_.load(model, parse_platform("cpu:1"), options), change_);
    }

   private:
    class HastyRunner final : public Runner {
       public:
        HastyRunner(std::unique_ptr<Runner> right, Change change)
            : right_(std::move(right)), change_(std::move(change)) {}
        const std::vector<TensorSpec>& inputs() const override { return right_->inputs(); }
        const std::vector<TensorSpec>& outputs() const override { return right_->outputs(); }
        RunResult run(std::span<const Tensor> tensors) override {
            const Tensor right = right_->run(tensors).outputs[0];
            Tensor changed = Tensor::of<float>(DType::float32, right.shape(), right.as<float>());
            change_(changed.mutable_as<float>());
            return {.outputs = {changed}, .server = {}};
        }

       private:
        std::unique_ptr<Runner> right_;
        Change change_;
    };
    Engine& right_;
    Change change_;
};

}  // namespace breakeven::fakes
