// Detector: outputs are recognised or refused, read as what they are, and hostile ones end in an error.
#include "breakeven/measure/detector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "fakes/scripted_engine.h"

namespace breakeven {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

Tensor floats(Shape shape, const std::vector<float>& values) {
    return Tensor::of<float>(DType::float32, std::move(shape), values);
}
Tensor integers(Shape shape, const std::vector<std::int64_t>& values) {
    return Tensor::of<std::int64_t>(DType::int64, std::move(shape), values);
}

std::string refusal(const auto& call) {
    try {
        (void)call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

const std::vector<TensorSpec> chosen_specs{{.name = "boxes", .dtype = DType::float32, .shape = {-1, 100, 4}},
                                           {.name = "scores", .dtype = DType::float32, .shape = {-1, 100}},
                                           {.name = "classes", .dtype = DType::int64, .shape = {-1, 100}}};
const std::vector<TensorSpec> all_specs{{.name = "scores", .dtype = DType::float32, .shape = {1, 4420, 2}},
                                        {.name = "boxes", .dtype = DType::float32, .shape = {1, 4420, 4}}};

const DetectorOutputs chosen{.boxes = 0, .scores = 1, .classes = 2, .order = BoxOrder::top_left_bottom_right};
const DetectorOutputs all{.boxes = 1, .scores = 0, .classes = {}, .order = BoxOrder::left_top_right_bottom};

TEST(DetectorOutputs, TheZoosAndUltraFacesAreRecognised) {
    const auto zoo = detector_outputs(chosen_specs, {});
    ASSERT_TRUE(zoo.has_value());
    EXPECT_EQ(zoo->boxes, 0U);
    EXPECT_EQ(zoo->classes, std::optional<std::size_t>(2));
    EXPECT_EQ(zoo->order, BoxOrder::top_left_bottom_right);
    const auto faces = detector_outputs(all_specs, {});
    ASSERT_TRUE(faces.has_value());
    EXPECT_EQ(faces->boxes, 1U);
    EXPECT_FALSE(faces->classes.has_value());
    EXPECT_EQ(faces->order, BoxOrder::left_top_right_bottom);
    EXPECT_EQ(detector_outputs(all_specs, BoxOrder::top_left_bottom_right)->order, BoxOrder::top_left_bottom_right);
}

TEST(DetectorOutputs, TensorFlowsNamesAreRecognisedByTheirEnd) {
    const std::vector<TensorSpec> specs{{.name = "num_detections:0", .dtype = DType::float32, .shape = {1}},
                                        {.name = "detection_boxes:0", .dtype = DType::float32, .shape = {1, -1, 4}},
                                        {.name = "detection_scores:0", .dtype = DType::float32, .shape = {1, -1}},
                                        {.name = "detection_classes:0", .dtype = DType::float32, .shape = {1, -1}}};
    const auto which = detector_outputs(specs, {});
    ASSERT_TRUE(which.has_value());
    EXPECT_EQ(which->boxes, 1U);
    EXPECT_EQ(which->scores, 2U);
    EXPECT_EQ(which->classes, std::optional<std::size_t>(3));
}

TEST(DetectorOutputs, OthersAreNotADetectors) {
    const TensorSpec boxes{.name = "boxes", .dtype = DType::float32, .shape = {1, 10, 4}};
    const TensorSpec scores{.name = "scores", .dtype = DType::float32, .shape = {1, 10, 3}};
    EXPECT_TRUE(detector_outputs({boxes, scores}, {}).has_value());
    EXPECT_FALSE(detector_outputs({}, {}).has_value());
    EXPECT_FALSE(detector_outputs({{.name = "probs", .dtype = DType::float32, .shape = {1, 1000}}}, {}).has_value());
    EXPECT_FALSE(detector_outputs({boxes}, {}).has_value());
    EXPECT_FALSE(detector_outputs({boxes, boxes, scores}, {}).has_value()) << "which of the two?";
    TensorSpec other = boxes;
    other.shape = {1, 10, 5};
    EXPECT_FALSE(detector_outputs({other, scores}, {}).has_value());
    other.shape = {1, 2, 10, 4};
    EXPECT_FALSE(detector_outputs({other, scores}, {}).has_value());
    other = scores;
    other.shape = {1, 10};
    EXPECT_FALSE(detector_outputs({boxes, other}, {}).has_value()) << "one score a box, and no classes";
    other.shape = {};
    EXPECT_FALSE(detector_outputs({boxes, other}, {}).has_value());
}

TEST(Detections, OfChosenBoxesAreThoseWithAScore) {
    const std::vector<Detection> found =
        detections_of({floats({1, 4, 4}, {0, 0, 1, 1, 0.1F, 0.2F, 0.3F, 0.4F, 0, 0, 0, 0, unknown, 0, 1, 1}),
                       floats({1, 4}, {0.25F, 0.75F, 0, 1}), integers({1, 4}, {7, 3, 1, 1})},
                      chosen);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].label, 3);
    EXPECT_FLOAT_EQ(static_cast<float>(found[0].box.left), 0.2F);
    EXPECT_FLOAT_EQ(static_cast<float>(found[0].box.bottom), 0.3F);
    EXPECT_EQ(found[1], (Detection{.label = 7, .score = 0.25, .box = {.top = 0, .left = 0, .bottom = 1, .right = 1}}));
}

TEST(Detections, OfAllBoxesAreTheBestOfThoseThatOverlap) {
    // Left first; the background's scores lie before the class's.
    const std::vector<Detection> found =
        detections_of({floats({1, 4, 2}, {0.1F, 0.9F, 0.2F, 0.8F, 0.4F, 0.6F, 0.99F, 0.01F}),
                       floats({1, 4, 4}, {0, 0, 0.5F, 1, 0.05F, 0, 0.5F, 1, 0.5F, 0, 1, 0.5F, 0, 0, 1, 1})},
                      all);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].label, 1);
    EXPECT_EQ(found[0].box, (Box{.top = 0, .left = 0, .bottom = 1, .right = 0.5}));
    EXPECT_EQ(found[1].box, (Box{.top = 0, .left = 0.5, .bottom = 0.5, .right = 1}));
}

