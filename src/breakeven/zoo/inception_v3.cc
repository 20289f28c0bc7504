// Inception V3 (Szegedy et al. 2016, "Rethinking the Inception architecture", Table 1), as Keras builds it.
#include <fmt/format.h>

#include "breakeven/zoo/inception.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;

/// 35x35 in the paper: four branches, of up to two 3x3.
Value block_a(Inception& net, const Value& from, std::int64_t pool_filters) {
    const Value one = net.convolution(from, 64, {.kernel = 1});
    const Value five = net.convolution(net.convolution(from, 48, {.kernel = 1}), 64, {.kernel = 5});
    Value three = net.convolution(net.convolution(from, 64, {.kernel = 1}), 96, {.kernel = 3});
    three = net.convolution(three, 96, {.kernel = 3});
    const Value pooled = net.convolution(net.average_pool(from), pool_filters, {.kernel = 1});
    return net.mixed({one, five, three, pooled});
}

Value reduction_a(Inception& net, const Value& from) {
    const NetworkBuilder::Filter halve{.kernel = 3, .stride = 2, .padding = Padding::valid};
    const Value three = net.convolution(from, 384, halve);
    const Value double_three =
        net.convolution(net.convolution(net.convolution(from, 64, {.kernel = 1}), 96, {.kernel = 3}), 96, halve);
    return net.mixed({three, double_three, net.max_pool(from)});
}

/// 17x17: 7x7 as rows and columns.
Value block_b(Inception& net, const Value& from, std::int64_t inside) {
    const NetworkBuilder::Filter row{.kernel = {1, 7}};
    const NetworkBuilder::Filter column{.kernel = {7, 1}};
    const Value one = net.convolution(from, 192, {.kernel = 1});
    Value seven = net.convolution(net.convolution(from, inside, {.kernel = 1}), inside, row);
    seven = net.convolution(seven, 192, column);
    Value twice = net.convolution(net.convolution(from, inside, {.kernel = 1}), inside, column);
    twice = net.convolution(net.convolution(twice, inside, row), inside, column);
    twice = net.convolution(twice, 192, row);
    const Value pooled = net.convolution(net.average_pool(from), 192, {.kernel = 1});
    return net.mixed({one, seven, twice, pooled});
}

Value reduction_b(Inception& net, const Value& from) {
    const NetworkBuilder::Filter halve{.kernel = 3, .stride = 2, .padding = Padding::valid};
    const Value three = net.convolution(net.convolution(from, 192, {.kernel = 1}), 320, halve);
    Value seven = net.convolution(net.convolution(from, 192, {.kernel = 1}), 192, {.kernel = {1, 7}});
    seven = net.convolution(net.convolution(seven, 192, {.kernel = {7, 1}}), 192, halve);
    return net.mixed({three, seven, net.max_pool(from)});
}

/// 8x8: 3x3 as a row beside a column.
Value block_c(Inception& net, const Value& from) {
    const auto split = [&](const Value& value) {
        const Value row = net.convolution(value, 384, {.kernel = {1, 3}});
        return net.mixed({row, net.convolution(value, 384, {.kernel = {3, 1}})});
    };
    const Value one = net.convolution(from, 320, {.kernel = 1});
    const Value three = split(net.convolution(from, 384, {.kernel = 1}));
    const Value twice = split(net.convolution(net.convolution(from, 448, {.kernel = 1}), 384, {.kernel = 3}));
    const Value pooled = net.convolution(net.average_pool(from), 192, {.kernel = 1});
    return net.mixed({one, three, twice, pooled});
}

}  // namespace

NetworkBuilder::Value inception_v3(NetworkBuilder& builder, std::int64_t side) {
    Inception net(builder, 1.0);
    Value value = net.convolution(builder.picture(side, 75), 32, {.kernel = 3, .stride = 2, .padding = Padding::valid});
    value = net.convolution(value, 32, {.kernel = 3, .padding = Padding::valid});
    value = net.max_pool(net.convolution(value, 64, {.kernel = 3}));
    value = net.convolution(value, 80, {.kernel = 1, .padding = Padding::valid});
    value = net.max_pool(net.convolution(value, 192, {.kernel = 3, .padding = Padding::valid}));
    for (const std::int64_t pool_filters : {32, 64, 64}) value = block_a(net, value, pool_filters);
    value = reduction_a(net, value);
    for (const std::int64_t inside : {128, 160, 160, 192}) value = block_b(net, value, inside);
    value = reduction_b(net, value);
    return block_c(net, block_c(net, value));
}

}  // namespace breakeven
