// Agreement: rounding is forgiven, another answer is not; no output escapes by being no number or of another shape.
#include "breakeven/measure/agreement.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "fakes/scripted_engine.h"

namespace breakeven {
namespace {

using Values = std::vector<float>;

/// A runner that answers each input with `change` of it.
std::unique_ptr<Runner> runner(const std::function<Values(Values)>& change) {
    static std::atomic<int> runs;
    const TensorSpec spec{"x", DType::float32, {-1}};
    return std::make_unique<fakes::ScriptedRunner>(
        fakes::Script{.inputs = {spec},
                      .outputs = {spec},
                      .run =
                          [change](std::span<const Tensor> inputs) {
                              const auto values = inputs[0].as<float>();
                              const Values answer = change(Values(values.begin(), values.end()));
                              const auto size = static_cast<std::int64_t>(answer.size());
                              return std::vector<Tensor>{Tensor::of<float>(DType::float32, {size}, answer)};
                          }},
        runs);
}

Agreement against_identity(const std::function<Values(Values)>& change, const Values& sample = {1, -2, 3, 4}) {
    const auto reference = runner([](Values values) { return values; });
    const auto tested = runner(change);
    const auto size = static_cast<std::int64_t>(sample.size());
    const std::vector<std::vector<Tensor>> samples{{Tensor::of<float>(DType::float32, {size}, sample)}};
    return compare(*tested, *reference, samples, 1e-3);
}

TEST(Agreement, IsTheRelativeNormOfTheDifference) {
    const Agreement agreement = against_identity([](Values values) {
        for (float& value : values) value *= 1.25F;
        return values;
    });
    EXPECT_NEAR(agreement.error, 0.25, 1e-6);
    EXPECT_FALSE(agreement.right());
}

TEST(Agreement, ForgivesRoundingAndNotHalfPrecision) {
    const auto rounded_to = [](float step) {
        return [step](Values values) {
            for (float& value : values) value *= 1.0F + step;
            return values;
        };
    };
    EXPECT_TRUE(against_identity(rounded_to(1e-5F)).right());
    EXPECT_FALSE(against_identity(rounded_to(std::ldexp(1.0F, -9))).right());
}

TEST(Agreement, NothingEscapes) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(against_identity([&](Values) { return Values{nan, nan, nan, nan}; }).right());
    EXPECT_FALSE(against_identity([](Values) { return Values{1, -2, 3}; }).right());
    EXPECT_FALSE(against_identity([](Values) { return Values{1, 1, 1, 1}; }, {nan, 1, 1, 1}).right());
    EXPECT_FALSE(against_identity([](Values) { return Values{1, 1}; }, {0, 0}).right());
    EXPECT_TRUE(against_identity([](Values values) { return values; }, {nan, 0, 1}).right());
    EXPECT_TRUE(against_identity([](Values values) { return values; }, {0, 0}).right());
}

}  // namespace
}  // namespace breakeven
