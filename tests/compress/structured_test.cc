// structured: fewer channels, less work, answers nearly as before.
#include "breakeven/compress/structured.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "breakeven/compress/structured_choice.h"
#include "tests/compress/prune_fixture.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

ChannelOptions small_steps(double keep) {
    ChannelOptions options;
    options.keep = keep;
    options.multiple = 4;
    options.sensitivity_samples = 8;
    return options;
}

TEST(PruneChannels, KeepsToTheWorkAskedForInMultiples) {
    const Model model = fixture::varied();
    for (const double keep : {0.9, 0.7, 0.5}) {
        const PrunedNetwork pruned = prune_channels(model, small_steps(keep), fixture::calibration(fixture::picture));
        EXPECT_LE(pruned.report.work_left, keep);
        EXPECT_LT(pruned.report.macs_after, pruned.report.macs_before);
        EXPECT_EQ(pruned.report.macs_before, *model.facts().macs);
        EXPECT_EQ(pruned.report.macs_after, *pruned.model.facts().macs);
        for (const PrunedChannels& group : pruned.report.groups) {
            EXPECT_TRUE(group.after == group.before || group.after % 4 == 0);
            EXPECT_GT(group.after, 0);
        }
    }
}

TEST(PruneChannels, AnswersStayCloserThanByMagnitudeAndWithoutRefit) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    const auto moved = [&](ChannelChoice choice, ChannelRefit refit) {
        ChannelOptions options = small_steps(0.7);
        options.choice = choice;
        options.refit = refit;
        if (choice == ChannelChoice::magnitude) options.allocation = ChannelAllocation::even;
        return fixture::difference(model, prune_channels(model, options, calibration).model, fixture::picture);
    };
    const double best = moved(ChannelChoice::second_order, ChannelRefit::least_squares);
    EXPECT_LT(best, moved(ChannelChoice::second_order, ChannelRefit::none));
    EXPECT_LT(best, 0.5 * moved(ChannelChoice::magnitude, ChannelRefit::none));
}

TEST(PruneChannels, ChannelsThatRepeatOthersGoFirstAndCostNothing) {
    // Twelve channels, of which four are copies: the refit gives their readers' weights to the originals.
    fixture::Net net({1, 3, 10, 10});
    std::vector<float> kernel = fixture::noise(12 * 27, 5);
    std::copy_n(kernel.begin(), 4 * 27, kernel.begin() + 8 * 27);
    net.graph().weights("w", {12, 3, 3, 3}, kernel);
    const std::string made =
        net.node("Relu", {net.node("Conv", {"x", "w"}, "made", {fakes::ints_attribute("pads", {1, 1, 1, 1})})});
    const Model model = net.finish(net.convolution(made, {6, 12, 3, 3}), {1, 6, 10, 10});
    ChannelOptions options = small_steps(0.7);
    const Shape shape{1, 3, 10, 10};
    const PrunedNetwork pruned = prune_channels(model, options, fixture::calibration(shape));
    ASSERT_EQ(pruned.report.groups.size(), 1U);
    EXPECT_EQ(pruned.report.groups.front().after, 8);
    EXPECT_LT(fixture::difference(model, pruned.model, shape), 1e-3);
}

TEST(PruneChannels, LayersFitWhatTheyShallFit) {
    const Model model = fixture::varied();
    ChannelOptions options = small_steps(1.0);
    options.fit = Bytes(9000);
    const PrunedNetwork pruned = prune_channels(model, options, fixture::calibration(fixture::picture, 128));
    EXPECT_LT(pruned.report.layers_fit_before, pruned.report.layers);
    EXPECT_EQ(pruned.report.layers_fit_after, pruned.report.layers);
    for (const Layer& layer : pruned.model.layers()) EXPECT_LE(layer.weight_size.count(), 9000 + 4 * 32) << layer.name;
}

TEST(PruneChannels, WhatWasSeenLessOftenThanItHasInputsKeepsThem) {
    // The first dense layer has 96 inputs, flattened from 24 channels: so many samples say nothing of their worth.
    const Model model = fixture::varied();
    const PrunedNetwork pruned = prune_channels(model, small_steps(0.5), fixture::calibration(fixture::picture, 20));
    const Network after(pruned.model);
    bool found = false;
    for (const auto& stored : after.graph().initializer()) {
        found = found || (stored.dims_size() == 2 && stored.dims(0) == 96);
    }
    EXPECT_TRUE(found);
}

