// A TensorFlow Lite file, looked into: see tflite.h.
#include "breakeven/model/tflite.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <tflite_generated.h>

#include <array>
#include <optional>
#include <unordered_set>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/model/onnx_text.h"
#include "breakeven/model/sha256.h"

namespace breakeven {
namespace {

constexpr std::string_view identifier = "TFL3";

/// TensorType of the schema.
std::optional<DType> dtype_of_tflite(int type) {
    constexpr std::array<std::optional<DType>, 17> types{
        DType::float32, DType::float16, DType::int32, DType::uint8,  DType::int64,   DType::string,
        DType::boolean, DType::int16,   std::nullopt, DType::int8,   DType::float64, std::nullopt,
        DType::uint64,  std::nullopt,   std::nullopt, DType::uint32, DType::uint16};
    return type >= 0 && type < static_cast<int>(types.size()) ? types[static_cast<std::size_t>(type)] : std::nullopt;
}

constexpr int conv_2d = 3;
constexpr int depthwise_conv_2d = 4;
constexpr int fully_connected = 9;
constexpr int transpose_conv = 67;
constexpr int batch_matmul = 126;
constexpr int custom = 32;

/// BuiltinOperator of the schema: those that networks on small devices are made of; others are shown by number.
constexpr std::array<std::pair<int, std::string_view>, 60> operator_names{{
    {0, "ADD"},
    {1, "AVERAGE_POOL_2D"},
    {2, "CONCATENATION"},
    {conv_2d, "CONV_2D"},
    {depthwise_conv_2d, "DEPTHWISE_CONV_2D"},
    {5, "DEPTH_TO_SPACE"},
    {6, "DEQUANTIZE"},
    {7, "EMBEDDING_LOOKUP"},
    {8, "FLOOR"},
    {fully_connected, "FULLY_CONNECTED"},
    {11, "L2_NORMALIZATION"},
    {12, "L2_POOL_2D"},
    {13, "LOCAL_RESPONSE_NORMALIZATION"},
    {14, "LOGISTIC"},
    {16, "LSTM"},
    {17, "MAX_POOL_2D"},
    {18, "MUL"},
    {19, "RELU"},
    {21, "RELU6"},
    {22, "RESHAPE"},
    {23, "RESIZE_BILINEAR"},
    {25, "SOFTMAX"},
    {26, "SPACE_TO_DEPTH"},
    {27, "SVDF"},
    {28, "TANH"},
    {34, "PAD"},
    {36, "GATHER"},
    {37, "BATCH_TO_SPACE_ND"},
    {38, "SPACE_TO_BATCH_ND"},
    {39, "TRANSPOSE"},
    {40, "MEAN"},
    {41, "SUB"},
    {42, "DIV"},
    {43, "SQUEEZE"},
    {44, "UNIDIRECTIONAL_SEQUENCE_LSTM"},
    {45, "STRIDED_SLICE"},
    {47, "EXP"},
    {49, "SPLIT"},
    {50, "LOG_SOFTMAX"},
    {53, "CAST"},
    {54, "PRELU"},
    {55, "MAXIMUM"},
    {56, "ARG_MAX"},
    {57, "MINIMUM"},
    {60, "PADV2"},
    {65, "SLICE"},
    {transpose_conv, "TRANSPOSE_CONV"},
    {70, "EXPAND_DIMS"},
    {74, "SUM"},
    {75, "SQRT"},
    {76, "RSQRT"},
    {77, "SHAPE"},
    {78, "POW"},
    {83, "PACK"},
    {97, "RESIZE_NEAREST_NEIGHBOR"},
    {98, "LEAKY_RELU"},
    {99, "SQUARED_DIFFERENCE"},
    {114, "QUANTIZE"},
    {117, "HARD_SWISH"},
    {batch_matmul, "BATCH_MATMUL"},
}};

int code_of(const tflite::OperatorCode& code) {
    return code.builtin_code() != 0 ? code.builtin_code() : code.deprecated_builtin_code();
}

std::string name_of(const tflite::OperatorCode& code) {
    if (code_of(code) == custom)
        return code.custom_code() != nullptr ? printable(code.custom_code()->str(), 80) : "CUSTOM";
    for (const auto& [number, name] : operator_names) {
        if (number == code_of(code)) return std::string(name);
    }
    return fmt::format("builtin {}", code_of(code));
}

/// Reads the main subgraph. The verifier has seen that every table and vector lies within the file; the numbers in
/// them may still lead anywhere.
class Reader {
   public:
    Reader(const tflite::Model& model, std::string_view name) : model_(model), name_(name) {
        if (model.subgraphs() == nullptr || model.subgraphs()->size() == 0) throw bad("it has no subgraph");
        graph_ = model.subgraphs()->Get(0);
        if (graph_->tensors() == nullptr || graph_->operators() == nullptr || model.operator_codes() == nullptr ||
            model.buffers() == nullptr) {
            throw bad("its main subgraph has no tensors or no operators");
        }
    }

