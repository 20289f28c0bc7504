// quantize: recipe letter Q. A float network becomes one of 8-bit integers, written as QuantizeLinear/DequantizeLinear
// pairs (QDQ) around the operators that engines fuse into integer kernels. It needs samples without labels, no
// training.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/compress/calibrate.h"
#include "breakeven/compress/execution.h"
#include "breakeven/model/model.h"

namespace breakeven {

/// Activations in unsigned or signed bytes. ONNX Runtime on x86 multiplies unsigned by signed bytes; with signed
/// activations it runs at half the speed of float (see docs).
enum class ActivationForm { unsigned_8, signed_8 };

/// Whether each output channel of a layer has its own weight scale.
enum class WeightScales { per_channel, per_tensor };

/// 7 bits for x86 without VNNI, whose multiply-add of unsigned by signed bytes saturates at 16 bits.
enum class WeightBits { eight, seven };

/// Quantization shifts the mean of a layer's output; the bias takes the shift back (Nagel et al. 2019, section 4.2).
/// `local`: each layer's own shift, one pass. `sequential`: then also what the layers before it leave, a pass a layer.
enum class BiasCorrection { off, local, sequential };

struct QuantizeOptions {
    ActivationForm activations = ActivationForm::unsigned_8;
    WeightScales weight_scales = WeightScales::per_channel;
    WeightBits weight_bits = WeightBits::eight;
    CalibrationOptions calibration;
    bool fold = true;  ///< batch norms and affine operators into the layers beside them
    /// Channels of neighbouring layers rescaled against each other: for per_tensor weights. Where each channel has its
    /// own scale it gains nothing, and may cost a decibel.
    bool equalize = false;
    BiasCorrection bias_correction = BiasCorrection::local;
    std::vector<std::string> keep_float;                   ///< layers, by the names that Model::layers() gives them
    std::function<void(std::string_view stage)> progress;  ///< told what begins; may be empty
};

/// A layer with weights, after quantization.
struct QuantizedLayer {
    std::string name;
    std::string op;
    bool quantized = false;
    std::string why_float;  ///< empty when quantized
};

/// Operators that run in float, as they did: unknown ones, and those that gain nothing.
struct OperatorCount {
    std::string op;
    std::size_t count = 0;
};

struct QuantizeReport {
    std::vector<QuantizedLayer> layers;  ///< in the order of the graph
    std::vector<OperatorCount> left_alone;
    std::vector<ChosenRange> ranges;  ///< of the quantized activations
    std::size_t folded = 0;           ///< operators that went into a layer beside them
    std::size_t equalized = 0;        ///< pairs of layers rescaled
    std::size_t biases_corrected = 0;
    std::size_t samples = 0;  ///< that calibration looked at
};

/// A network that is ready to be written in integers: folded, calibrated, its biases' shifts known. What takes long is
/// done once; variants of it with other layers in float are quick.
class Quantization final {
   public:
    /// Throws Error{input}: an already quantized model, weights that are not finite, no samples, samples that do not
    /// fit the inputs, a layer of `keep_float` that the model has not; {unsupported} for weights that are not float32.
    Quantization(const Model& model, const Samples& samples, const Execute& execute, const QuantizeOptions& options);
    ~Quantization();
    Quantization(Quantization&&) noexcept;
    Quantization& operator=(Quantization&&) noexcept;

    /// The float network as it is quantized: folded and equalized.
    const Model& prepared() const;
    /// Layers that can be quantized, in the order of the graph.
    std::vector<std::string> layers() const;
    /// The quantized network, with `keep_float` in float besides those of the options.
    Model model(const std::vector<std::string>& keep_float = {}) const;
    /// The float network with this one layer (its weights, its input, its output) rounded.
    Model only(const std::string& layer) const;
    QuantizeReport report(const std::vector<std::string>& keep_float = {}) const;

   private:
    struct State;
    std::unique_ptr<State> state_;
};

/// All of it in one call.
Model quantize(const Model& model, const Samples& samples, const Execute& execute, const QuantizeOptions& options,
               QuantizeReport& report);

}  // namespace breakeven
