// Model: an ONNX graph with its weights, checked, and what is known of it: facts, layers, legal cuts. A TFLite file is a
// Model too, for running and looking at; what needs its graph refuses it.
// It is made from bytes; reading a file and its weights beside it is files/model_file.h. ONNX's own types stay behind
// `proto()`, for the rooms that link its library.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/model/image.h"
#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"

namespace onnx {
class ModelProto;
}

namespace breakeven {

/// What holds for the whole network. Sizes and multiply-adds are those of one sample: an open first dimension is 1.
struct ModelFacts {
    std::string sha256;      ///< of the bytes it was made from
    std::int64_t opset = 0;  ///< of the standard operators
    std::int64_t ir_version = 0;
    /// Floating-point or dequantized weight elements; not scalars, shapes, scales, zero points, nor the vectors of ones
    /// that ONNX demands as the scale of a batch norm that has none.
    std::int64_t parameters = 0;
    Bytes weight_size;  ///< of those parameters as they are stored
    /// Of Conv, ConvTranspose, Gemm, MatMul and their integer forms; nothing where a shape stays unknown.
    std::optional<std::int64_t> macs;
    std::size_t nodes = 0;
    std::vector<TensorSpec> inputs;  ///< without those that have a default among the weights
    std::vector<TensorSpec> outputs;
};

enum class ModelFormat { onnx, tflite };

/// A node that depends on the input. What it needs of constants (dequantized weights, say) counts as its own.
struct Layer {
    std::string name;  ///< the node's, or a stable one made from its operator and place
    std::string op;    ///< "Conv"; with its domain where that is not the standard: "com.microsoft.QLinearAdd"
    std::int64_t parameters = 0;
    Bytes weight_size;
    std::optional<std::int64_t> macs;
    std::optional<Bytes> output_size;
};

/// The tensors that cross when a head of the network's first nodes runs elsewhere than the rest.
struct Cut {
    std::size_t layers_before = 0;     ///< layers in the head
    std::vector<std::string> tensors;  ///< each once, in the order they are made
    std::optional<Bytes> size;         ///< for one sample; nothing where a shape stays unknown
};

/// Weights in a file beside the model's.
struct ExternalWeights {
    std::string tensor;
    std::string location;  ///< as the model spells it, relative to the model's folder
    Bytes offset;
    std::optional<Bytes> size;         ///< nothing: to the end of the file
    std::optional<Bytes> size_needed;  ///< by type and shape
};

/// What a model may ask for while it is read, so that a hostile one ends in an error.
struct ParseLimits {
    /// Memory for the parsed graph; a file can ask for a hundred times its size.
    Bytes memory{std::int64_t{8} << 30};
};

class Model final {
   public:
    /// Reads and checks a serialized ModelProto of opset 7 to 23, or a TFLite file. `name` is for messages and for servers.
    /// Operators of other domains pass unchecked. Throws Error{input}, or {unsupported} for another opset.
    static Model parse(std::string_view bytes, std::string name, const ParseLimits& limits = {});

    const std::string& name() const;
    ModelFormat format() const;
    const ModelFacts& facts() const;
    const std::vector<TensorSpec>& inputs() const { return facts().inputs; }
    const std::vector<TensorSpec>& outputs() const { return facts().outputs; }
    /// In the order of the graph.
    const std::vector<Layer>& layers() const;
    /// The prefix cuts with something before and after, in the order of the graph; at most `cuts_max`: those that
    /// cross least.
    std::vector<Cut> cuts() const;
    static constexpr std::size_t cuts_max = 1000;

    /// What is known of a tensor inside, for one sample.
    std::optional<TensorSpec> tensor(const std::string& name) const;
    /// A metadata property, such as "breakeven.preprocess".
    std::optional<std::string> metadata(const std::string& key) const;
    const std::vector<ExternalWeights>& external_weights() const;

    /// The ModelProto, local functions inlined. Throws Error{unsupported} for a TFLite file: whoever cuts, compresses
    /// or edits a network needs its graph as ONNX.
    const onnx::ModelProto& proto() const;
    /// Its bytes; equal for equal models.
    std::string serialized() const;

   private:
    struct State;
    explicit Model(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;  // shared by copies: a model never changes
};

/// The model as engines take it, when it was made here and lies in no file. Not for one with external weights.
ModelImage image_of(const Model& model);

/// The specification with an open first dimension closed to `batch`; other open dimensions stay.
TensorSpec with_batch(TensorSpec specification, std::int64_t batch);

/// Bytes of a closed specification; nothing where a dimension is open or the elements are strings.
std::optional<Bytes> size_of(const TensorSpec& specification);

}  // namespace breakeven
