// The zoo: the table of names, and the networks' definitions.
#include "breakeven/zoo/zoo.h"

#include <fmt/format.h>

#include <array>

#include "breakeven/error.h"
#include "breakeven/zoo/mobilenet_v1.h"
#include "breakeven/zoo/network_builder.h"

namespace breakeven {

namespace {

using Definition = NetworkBuilder::Value (*)(NetworkBuilder& builder, std::int64_t side);

struct Family {
    std::string_view name;
    std::array<std::int64_t, 3> sides;
    Definition define;
};

constexpr std::array<Family, 1> families{{{"mobilenet-v1", {32, 75, 128}, mobilenet_v1}}};

std::string name_of(const Family& family, std::int64_t side) {
    return fmt::format("{}-{}", family.name, side);
}

/// The study's top: Flatten, Dense(256), Dense(100) for CIFAR-100's classes.
NetworkBuilder::Value top(NetworkBuilder& builder, const NetworkBuilder::Value& features) {
    const auto flat = builder.flatten("flatten", features);
    const auto hidden = builder.dense("dense", flat, 256, Activation::relu);
    return builder.dense("dense_1", hidden, 100, Activation::softmax);
}

}  // namespace

std::vector<ZooNetwork> zoo_networks() {
    std::vector<ZooNetwork> networks;
    for (const Family& family : families) {
        for (const std::int64_t side : family.sides) {
            NetworkBuilder builder(name_of(family, side), std::nullopt);
            top(builder, family.define(builder, side));
            networks.push_back({.name = name_of(family, side),
                                .input = {"input", DType::float32, {-1, 3, side, side}},
                                .parameters = builder.parameters(),
                                .keras_layers = builder.keras_layers()});
        }
    }
    return networks;
}

Model build_network(std::string_view name, std::uint64_t seed) {
    for (const Family& family : families) {
        for (const std::int64_t side : family.sides) {
            if (name_of(family, side) != name) continue;
            NetworkBuilder builder(std::string(name), seed);
            return builder.finish(top(builder, family.define(builder, side)));
        }
    }
    throw Error(ErrorKind::usage, fmt::format("build network '{}'", name),
                "it is not in the zoo; `breakeven zoo list` shows what is");
}

}  // namespace breakeven
