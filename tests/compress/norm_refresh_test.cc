// norm_refresh: norms see what they saw before.
#include "breakeven/compress/norm_refresh.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/compress/prune.h"
#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

TEST(RefreshNorms, ChangesNothingWhereNothingChanged) {
    const Model model = fixture::varied();
    Network network(model);
    const auto report = refresh_norms(network, model, fixture::calibration(fixture::picture));
    EXPECT_EQ(report.refreshed, 1U);
    EXPECT_LT(fixture::difference(model, network.finish(), fixture::picture), 1e-9);
}

TEST(RefreshNorms, UndoesAShiftAndAScaleBeforeTheNorm) {
    const Model model = fixture::varied();
    Network network(model);
    LinearLayer first = linear_layers(network).layers.front();
    set_matrix(network, first, 0, 3.0F * matrix_of(network, first, 0));
    set_bias(network, first, bias_of(network, first).array() + 5.0F);
    const double moved = fixture::difference(model, network.finish(), fixture::picture);
    refresh_norms(network, model, fixture::calibration(fixture::picture));
    EXPECT_LT(fixture::difference(model, network.finish(), fixture::picture), 1e-3 * moved);
}

TEST(RefreshNorms, BringsAPrunedNetworkCloser) {
    fixture::Net net(fixture::picture);
    std::string at = "x";
    for (const std::int64_t inputs : {3, 24, 24}) {
        at = net.node("Relu", {net.norm(net.convolution(at, {24, inputs, 3, 3}), 24)});
    }
    const Model model = net.finish(net.convolution(at, {8, 24, 1, 1}), {1, 8, 12, 12});
    Network network(model);
    prune(network, {.sparsity = 0.6}, nullptr);
    const double before = fixture::difference(model, network.finish(), fixture::picture);
    refresh_norms(network, model, fixture::calibration(fixture::picture));
    EXPECT_LT(fixture::difference(model, network.finish(), fixture::picture), before);
}

TEST(RefreshNorms, RefusesNoSamples) {
    const Model model = fixture::varied();
    Network network(model);
    const Calibration none = fixture::calibration(fixture::picture, 0);
    EXPECT_THAT(fixture::message_of([&] { refresh_norms(network, model, none); }),
                testing::HasSubstr("no calibration"));
}

}  // namespace
}  // namespace breakeven