    TfliteNetwork network() {
        TfliteNetwork result;
        ModelFacts& facts = result.facts;
        facts.opset = model_.version();
        facts.nodes = graph_->operators()->size();
        facts.inputs = specs(graph_->inputs());
        facts.outputs = specs(graph_->outputs());
        facts.macs = 0;
        for (const tflite::Operator* operation : *graph_->operators()) {
            result.layers.push_back(layer(*operation, result.layers.size()));
            const Layer& last = result.layers.back();
            facts.parameters += last.parameters;
            facts.weight_size += last.weight_size;
            std::int64_t sum = 0;
            const bool known = facts.macs && last.macs && !__builtin_add_overflow(*facts.macs, *last.macs, &sum);
            facts.macs = known ? std::optional(sum) : std::nullopt;
        }
        for (const tflite::Tensor* tensor : *graph_->tensors()) {
            if (const auto spec = spec_of(*tensor)) result.tensors.push_back(*spec);
        }
        return result;
    }

   private:
    Error bad(const std::string& reason) const { return bad_model(name_, "as a TFLite file: " + reason); }

    const tflite::Tensor& tensor(int index) const {
        if (index < 0 || static_cast<std::size_t>(index) >= graph_->tensors()->size()) {
            throw bad(fmt::format("tensor {} is not there", index));
        }
        return *graph_->tensors()->Get(static_cast<flatbuffers::uoffset_t>(index));
    }

    std::optional<TensorSpec> spec_of(const tflite::Tensor& tensor) const {
        const auto dtype = dtype_of_tflite(tensor.type());
        if (!dtype) return std::nullopt;
        TensorSpec spec{.name = tensor.name() == nullptr ? "" : tensor.name()->str(), .dtype = *dtype, .shape = {}};
        const auto* signature = tensor.shape_signature();
        const auto* shape = signature != nullptr && signature->size() > 0 ? signature : tensor.shape();
        if (shape != nullptr) {
            for (const int dimension : *shape) spec.shape.push_back(dimension < 0 ? -1 : dimension);
        }
        return spec;
    }

    std::vector<TensorSpec> specs(const flatbuffers::Vector<int>* indices) const {
        std::vector<TensorSpec> result;
        if (indices == nullptr) return result;
        for (const int index : *indices) {
            auto spec = spec_of(tensor(index));
            if (!spec) {
                throw Error(ErrorKind::unsupported, fmt::format("load model '{}'", printable(name_, 120)),
                            fmt::format("tensor {} is of an element type that cannot go in or out", index));
            }
            result.push_back(std::move(*spec));
        }
        return result;
    }

    /// Bytes of a constant tensor's values; 0 for one that is computed.
    std::int64_t constant_size(const tflite::Tensor& tensor) const {
        if (tensor.buffer() >= model_.buffers()->size()) throw bad("a tensor's buffer is not there");
        const tflite::Buffer& buffer = *model_.buffers()->Get(tensor.buffer());
        if (buffer.data() != nullptr && buffer.data()->size() > 0) return buffer.data()->size();
        return static_cast<std::int64_t>(buffer.size());
    }

    /// Floating-point, or integers that stand for reals.
    static bool is_weight(const tflite::Tensor& tensor) {
        const auto dtype = dtype_of_tflite(tensor.type());
        const bool real = dtype == DType::float32 || dtype == DType::float16 || dtype == DType::float64;
        const auto* quantization = tensor.quantization();
        return real ||
               (quantization != nullptr && quantization->scale() != nullptr && quantization->scale()->size() > 0);
    }