TEST(Detections, OfOneClassHaveNoBackground) {
    const auto found = detections_of({floats({1, 1, 1}, {0.5F}), floats({1, 1, 4}, {0, 0, 1, 1})}, all);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].label, 0);
}

TEST(Detections, SizesThatContradictAreRefused) {
    const Tensor boxes = floats({1, 2, 4}, std::vector<float>(8)), two = floats({1, 2}, {1, 1}),
                 three = floats({1, 3}, {1, 1, 1});
    EXPECT_EQ(refusal([&] { return detections_of({boxes, two, two}, chosen); }), "");
    EXPECT_NE(refusal([&] { return detections_of({boxes, three, two}, chosen); }), "");
    EXPECT_NE(refusal([&] { return detections_of({boxes, two, three}, chosen); }), "");
    EXPECT_NE(refusal([&] { return detections_of({boxes, two}, chosen); }), "");
    EXPECT_NE(refusal([&] { return detections_of({three, boxes}, all); }), "");
    EXPECT_NE(refusal([&] { return detections_of({floats({1, 0}, {}), boxes}, all); }), "");
    EXPECT_NE(refusal([&] { return detections_of({two, three}, all); }), "") << "no four sides";
    const Tensor both = floats({2, 1, 4}, std::vector<float>(8));
    EXPECT_NE(refusal([&] { return detections_of({both, two, two}, chosen); }), "") << "two pictures at once";
    EXPECT_TRUE(detections_of({floats({1, 0, 2}, {}), floats({1, 0, 4}, {})}, all).empty());
}

TEST(Detections, InPixelsAreRefused) {
    const auto read = [] {
        return detections_of({floats({1, 1, 4}, {10, 20, 200, 300}), floats({1, 1}, {0.9F}), integers({1, 1}, {1})},
                             chosen);
    };
    EXPECT_NE(refusal(read).find("fractions"), std::string::npos);
}

RC_GTEST_PROP(Detections, WhateverComesTheyAreFewSortedAndNumbers, ()) {
    const auto value =
        rc::gen::element(0.0F, 0.1F, 0.5F, 0.9F, 1.0F, -1.0F, unknown, 1e30F, std::numeric_limits<float>::infinity());
    const auto count = *rc::gen::inRange<std::size_t>(0, 250), classes = *rc::gen::inRange<std::size_t>(1, 4);
    const auto corner = rc::gen::element(0.0F, 0.3F, 0.7F, 1.0F, -0.5F, unknown);
    const auto sides = *rc::gen::container<std::vector<float>>(4 * count, corner);
    const auto scores = *rc::gen::container<std::vector<float>>(count * classes, value);
    const auto n = static_cast<std::int64_t>(count), c = static_cast<std::int64_t>(classes);
    for (const auto& found :
         {detections_of({floats({1, n, c}, scores), floats({1, n, 4}, sides)}, all),
          classes == 1
              ? detections_of({floats({1, n, 4}, sides), floats({1, n}, scores), floats({1, n}, scores)}, chosen)
              : std::vector<Detection>{}}) {
        RC_ASSERT(found.size() <= detections_max);
        for (std::size_t i = 0; i < found.size(); ++i) {
            RC_ASSERT(found[i].score > 0.0 && std::isfinite(found[i].box.top) && std::isfinite(found[i].box.right));
            if (i > 0) RC_ASSERT(found[i - 1].score >= found[i].score);
        }
    }
}

RC_GTEST_PROP(Detections, OfAllBoxesDoNotHideEachOther, ()) {
    const auto count = *rc::gen::inRange<std::size_t>(1, 60);
    std::vector<float> sides, scores;
    for (std::size_t i = 0; i < count; ++i) {
        const float left = static_cast<float>(*rc::gen::inRange(0, 6)) / 8,
                    top = static_cast<float>(*rc::gen::inRange(0, 6)) / 8;
        sides.insert(sides.end(), {left, top, left + 0.25F, top + 0.25F});
        const float score = static_cast<float>(*rc::gen::inRange(1, 20)) / 20;
        scores.insert(scores.end(), {1 - score, score});
    }
    const auto n = static_cast<std::int64_t>(count);
    const auto found = detections_of({floats({1, n, 2}, scores), floats({1, n, 4}, sides)}, all);
    RC_ASSERT(!found.empty());
    for (std::size_t i = 0; i < found.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) RC_ASSERT(overlap(found[i].box, found[j].box) <= 0.5);
    }
}

