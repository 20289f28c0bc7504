// NetworkBuilder: a network layer by layer, in the words of Keras, whose layers it counts; out comes an ONNX model in
// NCHW with seeded weights. Without a seed it only counts.
// Weights are uniform in +-sqrt(6 / fan-in) (He et al. 2015, "Delving deep into rectifiers", eq. 10). A few pictures
// are rehearsed through the layers: batch norms get the statistics of their activations; a layer with a bias is scaled
// to the variance 1 and its bias takes the mean away (Mishkin & Matas 2016, "All you need is a good init").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/model/model.h"
#include "breakeven/zoo/graph_writer.h"
#include "breakeven/zoo/rehearsal.h"
#include "breakeven/zoo/window.h"

namespace breakeven {

/// Metadata that tells an untrained network: "breakeven.weights" = "seeded".
inline constexpr std::string_view weights_metadata_key = "breakeven.weights";

/// Whether a batch norm multiplies with a learned scale; Keras' Inception has none, and ONNX then demands ones.
enum class NormScale { learned, none };
enum class Activation { none, relu, softmax };
enum class Bias {
    none,
    centred,  ///< the mean becomes 0
    rare      ///< the mean becomes one that a sigmoid maps to 0.01 (Lin et al. 2017, "Focal loss", 4.1: the prior)
};

class NetworkBuilder final {
   public:
    /// A tensor between two layers.
    struct Value {
        std::string tensor;
        std::int64_t channels = 0;
        std::int64_t height = 1;
        std::int64_t width = 1;
        Zeros zeros;          ///< that the next layer pads
        Rehearsed rehearsed;  ///< nothing without a seed
    };
    struct Filter {
        Sides kernel = 3;
        Sides stride = 1;
        Padding padding = Padding::same;
        Bias bias = Bias::none;
        Activation activation = Activation::none;  ///< part of the layer, as Keras' argument
    };
    struct Norm {
        NormScale scale = NormScale::learned;
        float epsilon = 1e-3F;  ///< Keras' default
        /// On the variance: what the rehearsal of a small piece misses, where many layers in a row would add it up.
        double margin = 1.0;
    };

    NetworkBuilder(std::string name, std::optional<std::uint64_t> seed);

    /// A square picture of three channels, scaled to -1..1. The rehearsal runs on a piece of so many rows and columns:
    /// more are nearer to what the network will see, and take longer.
    Value picture(std::int64_t side, std::int64_t piece = 32);
    /// One channel of numbers with mean 0 and variance 1.
    Value features(Sides size);

    Value convolution(const std::string& layer, const Value& from, std::int64_t filters, const Filter& filter);
    Value depthwise(const std::string& layer, const Value& from, const Filter& filter);
    /// Before a `valid` layer.
    Value zero_padding(const Value& from, Zeros zeros);
    Value max_pool(const std::string& layer, const Value& from, const Filter& window);
    /// Zeros at the border do not count.
    Value average_pool(const std::string& layer, const Value& from, const Filter& window);
    /// Over the whole picture; the result is flat.
    Value global_average_pool(const std::string& layer, const Value& from);
    Value batch_norm(const std::string& layer, const Value& from, const Norm& norm);
    Value relu(const std::string& layer, const Value& from);
    Value relu6(const std::string& layer, const Value& from);
    Value add(const std::string& layer, const Value& first, const Value& second);
    /// Along the channels.
    Value concat(const std::string& layer, const std::vector<Value>& values);
    Value flatten(const std::string& layer, const Value& from);
    Value dense(const std::string& layer, const Value& from, std::int64_t units, Activation activation);

    struct Counts {
        std::int64_t parameters = 0;
        std::int64_t keras_layers = 0;
    };
    /// For what a definition adds to `graph()` itself.
    void count(const Counts& added);
    const Counts& counts() const { return counts_; }
    const TensorSpec& input() const { return input_; }

    /// The graph; nothing without a seed.
    GraphWriter* graph() { return graph_ ? &*graph_ : nullptr; }
    /// The scores of the classes become the output "probs".
    void output(const Value& probabilities);
    /// The model. Only with a seed, and once.
    Model finish();

   private:
    Value convolve(const std::string& layer, const Value& from, std::int64_t filters, std::int64_t groups,
                   const Filter& filter);
    Value pool(const std::string& layer, const Value& from, const Filter& filter, Pool pool);
    Value activate(const std::string& layer, Value from, Activation activation);
    std::vector<float> random_weights(const std::string& tensor, std::int64_t count, double limit) const;
    Value add_node(const std::string& layer, std::string_view op, const std::vector<std::string>& inputs,
                   const std::vector<NodeAttribute>& attributes, Value shape);

    std::optional<std::uint64_t> seed_;
    Counts counts_;
    TensorSpec input_;
    std::optional<GraphWriter> graph_;
};

}  // namespace breakeven
