// What tests of compression run networks with: ONNX Runtime on one thread, and samples made of a seed.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/compress/gram.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/time/random.h"
#include "tests/fakes/tiny_models.h"

namespace breakeven::fixture {

inline Engine& engine() {
    static const std::unique_ptr<Engine> made = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    return *made;
}

inline const Platform one_thread{.engine = "onnxruntime", .unit = "cpu", .number = 1};

inline std::vector<Tensor> run(const Model& model, const Sample& sample) {
    return engine().load(image_of(model), one_thread, {})->run(sample).outputs;
}

inline Execute execute() {
    return [](const Model& model, const Samples& samples, const TakeOutputs& take) {
        const auto runner = engine().load(image_of(model), one_thread, {});
        for (std::size_t i = 0; i < samples.count; ++i) take(i, runner->run(samples.at(i)).outputs);
    };
}

inline std::vector<float> noise(std::int64_t count, std::uint64_t seed, double scale = 1.0) {
    Random random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(random.normal() * scale);
    return values;
}

/// Smooth in each sample, so that inputs of a layer depend on each other as those of pictures do.
inline Sample sample_of(const Shape& shape, std::uint64_t seed) {
    std::vector<float> values = noise(*element_count(shape), seed);
    for (std::size_t i = 1; i < values.size(); ++i) values[i] = 0.8F * values[i - 1] + 0.6F * values[i];
    return {Tensor::of<float>(DType::float32, shape, values)};
}

inline Calibration calibration(const Shape& shape, std::size_t count = 24) {
    return {.samples = {count, [shape](std::size_t i) { return sample_of(shape, 1000 + i); }}, .execute = execute()};
}

/// Mean squared difference of the first outputs on samples that calibration does not see, as a share of their energy.
inline double difference(const Model& a, const Model& b, const Shape& shape) {
    double error = 0.0;
    double energy = 0.0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto first = run(a, sample_of(shape, seed)).front();
        const auto second = run(b, sample_of(shape, seed)).front();
        const auto x = first.as<float>();
        const auto y = second.as<float>();
        if (x.size() != y.size()) return INFINITY;
        for (std::size_t i = 0; i < x.size(); ++i) {
            error += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
            energy += std::pow(static_cast<double>(x[i]), 2);
        }
    }
    return error / std::max(energy, 1e-30);
}

/// A graph under construction, with weights of a seed.
class Net {
   public:
    explicit Net(const Shape& input) { graph_.input("x", DType::float32, input); }

    std::string convolution(const std::string& from, const Shape& kernel, std::int64_t group = 1,
                            std::int64_t stride = 1) {
        const std::string name = fresh("conv");
        graph_.weights(name + ".w", kernel, noise(*element_count(kernel), ++seed_, scale(kernel)));
        graph_.weights(name + ".b", {kernel[0]}, noise(kernel[0], ++seed_, 0.1));
        const std::int64_t pad = kernel[2] / 2;
        return node("Conv", {from, name + ".w", name + ".b"}, name,
                    {fakes::ints_attribute("pads", {pad, pad, pad, pad}), fakes::int_attribute("group", group),
                     fakes::ints_attribute("strides", {stride, stride})});
    }
    std::string norm(const std::string& from, std::int64_t channels) {
        const std::string name = fresh("norm");
        for (const char* part : {".scale", ".bias", ".mean", ".var"}) {
            std::vector<float> values = noise(channels, ++seed_, 0.2);
            for (float& value : values)
                value = std::string(part) == ".var" || std::string(part) == ".scale" ? 1.0F + std::abs(value) : value;
            graph_.weights(name + part, {channels}, values);
        }
        return node("BatchNormalization", {from, name + ".scale", name + ".bias", name + ".mean", name + ".var"}, name);
    }
    std::string dense(const std::string& from, std::int64_t inputs, std::int64_t outputs) {
        const std::string name = fresh("dense");
        graph_.weights(name + ".w", {inputs, outputs},
                       noise(inputs * outputs, ++seed_, 1.0 / std::sqrt(static_cast<double>(inputs))));
        graph_.weights(name + ".b", {outputs}, noise(outputs, ++seed_, 0.1));
        return node("Add", {node("MatMul", {from, name + ".w"}, name), name + ".b"}, name + ".sum");
    }
    std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output,
                     const std::vector<fakes::Attribute>& attributes = {}) {
        graph_.node(op, inputs, {output}, attributes);
        return output;
    }
    std::string node(const std::string& op, const std::vector<std::string>& inputs) {
        return node(op, inputs, fresh(op));
    }
    std::string fresh(const std::string& wish) { return wish + std::to_string(++names_); }
    fakes::TinyGraph& graph() { return graph_; }
    Model finish(const std::string& output, const Shape& shape) {
        graph_.output(output, DType::float32, shape);
        return Model::parse(graph_.model(), "net");
    }

   private:
    static double scale(const Shape& kernel) {
        return 1.4 / std::sqrt(static_cast<double>(kernel[1] * kernel[2] * kernel[3]));
    }
    fakes::TinyGraph graph_;
    std::uint64_t seed_ = 100;
    int names_ = 0;
};

inline const Shape picture{1, 3, 12, 12};

/// What a graph can do to channels: a residual block, a depthwise pair, a concatenation, norms, a flattening, a
/// product.
inline Model varied() {
    Net net(picture);
    const std::string stem = net.node("Relu", {net.norm(net.convolution("x", {16, 3, 3, 3}), 16)});
    const std::string inner = net.node("Relu", {net.convolution(stem, {24, 16, 3, 3})});
    const std::string sum = net.node("Add", {net.convolution(inner, {16, 24, 3, 3}), stem});
    const std::string wide = net.node("Relu", {net.convolution(net.node("Relu", {sum}), {32, 16, 1, 1})});
    const std::string deep = net.node("Relu", {net.convolution(wide, {32, 1, 3, 3}, 32, 2)});
    const std::string left = net.convolution(deep, {8, 32, 1, 1});
    const std::string right = net.convolution(deep, {16, 32, 3, 3});
    const std::string joined = net.node("Concat", {net.node("Relu", {left}), net.node("Relu", {right})},
                                        net.fresh("joined"), {fakes::int_attribute("axis", 1)});
    const std::string pooled =
        net.node("AveragePool", {joined}, net.fresh("pool"),
                 {fakes::ints_attribute("kernel_shape", {3, 3}), fakes::ints_attribute("strides", {3, 3})});
    const std::string flat = net.node("Flatten", {pooled});
    const std::string hidden = net.node("Relu", {net.dense(flat, 24 * 4, 32)});
    return net.finish(net.node("Softmax", {net.dense(hidden, 32, 10)}), {1, 10});
}

inline std::string message_of(const auto& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace breakeven::fixture
