// Inception V4 (Szegedy et al. 2017, "Inception-v4, Inception-ResNet and the impact of residual connections on
// learning", Figures 3 to 9); its batch norms have no scale, as in TensorFlow's slim.
#include "breakeven/zoo/inception.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;
using Filter = NetworkBuilder::Filter;

constexpr std::int64_t classes = 1000;
constexpr Filter point{.kernel = 1};
constexpr Filter square{.kernel = 3};
constexpr Filter valid{.kernel = 3, .padding = Padding::valid};
constexpr Filter halve{.kernel = 3, .stride = 2, .padding = Padding::valid};
constexpr Filter row{.kernel = {1, 7}};
constexpr Filter column{.kernel = {7, 1}};

/// Figure 3.
Value stem(Inception& net, const Value& picture) {
    Value value = net.convolution(picture, 32, halve);
    value = net.convolution(net.convolution(value, 32, valid), 64, square);
    const Value pooled = net.max_pool(value);
    value = net.mixed({pooled, net.convolution(value, 96, halve)});

    const Value short_branch = net.convolution(net.convolution(value, 64, point), 96, valid);
    Value long_branch = net.convolution(net.convolution(value, 64, point), 64, row);
    long_branch = net.convolution(net.convolution(long_branch, 64, column), 96, valid);
    value = net.mixed({short_branch, long_branch});

    const Value halved = net.convolution(value, 192, halve);
    return net.mixed({halved, net.max_pool(value)});
}

/// Figure 4: 35x35.
Value block_a(Inception& net, const Value& from) {
    const Value one = net.convolution(from, 96, point);
    const Value three = net.convolution(net.convolution(from, 64, point), 96, square);
    const Value twice = net.convolution(net.convolution(net.convolution(from, 64, point), 96, square), 96, square);
    const Value pooled = net.convolution(net.average_pool(from), 96, point);
    return net.mixed({one, three, twice, pooled});
}

/// Figure 7 with the numbers of Table 1.
Value reduction_a(Inception& net, const Value& from) {
    const Value three = net.convolution(from, 384, halve);
    const Value twice = net.convolution(net.convolution(net.convolution(from, 192, point), 224, square), 256, halve);
    return net.mixed({three, twice, net.max_pool(from)});
}

/// Figure 5: 17x17.
Value block_b(Inception& net, const Value& from) {
    const Value one = net.convolution(from, 384, point);
    const Value seven = net.convolution(net.convolution(net.convolution(from, 192, point), 224, row), 256, column);
    Value twice = net.convolution(net.convolution(net.convolution(from, 192, point), 192, column), 224, row);
    twice = net.convolution(net.convolution(twice, 224, column), 256, row);
    const Value pooled = net.convolution(net.average_pool(from), 128, point);
    return net.mixed({one, seven, twice, pooled});
}

/// Figure 8.
Value reduction_b(Inception& net, const Value& from) {
    const Value three = net.convolution(net.convolution(from, 192, point), 192, halve);
    Value seven = net.convolution(net.convolution(net.convolution(from, 256, point), 256, row), 320, column);
    seven = net.convolution(seven, 320, halve);
    return net.mixed({three, seven, net.max_pool(from)});
}

/// Figure 6: 8x8.
Value block_c(Inception& net, const Value& from) {
    const auto split = [&](const Value& value) {
        const Value flat = net.convolution(value, 256, {.kernel = {1, 3}});
        return net.mixed({flat, net.convolution(value, 256, {.kernel = {3, 1}})});
    };
    const Value one = net.convolution(from, 256, point);
    const Value three = split(net.convolution(from, 384, point));
    Value twice = net.convolution(net.convolution(from, 384, point), 448, {.kernel = {3, 1}});
    twice = split(net.convolution(twice, 512, {.kernel = {1, 3}}));
    const Value pooled = net.convolution(net.average_pool(from), 256, point);
    return net.mixed({one, three, twice, pooled});
}

}  // namespace

void inception_v4(NetworkBuilder& builder, std::int64_t side) {
    Inception net(builder, 1.15);
    Value value = stem(net, builder.picture(side, 64));
    for (int i = 0; i < 4; ++i) value = block_a(net, value);
    value = reduction_a(net, value);
    for (int i = 0; i < 7; ++i) value = block_b(net, value);
    value = reduction_b(net, value);
    for (int i = 0; i < 3; ++i) value = block_c(net, value);
    value = builder.global_average_pool("global_average_pooling2d", value);
    builder.output(builder.dense("predictions", value, classes, Activation::softmax));
}

}  // namespace breakeven
