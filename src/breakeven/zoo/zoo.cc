// The zoo: the table of names.
#include "breakeven/zoo/zoo.h"

#include <fmt/format.h>

#include <array>

#include "breakeven/error.h"
#include "breakeven/zoo/definitions.h"

namespace breakeven {

namespace {

using Value = NetworkBuilder::Value;
using Define = void (*)(NetworkBuilder& builder, std::int64_t side);

/// The study's top: Flatten, Dense(256), Dense(100) for CIFAR-100's classes.
template <Value features(NetworkBuilder& builder, std::int64_t side)>
void with_top(NetworkBuilder& builder, std::int64_t side) {
    const Value flat = builder.flatten("flatten", features(builder, side));
    const Value hidden = builder.dense("dense", flat, 256, Activation::relu);
    builder.output(builder.dense("dense_1", hidden, 100, Activation::softmax));
}

constexpr std::int64_t no_side = 0;

struct Family {
    std::string_view name;
    std::vector<std::int64_t> sides;
    Define define;
};

const std::vector<Family>& families() {
    static const std::vector<Family> table{{"mobilenet-v1", {32, 75, 128}, with_top<mobilenet_v1>},
                                           {"resnet50", {32, 75, 128}, with_top<resnet50>},
                                           {"vgg16", {32, 75, 128}, with_top<vgg16>},
                                           {"inception-v3", {75, 128}, with_top<inception_v3>},
                                           {"mobilenet-v2", {224}, mobilenet_v2},
                                           {"inception-v4", {299}, inception_v4},
                                           {"ssd-mobilenet-v1", {300}, ssd_mobilenet_v1},
                                           {"ssd-mobilenet-v2", {300}, ssd_mobilenet_v2},
                                           {"cnn-trad-fpool3", {no_side}, cnn_trad_fpool3}};
    return table;
}

std::string name_of(const Family& family, std::int64_t side) {
    return side == no_side ? std::string(family.name) : fmt::format("{}-{}", family.name, side);
}

}  // namespace

std::vector<ZooNetwork> zoo_networks() {
    std::vector<ZooNetwork> networks;
    for (const Family& family : families()) {
        for (const std::int64_t side : family.sides) {
            NetworkBuilder builder(name_of(family, side), std::nullopt);
            family.define(builder, side);
            networks.push_back({.name = name_of(family, side),
                                .input = builder.input(),
                                .parameters = builder.counts().parameters,
                                .keras_layers = builder.counts().keras_layers});
        }
    }
    return networks;
}

Model build_network(std::string_view name, std::uint64_t seed) {
    for (const Family& family : families()) {
        for (const std::int64_t side : family.sides) {
            if (name_of(family, side) != name) continue;
            NetworkBuilder builder(std::string(name), seed);
            family.define(builder, side);
            return builder.finish();
        }
    }
    throw Error(ErrorKind::usage, fmt::format("build network '{}'", name),
                "it is not in the zoo; `breakeven zoo list` shows what is");
}

}  // namespace breakeven
