// Accuracy: the counts are those a person would count, and ties, gaps and missing labels mean what they should.
#include "breakeven/measure/accuracy.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "breakeven/error.h"
#include "fakes/scripted_engine.h"

namespace breakeven {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

Tensor scores_of(const std::vector<float>& values) {
    return Tensor::of<float>(DType::float32, {1, static_cast<std::int64_t>(values.size())}, values);
}

/// A network whose answer to sample i is row i.
class Rows {
   public:
    explicit Rows(std::vector<std::vector<float>> rows)
        : runner_(
              {.inputs = {{.name = "index", .dtype = DType::int64, .shape = {1}}},
               .outputs = {{.name = "scores", .dtype = DType::float32, .shape = {1, -1}}},
               .run =
                   [rows = std::move(rows)](std::span<const Tensor> inputs) {
                       return std::vector{scores_of(rows[static_cast<std::size_t>(inputs[0].as<std::int64_t>()[0])])};
                   }},
              runs_) {}
    Runner& runner() { return runner_; }

   private:
    std::atomic<int> runs_ = 0;
    fakes::ScriptedRunner runner_;
};

AccuracyTask task(std::vector<std::optional<std::int64_t>> labels, std::int64_t top = 5) {
    return {.labels = std::move(labels),
            .input =
                [](std::size_t i, const TensorSpec&) {
                    return Tensor::of<std::int64_t>(DType::int64, {1}, std::vector{static_cast<std::int64_t>(i)});
                },
            .label_offset = 0,
            .top = top};
}

TEST(Accuracy, CountsTheFirstAndTheFirstFew) {
    Rows rows({{0.9F, 0.1F, 0.0F}, {0.5F, 0.4F, 0.1F}, {0.3F, 0.2F, 0.5F}, {0.1F, 0.3F, 0.6F}});
    const Accuracy accuracy = evaluate(task({0, 1, 1, 2}, 2), rows.runner(), nullptr, {}).accuracy;
    EXPECT_EQ(accuracy.n, 4);
    EXPECT_EQ(accuracy.top1->right, 2);
    EXPECT_EQ(accuracy.top_k->right, 3);
    EXPECT_EQ(accuracy.top_k->total, 4);
}

TEST(Accuracy, LabelsShiftedByOneClassAreDoubtedAndTheOffsetNamed) {
    const std::vector<float> third{0.0F, 0.1F, 0.9F};
    const auto doubt = [&](std::int64_t label, std::int64_t offset) {
        Rows rows(std::vector(12, third));
        AccuracyTask given = task(std::vector<std::optional<std::int64_t>>(12, label), 1);
        given.label_offset = offset;
        return doubt_of_labels(evaluate(given, rows.runner(), nullptr, {}).accuracy, offset);
    };
    EXPECT_FALSE(doubt(2, 0)) << "all are right";
    ASSERT_TRUE(doubt(1, 0));
    EXPECT_NE(doubt(1, 0)->find("label_offset 1 instead of 0"), std::string::npos) << *doubt(1, 0);
    EXPECT_FALSE(doubt(1, 1));
    EXPECT_FALSE(doubt(0, 0)) << "two classes off is a wrong network, not a shifted label";
    Rows few(std::vector(2, third));
    EXPECT_FALSE(doubt_of_labels(evaluate(task({1, 1}, 1), few.runner(), nullptr, {}).accuracy, 0))
        << "two samples show nothing";
}

TEST(Accuracy, TheOffsetIsAddedToTheLabel) {
    Rows rows({{0.0F, 0.0F, 1.0F}});
    AccuracyTask shifted = task({1});
    shifted.label_offset = 1;
    EXPECT_EQ(evaluate(shifted, rows.runner(), nullptr, {}).accuracy.top1->right, 1);
}

TEST(Accuracy, NotANumberIsNeverRight) {
    Rows rows({{unknown, unknown}, {unknown, 0.0F}});
    EXPECT_EQ(evaluate(task({1, 1}, 1), rows.runner(), nullptr, {}).accuracy.top1->right, 1);
}

TEST(Accuracy, ALabelWithoutAnOutputIsRefused) {
    Rows rows({{0.5F, 0.5F}});
    EXPECT_THROW(evaluate(task({2}), rows.runner(), nullptr, {}), Error);
}

TEST(Accuracy, WithoutLabelsThereIsAgreementOnly) {
    Rows first({{1, 0}, {1, 0}, {0, 1}}), second({{2, 0}, {0, 2}, {0, 2}});
    const Evaluation evaluation = evaluate(task({{}, {}, {}}), first.runner(), &second.runner(), {});
    EXPECT_FALSE(evaluation.accuracy.top1.has_value());
    EXPECT_FALSE(evaluation.comparison->disagreement.has_value());
    EXPECT_EQ(evaluation.comparison->agreement.right, 2);
    EXPECT_EQ(evaluation.comparison->agreement.total, 3);
}

TEST(Accuracy, APairIsTornApartByWhoWasRight) {
    Rows first({{1, 0}, {1, 0}, {1, 0}, {0, 1}}), second({{1, 0}, {0, 1}, {0, 1}, {1, 0}});
    const Evaluation evaluation = evaluate(task({0, 0, 1, 0}), first.runner(), &second.runner(), {});
    EXPECT_EQ(evaluation.comparison->disagreement->only_first_right, 1);
    EXPECT_EQ(evaluation.comparison->disagreement->only_second_right, 2);
    EXPECT_EQ(evaluation.comparison->disagreement->total, 4);
    EXPECT_EQ(evaluation.comparison->second.top1->right, 3);
}

TEST(Accuracy, StopsWhereItIsToldAndKeepsWhatItCounted) {
    Rows rows({{1, 0}, {1, 0}, {1, 0}});
    std::vector<std::size_t> told;
    const auto stop_after_two = [&](std::size_t done, const Evaluation& so_far) {
        told.push_back(done);
        EXPECT_EQ(so_far.accuracy.n, static_cast<std::int64_t>(done));
        return done == 2 ? Onwards::stop : Onwards::go_on;
    };
    EXPECT_EQ(evaluate(task({0, 1, 1}), rows.runner(), nullptr, stop_after_two).accuracy.n, 2);
    EXPECT_EQ(told, (std::vector<std::size_t>{1, 2}));
}

RC_GTEST_PROP(BestClasses, AreASortedPrefix, (const std::vector<float>& values)) {
    RC_PRE(!values.empty());
    const auto count = *rc::gen::inRange<std::size_t>(1, values.size() + 3);
    const std::vector<ClassScore> best = best_classes(scores_of(values), count);
    RC_ASSERT(best.size() == std::min(count, values.size()));
    for (std::size_t i = 1; i < best.size(); ++i) {
        RC_ASSERT(best[i - 1].score > best[i].score ||
                  (best[i - 1].score == best[i].score && best[i - 1].index < best[i].index));
    }
    for (const float value : values) RC_ASSERT(static_cast<double>(value) <= best[0].score);
}

TEST(Softmax, MakesProbabilitiesOfAnyScores) {
    EXPECT_FALSE(are_probabilities(scores_of({3, 1, -2})));
    EXPECT_TRUE(are_probabilities(scores_of({0.2F, 0.5F, 0.3F})));
    EXPECT_FALSE(are_probabilities(scores_of({0.2F, unknown})));
    const Tensor result = softmax(scores_of({1000, 999, -1000}));
    EXPECT_TRUE(are_probabilities(result));
    EXPECT_NEAR(result.as<double>()[0] / result.as<double>()[1], std::exp(1.0), 1e-9);
}

}  // namespace
}  // namespace breakeven
