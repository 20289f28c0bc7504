// Number forms: the ways in which a network's 8-bit integers can be written, each tried on the platform that shall run
// it. Engines fuse some and not others (a form was seen at half the speed of float), and may compute one wrongly.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "breakeven/advise/compression.h"
#include "breakeven/measure/agreement.h"

namespace breakeven {

struct NumberForm {
    std::string name;  ///< "u8s8": activations, weights
    ActivationForm activations = ActivationForm::unsigned_8;
    WeightScales weight_scales = WeightScales::per_channel;
    WeightBits weight_bits = WeightBits::eight;
};

/// The most accurate first.
std::vector<NumberForm> number_forms();

struct FormTried {
    NumberForm form;
    CompressionResult result;
    EngineVerdict verdict;  ///< whether the platform's engine computes what the form says

    /// How many times as fast as the network as given, measured in turns with it; 0 where it was not measured.
    double speedup() const;
};

struct FormsTried {
    std::vector<FormTried> forms;
    std::size_t best = 0;  ///< of those that are computed rightly the fastest; within 3 % the more accurate
};

/// The request's recipe must have a Q. Throws what compress_model throws, and Error{unsupported} where the platform's
/// engine computes no form rightly.
FormsTried try_number_forms(const ModelFile& model, const CompressionRequest& request, CompressionTools& tools);

}  // namespace breakeven
