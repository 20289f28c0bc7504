// prune: half of every layer is gone, and the rest makes up for it.
#include "breakeven/compress/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "tests/compress/prune_fixture.h"
#include "tests/fakes/shared_data.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

TEST(Prune, HalfOfEveryLayerIsZeroAndDepthwiseKernelsAreWhole) {
    const Calibration calibration = fixture::calibration(fixture::picture);
    for (const Calibration* given : {static_cast<const Calibration*>(nullptr), &calibration}) {
        Network network(fixture::varied());
        const PruneReport report = prune(network, {}, given);
        ASSERT_EQ(report.layers.size(), 9U);
        for (const LinearLayer& layer : linear_layers(network).layers) {
            const auto found = std::find_if(report.layers.begin(), report.layers.end(),
                                            [&](const auto& l) { return l.node == layer.node; });
            ASSERT_NE(found, report.layers.end());
            EXPECT_EQ(found->zeros, layer.is_depthwise() ? 0 : (found->weights + 1) / 2) << layer.node;
        }
        network.finish();
    }
}

TEST(Prune, ReconstructionIsNeverWorseThanTheMaskAlone) {
    const Calibration calibration = fixture::calibration(fixture::picture);
    for (const double sparsity : {0.0, 0.3, 0.5, 0.9}) {
        for (const PruneChoice choice : {PruneChoice::magnitude, PruneChoice::second_order}) {
            Network network(fixture::varied());
            const PruneReport report = prune(network, {.sparsity = sparsity, .choice = choice}, &calibration);
            for (const PrunedLayer& layer : report.layers) {
                ASSERT_TRUE(layer.error && layer.error_mask_alone);
                EXPECT_LE(*layer.error, *layer.error_mask_alone + 1e-5) << layer.node;
            }
        }
    }
}

TEST(Prune, TheNetworkMovesLessThanHalfAsFarWithReconstruction) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    Network plain(model);
    Network biased(model);
    Network rebuilt(model);
    prune(plain, {}, nullptr);
    prune(biased, {.choice = PruneChoice::magnitude, .reconstruction = Reconstruction::bias}, &calibration);
    prune(rebuilt, {}, &calibration);
    const double alone = fixture::difference(model, plain.finish(), fixture::picture);
    EXPECT_LT(fixture::difference(model, rebuilt.finish(), fixture::picture), 0.5 * alone);
    EXPECT_LT(fixture::difference(model, biased.finish(), fixture::picture), alone);
}

TEST(Prune, NothingRemovedChangesNothing) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture);
    Network network(model);
    prune(network, {.sparsity = 0.0}, &calibration);
    EXPECT_LT(fixture::difference(model, network.finish(), fixture::picture), 1e-6);
}

TEST(Prune, ALayerMayDiffer) {
    Network network(fixture::varied());
    const std::string node = linear_layers(network).layers.front().node;
    const PruneReport report = prune(network, {.sparsity = 0.5, .sparsity_of = {{node, 0.0}}}, nullptr);
    EXPECT_EQ(report.layers.front().zeros, 0);
    EXPECT_GT(report.layers.back().zeros, 0);
}

TEST(Prune, RefusesWhatMakesNoSense) {
    Network network(fixture::varied());
    EXPECT_THAT(fixture::message_of([&] { prune(network, {.sparsity = 1.0}, nullptr); }), HasSubstr("less than 1"));
    EXPECT_THAT(fixture::message_of([&] {
                    prune(network, {.sparsity_of = {{"nobody", 0.5}}}, nullptr);
                }),
                HasSubstr("no layer 'nobody'"));
    const Calibration none = fixture::calibration(fixture::picture, 0);
    EXPECT_THAT(fixture::message_of([&] { prune(network, {}, &none); }), HasSubstr("no samples"));
    const LinearLayer layer = linear_layers(network).layers.back();
    std::vector<float> broken(network.weights(layer.weights).begin(), network.weights(layer.weights).end());
    broken[1] = std::numeric_limits<float>::infinity();
    network.set_weights(layer.weights, network.weights_shape(layer.weights), broken);
    EXPECT_THAT(fixture::message_of([&] { prune(network, {}, nullptr); }), HasSubstr("not finite"));
}

TEST(Prune, OperatorsNobodyKnowsPassThrough) {
    fixture::Net net({1, 4, 6, 6});
    const std::string made = net.convolution("x", {8, 4, 3, 3});
    const std::string odd = net.fresh("odd");
    net.graph().domain_node("com.microsoft", "Odd", {made}, {odd});
    const Model model = net.finish(odd, {1, 8, 6, 6});
    Network network(model);
    prune(network, {}, nullptr);
    EXPECT_EQ(network.finish().facts().nodes, model.facts().nodes);
}

/// Right answers of the keyword network on every other of the spoken words, and its samples.
struct Words {
    std::vector<Tensor> inputs;
    std::vector<int> labels;

    Words() {
        const auto folder = fakes::shared_data() / "audio/kws01-500";
        std::ifstream rows(folder / "labels.csv");
        std::string line;
        std::getline(rows, line);
        while (std::getline(rows, line)) {
            const auto comma = line.find(',');
            std::ifstream file(folder / line.substr(0, comma), std::ios::binary);
            std::vector<char> bytes(490);
            file.read(bytes.data(), 490);
            std::vector<float> values;
            for (const char byte : bytes)
                values.push_back((static_cast<float>(static_cast<signed char>(byte)) - 83.0F) * 0.5847029F);
            inputs.push_back(Tensor::of<float>(DType::float32, {1, 49, 10, 1}, values));
            labels.push_back(std::stoi(line.substr(comma + 1)));
        }
    }
    Calibration calibration() const {
        return {.samples = {inputs.size() / 2, [this](std::size_t i) { return Sample{inputs[2 * i]}; }},
                .execute = fixture::execute()};
    }
    int right(const Model& model) const {
        const Samples held_out{inputs.size() / 2, [this](std::size_t i) { return Sample{inputs[2 * i + 1]}; }};
        int right = 0;
        fixture::execute()(model, held_out, [&](std::size_t i, auto outputs) {
            const auto scores = outputs[0].template as<float>();
            right += std::max_element(scores.begin(), scores.end()) - scores.begin() == labels[2 * i + 1] ? 1 : 0;
        });
        return right;
    }
};

TEST(Prune, WithReconstructionATrainedNetworkLosesLessThanHalfOfWhatItLosesWithout) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const Words words;
    std::ifstream file(fakes::shared_data() / "models/onnx/kws_dscnn_fp32.onnx", std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    const Model model = Model::parse(bytes.str(), "kws");
    const Calibration calibration = words.calibration();
    Network plain(model);
    Network rebuilt(model);
    prune(plain, {}, nullptr);
    prune(rebuilt, {}, &calibration);
    const int before = words.right(model);
    const int lost_plain = before - words.right(plain.finish());
    const int lost = before - words.right(rebuilt.finish());
    EXPECT_GT(lost_plain, 10);  // 4 points of 250
    EXPECT_LT(2 * lost, lost_plain);
}

}  // namespace
}  // namespace breakeven