TEST(PruneChannels, GivenWidthsAreThoseOfAnotherChoice) {
    const Model model = fixture::varied();
    const Calibration calibration = fixture::calibration(fixture::picture, 64);
    const PrunedNetwork ours = prune_channels(model, small_steps(0.7), calibration);
    ChannelOptions options = small_steps(1.0);
    options.choice = ChannelChoice::magnitude;
    for (const PrunedChannels& group : ours.report.groups) options.widths.push_back(group.after);
    const PrunedNetwork same = prune_channels(model, options, calibration);
    EXPECT_EQ(same.report.macs_after, ours.report.macs_after);
    EXPECT_EQ(same.report.work_left, ours.report.work_left);
    options.widths.back() = 1000;
    EXPECT_THAT(fixture::message_of([&] { prune_channels(model, options, calibration); }), HasSubstr("widths given"));
}

TEST(ChooseWidths, WhatWasTakenForTooMuchComesBack) {
    // Saving 30 of 100 needs either the first group's cheap 16 and 16 more, or the second's 16 alone.
    Costs costs;
    costs.lane = 16;
    costs.all = {32, 32};
    costs.layers = {{.read = {}, .made = {{0, 32}}, .inputs = 100, .positions = 1},
                    {.read = {}, .made = {{1, 32}}, .inputs = 300, .positions = 1}};
    RemovalOrder cheap{std::vector<int>(16), std::vector<double>(17, 0.1)};
    RemovalOrder dear{std::vector<int>(16), std::vector<double>(17, 0.9)};
    cheap.loss.front() = dear.loss.front() = 0.0;
    ChannelOptions options;
    options.keep = 0.7;
    const std::vector<RemovalOrder> orders{cheap, dear};
    EXPECT_EQ(choose_widths(costs, orders, options), (Widths{32, 16}));
}

TEST(PruneChannels, RefusesWhatMakesNoSense) {
    const Model model = fixture::varied();
    const auto message = [&](const ChannelOptions& options, const Calibration& calibration) {
        return fixture::message_of([&] { prune_channels(model, options, calibration); });
    };
    const Calibration some = fixture::calibration(fixture::picture);
    EXPECT_THAT(message(small_steps(0.0), some), HasSubstr("above 0"));
    EXPECT_THAT(message(small_steps(0.5), fixture::calibration(fixture::picture, 0)),
                HasSubstr("no calibration samples"));
    EXPECT_NE(message(small_steps(0.5), fixture::calibration({1, 3, 5})), "no error");
    const Model linear = Model::parse(fakes::linear_model(4, 2), "linear");
    EXPECT_THAT(fixture::message_of([&] {
                    prune_channels(linear, small_steps(0.5), fixture::calibration({1, 4}));
                }),
                HasSubstr("no channel can go"));
}

TEST(RemovalOrder, IsTheBestPairWhereTwoOfThreeGo) {
    // Unit 2 is the sum of units 0 and 1: any one of them costs nothing, and then no other does.
    ReaderLoss reader;
    reader.curvature = Matrix{{1.0F, 0.0F, 1.0F}, {0.0F, 4.0F, 4.0F}, {1.0F, 4.0F, 5.0F}};
    reader.curvature.diagonal().array() += 1e-4F;
    reader.weights = Matrix{{1.0F, 1.0F, 0.0F}};
    reader.variance = 5.0;
    reader.columns = {{0}, {1}, {2}};
    const std::vector<int> units = {7, 8, 9};
    const RemovalOrder order = removal_order(units, {reader}, 1);
    ASSERT_EQ(order.units.size(), 2U);
    EXPECT_NEAR(order.loss[1], 0.0, 1e-3);
    // Of the single units that could be left, 2 answers best: it is the output itself.
    EXPECT_NEAR(order.loss[2], 0.0, 0.21);
    EXPECT_EQ(order.loss.front(), 0.0);
}

}  // namespace
}  // namespace breakeven
