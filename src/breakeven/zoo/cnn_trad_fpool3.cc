// cnn-trad-fpool3 (Sainath & Parada 2015, "Convolutional neural networks for small-footprint keyword spotting",
// Table 1): 32 frames of 40 log-mel features. Biases come on top of the paper's 244.2 thousand.
#include "breakeven/zoo/definitions.h"

namespace breakeven {

void cnn_trad_fpool3(NetworkBuilder& builder, std::int64_t) {
    constexpr std::int64_t filters = 64;
    constexpr std::int64_t classes = 4;
    NetworkBuilder::Value value = builder.features({32, 40});
    value = builder.convolution(
        "conv_0", value, filters,
        {.kernel = {20, 8}, .padding = Padding::valid, .bias = Bias::centred, .activation = Activation::relu});
    value = builder.max_pool("pool_0", value, {.kernel = {1, 3}, .stride = {1, 3}, .padding = Padding::valid});
    value = builder.convolution(
        "conv_1", value, filters,
        {.kernel = {10, 4}, .padding = Padding::valid, .bias = Bias::centred, .activation = Activation::relu});
    value = builder.dense("linear", builder.flatten("flatten", value), 32, Activation::none);
    value = builder.dense("dnn", value, 128, Activation::relu);
    builder.output(builder.dense("classes", value, classes, Activation::softmax));
}

}  // namespace breakeven
