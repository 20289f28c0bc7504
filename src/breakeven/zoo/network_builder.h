// NetworkBuilder: a network layer by layer, in the words of Keras, whose layers it counts; out comes an ONNX model in
// NCHW with seeded weights. Without a seed it only counts.
// Weights are uniform in +-sqrt(6 / fan-in) (He et al. 2015, "Delving deep into rectifiers", eq. 10, as a uniform
// distribution). The builder follows mean and variance of each channel through the layers, so that a batch norm's
// statistics are about those of real activations: they neither vanish nor explode, and differ between inputs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/model/model.h"

namespace onnx {
class ModelProto;
}

namespace breakeven {

/// Keras' words for what happens at the border.
enum class Padding { same, valid };
/// Whether a batch norm multiplies with a learned scale; Keras' Inception has none, and ONNX then demands ones.
enum class NormScale { learned, none };
enum class Activation { relu, softmax };

class NetworkBuilder final {
   public:
    /// What a channel's numbers are expected to be over many inputs.
    struct Moments {
        double mean = 0.0;
        double variance = 0.0;
    };
    /// A tensor between two layers.
    struct Value {
        std::string tensor;
        std::int64_t channels = 0;
        std::int64_t height = 1;
        std::int64_t width = 1;
        std::int64_t zeros = 0;        ///< rows below and columns right that the next layer pads
        std::vector<Moments> moments;  ///< of each channel; empty without a seed
    };
    struct Filter {
        std::int64_t kernel = 3;
        std::int64_t stride = 1;
        Padding padding = Padding::same;
    };

    NetworkBuilder(std::string name, std::optional<std::uint64_t> seed);
    ~NetworkBuilder();
    NetworkBuilder(const NetworkBuilder&) = delete;
    NetworkBuilder& operator=(const NetworkBuilder&) = delete;

    /// A square picture of three channels, scaled to -1..1.
    Value picture(std::int64_t side);

    Value convolution(const std::string& layer, const Value& from, std::int64_t filters, const Filter& filter);
    Value depthwise(const std::string& layer, const Value& from, const Filter& filter);
    /// Zeros below and right, as Keras puts them before a `valid` convolution of stride 2.
    Value zero_padding(const Value& from, std::int64_t below_and_right);
    Value batch_norm(const std::string& layer, const Value& from, NormScale scale);
    Value relu6(const std::string& layer, const Value& from);
    Value flatten(const std::string& layer, const Value& from);
    Value dense(const std::string& layer, const Value& from, std::int64_t units, Activation activation);

    std::int64_t parameters() const { return parameters_; }
    std::int64_t keras_layers() const { return keras_layers_; }

    /// The model with `result` as its output "probs". Only with a seed.
    Model finish(const Value& result) const;

   private:
    struct Axis;
    struct Taps;

    Value convolve(const std::string& layer, const Value& from, std::int64_t filters, std::int64_t groups,
                   const Filter& filter);
    std::vector<float> random_weights(const std::string& tensor, std::int64_t count, double limit) const;
    std::string store(const std::string& tensor, const Shape& shape, const std::vector<float>& values);
    Value add_node(const std::string& layer, const std::string& op, const std::vector<std::string>& inputs,
                   Value shape);

    std::string name_;
    std::optional<std::uint64_t> seed_;
    std::int64_t side_ = 0;
    std::int64_t parameters_ = 0;
    std::int64_t keras_layers_ = 0;
    std::unique_ptr<onnx::ModelProto> proto_;
};

}  // namespace breakeven