/// Finds on picture i one box with the i-th score, of class 1.
fakes::Script one_box(std::vector<float> scores) {
    return {
        .inputs = {{.name = "index", .dtype = DType::int64, .shape = {1}}},
        .outputs = chosen_specs,
        .run = [scores = std::move(scores)](std::span<const Tensor> inputs) {
            const float score = scores.at(static_cast<std::size_t>(inputs[0].as<std::int64_t>()[0]));
            return std::vector{floats({1, 1, 4}, {0, 0, 0.5F, 0.5F}), floats({1, 1}, {score}), integers({1, 1}, {1})};
        }};
}

DetectionTask task(std::vector<std::vector<LabelledBox>> objects) {
    return {.objects = std::move(objects),
            .input = [](std::size_t i, const TensorSpec&) { return integers({1}, {static_cast<std::int64_t>(i)}); },
            .label_offset = 1,
            .order = {}};
}

const LabelledBox there{.label = 0, .box = {.top = 0, .left = 0, .bottom = 0.5, .right = 0.5}};
const LabelledBox elsewhere{.label = 0, .box = {.top = 0.5, .left = 0.5, .bottom = 1, .right = 1}};

TEST(EvaluateDetector, EndsInPrecisionAndTheDifference) {
    std::atomic<int> runs = 0;
    // Three objects; one is missed. In the second network the wrong box has the highest score.
    fakes::ScriptedRunner first(one_box({0.9F, 0.2F, 0.8F}), runs), second(one_box({0.5F, 0.9F, 0.4F}), runs);
    std::vector<std::size_t> told;
    const DetectionEvaluation evaluation =
        evaluate_detector(task({{there}, {elsewhere}, {there}}), first, &second, [&](std::size_t done) {
            told.push_back(done);
            return Onwards::go_on;
        });
    EXPECT_DOUBLE_EQ(evaluation.first.mean->in(of_one), 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(evaluation.second->mean->in(of_one), 2.0 / 3.0 * 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(evaluation.difference->difference.in(of_one), -2.0 / 9.0);
    EXPECT_EQ(evaluation.first.strays, 0) << "label_offset takes class 1 to label 0";
    EXPECT_EQ(told, (std::vector<std::size_t>{1, 2, 3}));
    EXPECT_EQ(runs, 6);
}

TEST(EvaluateDetector, AgreementHoldsOneAgainstTheBoxesOfTheOther) {
    std::atomic<int> runs = 0;
    // Where nothing is true. The first finds a box on two pictures; the second on one of them, and on a third one
    // first.
    fakes::ScriptedRunner first(one_box({0.9F, 0.2F, 0.0F}), runs), second(one_box({0.5F, 0.0F, 0.9F}), runs);
    const DetectionTask nothing_true = task({{}, {}, {}});
    const DetectionEvaluation evaluation = evaluate_detector(nothing_true, first, &second, {});
    EXPECT_FALSE(evaluation.second->mean.has_value());
    EXPECT_FALSE(evaluation.difference.has_value());
    EXPECT_DOUBLE_EQ(evaluation.agreement->mean->in(of_one), 0.25);
    EXPECT_DOUBLE_EQ(evaluate_detector(nothing_true, first, &first, {}).agreement->mean->in(of_one), 1.0);
}

TEST(EvaluateDetector, StopsWhereItIsToldAndKeepsWhatItFound) {
    std::atomic<int> runs = 0;
    fakes::ScriptedRunner runner(one_box({0.9F, 0.9F}), runs);
    const auto stop = [](std::size_t) { return Onwards::stop; };
    const DetectionEvaluation evaluation = evaluate_detector(task({{there}, {elsewhere}}), runner, nullptr, stop);
    EXPECT_EQ(evaluation.first.pictures, 1);
    EXPECT_DOUBLE_EQ(evaluation.first.mean->in(of_one), 1.0);
    EXPECT_FALSE(evaluation.second.has_value());
}

TEST(EvaluateDetector, ANetworkThatIsNoneIsRefusedByItsOutputs) {
    std::atomic<int> runs = 0;
    fakes::Script classifier = one_box({});
    classifier.outputs = {{.name = "probs", .dtype = DType::float32, .shape = {1, 1000}}};
    fakes::ScriptedRunner runner(classifier, runs);
    const std::string reason = refusal([&] { return evaluate_detector(task({{there}}), runner, nullptr, {}); });
    EXPECT_NE(reason.find("no detector"), std::string::npos);
    EXPECT_NE(reason.find("probs [1, 1000]"), std::string::npos);
    EXPECT_EQ(runs, 0);
}

}  // namespace
}  // namespace breakeven