    void count_weights(const tflite::Operator& operation, Layer& layer) {
        if (operation.inputs() == nullptr) return;
        for (const int index : *operation.inputs()) {
            if (index < 0) continue;  // an optional input that is not given
            const tflite::Tensor& input = tensor(index);
            const std::int64_t size = constant_size(input);
            const bool scalar = input.shape() == nullptr || input.shape()->size() == 0;
            if (size == 0 || scalar || !is_weight(input) || !counted_.insert(index).second) continue;
            layer.parameters += elements(input).value_or(0);
            layer.weight_size += Bytes(size);
        }
    }

    /// Of one sample: an open first dimension is 1.
    std::optional<std::int64_t> elements(const tflite::Tensor& tensor) const {
        const auto spec = spec_of(tensor);
        return spec ? element_count(with_batch(*spec, 1).shape) : std::nullopt;
    }

    std::optional<std::int64_t> macs(int code, const tflite::Operator& operation) const {
        const bool counts = code == conv_2d || code == depthwise_conv_2d || code == fully_connected ||
                            code == transpose_conv || code == batch_matmul;
        if (!counts) return 0;
        if (operation.inputs() == nullptr || operation.inputs()->size() < 2 || operation.outputs() == nullptr ||
            operation.outputs()->size() == 0) {
            return std::nullopt;
        }
        const auto weights = spec_of(tensor(operation.inputs()->Get(1)));
        if (!weights || weights->shape.empty()) return std::nullopt;
        // What one output element sums: the kernel, without its output channels; for a transposed convolution what one
        // input element is spread over.
        const Shape& shape = weights->shape;
        std::optional<std::int64_t> each;
        if (code == conv_2d && shape.size() == 4) each = element_count({shape[1], shape[2], shape[3]});
        if (code == transpose_conv && shape.size() == 4) each = element_count({shape[0], shape[1], shape[2]});
        if (code == depthwise_conv_2d && shape.size() == 4) each = element_count({shape[1], shape[2]});
        if (code == fully_connected || code == batch_matmul) each = shape.back();
        const bool over_inputs = code == transpose_conv && operation.inputs()->size() > 2;
        const auto times = elements(tensor(over_inputs ? operation.inputs()->Get(2) : operation.outputs()->Get(0)));
        std::int64_t product = 0;
        if (!each || !times || __builtin_mul_overflow(*each, *times, &product)) return std::nullopt;
        return product;
    }

    Layer layer(const tflite::Operator& operation, std::size_t place) {
        if (operation.opcode_index() >= model_.operator_codes()->size()) throw bad("an operator's code is not there");
        const tflite::OperatorCode& code = *model_.operator_codes()->Get(operation.opcode_index());
        Layer result;
        result.op = name_of(code);
        result.name = fmt::format("{}_{}", result.op, place);
        count_weights(operation, result);
        result.macs = macs(code_of(code), operation);
        Bytes total;
        bool known = true;
        if (operation.outputs() != nullptr) {
            for (const int index : *operation.outputs()) {
                const auto spec = spec_of(tensor(index));
                const auto size = spec ? size_of(with_batch(*spec, 1)) : std::nullopt;
                known = known && size.has_value();
                if (size) total += *size;
            }
        }
        if (known) result.output_size = total;
        return result;
    }

    const tflite::Model& model_;
    std::string_view name_;
    const tflite::SubGraph* graph_ = nullptr;
    std::unordered_set<int> counted_;  ///< constants that some layer has already been given
};

}  // namespace

bool is_tflite(std::string_view bytes) {
    return bytes.size() >= 8 && bytes.substr(4, identifier.size()) == identifier;
}

bool is_in_one_file(const ModelImage& model) {
    return model.path.empty() || is_tflite(model.bytes);
}

TfliteNetwork parse_tflite(std::string_view bytes, std::string_view name) {
    // Limits on depth and tables keep the verifier's time proportional to the file.
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), 64, 10'000'000);
    if (!tflite::VerifyModelBuffer(verifier)) {
        throw bad_model(name, "it begins like a TFLite file, but was cut short or damaged");
    }
    TfliteNetwork network = Reader(*tflite::GetModel(bytes.data()), name).network();
    network.facts.sha256 = sha256(bytes);
    return network;
}

}  // namespace breakeven
