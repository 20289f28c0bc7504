// Sensitivity, bias correction, mixed precision: what is measured, and the fewest layers that a floor needs.
#include "breakeven/compress/sensitivity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using fixture::picture;

Samples samples_of(std::uint64_t first, std::size_t count) {
    return {count, [first](std::size_t i) { return fixture::sample_of(picture, first + i); }};
}

Quantization quantization_of(const Model& model, BiasCorrection correction = BiasCorrection::local) {
    QuantizeOptions options;
    options.bias_correction = correction;
    options.calibration.method = CalibrationMethod::min_max;
    return Quantization(model, samples_of(1000, 24), fixture::execute(), options);
}

TEST(Sensitivity, ANetworkAgreesWithItselfExactly) {
    const Model model = fixture::varied();
    EXPECT_TRUE(std::isinf(output_sqnr_db(model, model, samples_of(1, 3), fixture::execute())));
}

TEST(Sensitivity, EveryLayerIsRankedTheMostSensitiveFirst) {
    const Model model = fixture::varied();
    const Quantization quantization = quantization_of(model);
    const auto ranked = layer_sensitivities(quantization, samples_of(1, 8), fixture::execute());
    ASSERT_EQ(ranked.size(), quantization.layers().size());
    for (std::size_t i = 1; i < ranked.size(); ++i) EXPECT_LE(ranked[i - 1].output_sqnr_db, ranked[i].output_sqnr_db);
    // The half that hurts most, kept in float, must help more than the other half.
    std::vector<std::string> worst, best;
    for (std::size_t i = 0; i < ranked.size(); ++i) (i < ranked.size() / 2 ? worst : best).push_back(ranked[i].layer);
    best.resize(worst.size());
    const Samples unseen = samples_of(5000, 16);
    EXPECT_GT(output_sqnr_db(model, quantization.model(worst), unseen, fixture::execute()),
              output_sqnr_db(model, quantization.model(best), unseen, fixture::execute()));
}

TEST(Sensitivity, AsFewLayersStayInFloatAsTheFloorNeeds) {
    const Quantization quantization = quantization_of(fixture::varied());
    const auto ranked = layer_sensitivities(quantization, samples_of(1, 4), fixture::execute());
    const auto in_8_bits = [](const Model& model) {
        double layers = 0;
        for (const auto& node : model.proto().graph().node()) {
            if (node.op_type() != "Conv" && node.op_type() != "Gemm") continue;
            for (const auto& other : model.proto().graph().node()) {
                layers += other.op_type() == "DequantizeLinear" && other.output(0) == node.input(1) ? 1 : 0;
            }
        }
        return layers;
    };
    const auto all = static_cast<double>(ranked.size());
    for (std::size_t kept = 0; kept <= ranked.size(); ++kept) {
        int asked = 0;
        const MixedPrecision found =
            quantize_within(quantization, ranked, all - static_cast<double>(kept), [&](const Model& model) {
                ++asked;
                return in_8_bits(model);
            });
        EXPECT_TRUE(found.floor_holds);
        EXPECT_EQ(found.kept_float.size(), kept);
        EXPECT_EQ(in_8_bits(found.model), found.drop_points);
        EXPECT_LE(asked, 9);
    }
    const MixedPrecision never = quantize_within(quantization, ranked, 0.5, [](const Model&) { return 1.0; });
    EXPECT_FALSE(never.floor_holds);
    EXPECT_EQ(never.kept_float.size(), ranked.size());
}

TEST(BiasCorrection, TheMeanOfWhatALayerPutsOutComesBack) {
    fixture::Net net(picture);
    // Pictures that are never negative, so that what rounding does to weights does not average out.
    const std::string bright = net.node("Abs", {"x"});
    const Model model = net.finish(net.convolution(bright, {8, 3, 3, 3}), {1, 8, 12, 12});
    const auto shift = [&](BiasCorrection correction) {
        QuantizeOptions options{.weight_scales = WeightScales::per_tensor, .weight_bits = WeightBits::seven};
        options.bias_correction = correction;
        QuantizeReport report;
        const Model after = quantize(model, samples_of(1000, 16), fixture::execute(), options, report);
        std::vector<double> off(8, 0.0);
        for (std::uint64_t i = 0; i < 16; ++i) {
            const Sample sample = fixture::sample_of(picture, 1000 + i);
            const Tensor a = fixture::run(model, sample).front();
            const Tensor b = fixture::run(after, sample).front();
            for (std::size_t j = 0; j < 8 * 144; ++j) {
                off[j / 144] += (double{b.as<float>()[j]} - double{a.as<float>()[j]}) / (144 * 16);
            }
        }
        double sum = 0;
        for (const double o : off) sum += o * o;
        return std::sqrt(sum / 8);
    };
    EXPECT_LT(shift(BiasCorrection::local), 0.5 * shift(BiasCorrection::off));
}

TEST(BiasCorrection, NoneIsMadeWhenItIsOff) {
    EXPECT_EQ(quantization_of(fixture::varied(), BiasCorrection::off).report().biases_corrected, 0U);
    EXPECT_EQ(quantization_of(fixture::varied()).report().biases_corrected, 9U);
}

}  // namespace
}  // namespace breakeven
