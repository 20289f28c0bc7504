// Detection: verdicts, curves and means are those that the definitions give, word by word, and the intervals cover.
#include "breakeven/measure/detection.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

double number(Probability of) {
    return of.in(of_one);
}

Box square(double top, double left, double side) {
    return {.top = top, .left = left, .bottom = top + side, .right = left + side};
}

std::vector<Judged> ranked(std::string_view verdicts) {
    std::vector<Judged> judged;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        judged.push_back({.score = 1.0 - 0.01 * static_cast<double>(i),
                          .verdict = verdicts[i] == '+' ? Verdict::right : Verdict::wrong});
    }
    return judged;
}

Box any_box() {
    const auto place = rc::gen::inRange(0, 4), size = rc::gen::inRange(0, 5);  // of a coarse grid: they often meet
    const int top = *place, left = *place, height = *size, width = *size;
    return {.top = top / 8.0, .left = left / 8.0, .bottom = (top + height) / 8.0, .right = (left + width) / 8.0};
}

Picture any_picture() {
    Picture picture;
    const auto label = rc::gen::inRange(0, 3);
    const int objects = *rc::gen::inRange(0, 4), found = *rc::gen::inRange(0, 7);
    for (int i = 0; i < objects; ++i) picture.objects.push_back({.label = *label, .box = any_box()});
    for (int i = 0; i < found; ++i) {
        picture.found.push_back({.label = *label, .score = *rc::gen::inRange(1, 6) / 5.0, .box = any_box()});
    }
    return picture;
}

std::vector<Picture> any_pictures() {
    std::vector<Picture> pictures;
    const int count = *rc::gen::inRange(0, 5);
    for (int i = 0; i < count; ++i) pictures.push_back(any_picture());
    return pictures;
}

/// Which object a detection is for: that of its class which it overlaps most, and enough; counted on the grid's cells.
std::optional<std::size_t> object_of(const Picture& picture, const Detection& detection) {
    const auto cells = [](const Box& box) {
        std::set<std::pair<int, int>> inside;
        for (int y = static_cast<int>(8 * box.top); y < static_cast<int>(8 * box.bottom); ++y) {
            for (int x = static_cast<int>(8 * box.left); x < static_cast<int>(8 * box.right); ++x) inside.emplace(y, x);
        }
        return inside;
    };
    std::optional<std::size_t> best;
    double most = 0.0;
    for (std::size_t i = 0; i < picture.objects.size(); ++i) {
        if (picture.objects[i].label != detection.label) continue;
        const auto a = cells(picture.objects[i].box), b = cells(detection.box);
        auto both = a;
        both.insert(b.begin(), b.end());
        const auto common = static_cast<double>(a.size() + b.size() - both.size());
        const double share = both.empty() ? 0.0 : common / static_cast<double>(both.size());
        if (share > most) most = share, best = i;
    }
    return most >= 0.5 ? best : std::nullopt;
}

/// Right is who is for an object, and no better (or equal, earlier) one is for the same.
Verdict verdict_by_definition(const Picture& picture, std::size_t index) {
    const auto object = object_of(picture, picture.found[index]);
    if (!object) return Verdict::wrong;
    for (std::size_t i = 0; i < picture.found.size(); ++i) {
        const bool ahead = picture.found[i].score > picture.found[index].score ||
                           (picture.found[i].score == picture.found[index].score && i < index);
        if (ahead && picture.found[i].label == picture.found[index].label &&
            object_of(picture, picture.found[i]) == object) {
            return Verdict::wrong;
        }
    }
    return Verdict::right;
}

/// For each object in turn: the best precision of any threshold at which at least so many are found.
double precision_by_definition(const std::vector<Judged>& judged, std::int64_t objects) {
    double sum = 0.0;
    for (std::int64_t wanted = 1; wanted <= objects; ++wanted) {
        double best = 0.0;
        for (const Judged& threshold : judged) {
            const auto above = [&](const Judged& one) { return one.score >= threshold.score; };
            const auto all = std::ranges::count_if(judged, above);
            const auto right = std::ranges::count_if(
                judged, [&](const Judged& one) { return above(one) && one.verdict == Verdict::right; });
            if (right >= wanted) best = std::max(best, static_cast<double>(right) / static_cast<double>(all));
        }
        sum += best;
    }
    return sum / static_cast<double>(objects);
}

TEST(Overlap, IsTheSharedPartOfBoth) {
    EXPECT_DOUBLE_EQ(overlap(square(0, 0, 0.5), square(0, 0, 0.5)), 1.0);
    EXPECT_DOUBLE_EQ(overlap(square(0, 0, 0.5), square(0, 0.25, 0.5)), 1.0 / 3.0);
    EXPECT_DOUBLE_EQ(overlap(square(0, 0, 0.5), square(0.5, 0.5, 0.5)), 0.0);  // they touch
    EXPECT_DOUBLE_EQ(overlap(square(0, 0, 0.0), square(0, 0, 0.0)), 0.0);
    EXPECT_DOUBLE_EQ(overlap({.top = 1, .left = 1, .bottom = 0, .right = 0}, square(0, 0, 1)), 0.0);
    const double nan = std::numeric_limits<double>::quiet_NaN(), huge = std::numeric_limits<double>::max();
    EXPECT_DOUBLE_EQ(overlap({.top = nan, .left = nan, .bottom = nan, .right = nan}, square(0, 0, 1)), 0.0);
    EXPECT_DOUBLE_EQ(overlap({.top = -huge, .left = -huge, .bottom = huge, .right = huge}, square(0, 0, 1)), 0.0);
}

TEST(Judge, ExactlyAHalfIsEnough) {
    const Picture picture{
        .objects = {{.label = 1, .box = {.top = 0, .left = 0, .bottom = 1, .right = 1}}},
        .found = {{.label = 1, .score = 0.9, .box = {.top = 0, .left = 0, .bottom = 0.5, .right = 1}}}};
    EXPECT_EQ(judge(picture), std::vector{Verdict::right});
}

TEST(Judge, TheSecondBoxForAnObjectIsWrongAndSoIsAnotherClass) {
    const Box box = square(0, 0, 0.5);
    const Picture picture{.objects = {{.label = 1, .box = box}},
                          .found = {{.label = 1, .score = 0.5, .box = box},
                                    {.label = 1, .score = 0.9, .box = box},
                                    {.label = 2, .score = 1.0, .box = box}}};
    EXPECT_EQ(judge(picture), (std::vector{Verdict::wrong, Verdict::right, Verdict::wrong}));
}

RC_GTEST_PROP(Judge, AgreesWithTheDefinition, ()) {
    const Picture picture = any_picture();
    const std::vector<Verdict> verdicts = judge(picture);
    RC_ASSERT(verdicts.size() == picture.found.size());
    for (std::size_t i = 0; i < verdicts.size(); ++i) RC_ASSERT(verdicts[i] == verdict_by_definition(picture, i));
}

TEST(AveragePrecision, OfCurvesDrawnByHand) {
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("++"), 2)), 1.0);
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("++"), 4)), 0.5);
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("-+"), 1)), 0.5);
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("+-----"), 1)), 1.0);  // what comes after all are found is free
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("---"), 3)), 0.0);
    EXPECT_DOUBLE_EQ(number(average_precision({}, 3)), 0.0);
    // Recall 0.4 at precision 1; 0.6 and 0.8 lie under the 4/7 reached at 0.8; 1.0 at 5/10.
    EXPECT_DOUBLE_EQ(number(average_precision(ranked("++---++--+"), 5)), 0.4 + 0.4 * 4 / 7 + 0.2 * 0.5);
}

TEST(AveragePrecision, EqualScoresEnterTogether) {
    const Judged right{.score = 0.5, .verdict = Verdict::right}, wrong{.score = 0.5, .verdict = Verdict::wrong};
    EXPECT_DOUBLE_EQ(number(average_precision({right, wrong}, 1)), 0.5);
    EXPECT_DOUBLE_EQ(number(average_precision({wrong, right}, 1)), 0.5);
}

RC_GTEST_PROP(AveragePrecision, AgreesWithTheDefinition, ()) {
    std::vector<Judged> judged;
    std::int64_t objects = 1 + *rc::gen::inRange(0, 4);
    const int count = *rc::gen::inRange(0, 12);
    for (int i = 0; i < count; ++i) {
        judged.push_back({.score = *rc::gen::inRange(0, 8) / 8.0,
                          .verdict = *rc::gen::arbitrary<bool>() ? Verdict::right : Verdict::wrong});
        if (judged.back().verdict == Verdict::right) ++objects;
    }
    RC_ASSERT(std::abs(number(average_precision(judged, objects)) - precision_by_definition(judged, objects)) < 1e-12);
}

RC_GTEST_PROP(MeanPrecision, IsTheMeanOverTheClassesShown, ()) {
    const std::vector<Picture> pictures = any_pictures();
    const MeanPrecision result = mean_average_precision(pictures);
    double sum = 0.0, classes = 0.0;
    std::int64_t found = 0, all_found = 0;
    for (const Picture& picture : pictures) all_found += static_cast<std::int64_t>(picture.found.size());
    for (std::int64_t label = 0; label < 3; ++label) {
        std::vector<Judged> judged;
        std::int64_t objects = 0;
        for (const Picture& picture : pictures) {
            objects += std::ranges::count(picture.objects, label, &LabelledBox::label);
            for (std::size_t i = 0; i < picture.found.size(); ++i) {
                if (picture.found[i].label != label) continue;
                judged.push_back({.score = picture.found[i].score, .verdict = verdict_by_definition(picture, i)});
            }
        }
        const auto of_class = std::ranges::find(result.classes, label, &ClassPrecision::label);
        RC_ASSERT((objects > 0) == (of_class != result.classes.end()));
        if (objects == 0) continue;
        RC_ASSERT(of_class->objects == objects);
        RC_ASSERT(of_class->found == static_cast<std::int64_t>(judged.size()));
        RC_ASSERT(std::abs(number(of_class->average_precision) - precision_by_definition(judged, objects)) < 1e-12);
        sum += number(of_class->average_precision), classes += 1.0, found += of_class->found;
    }
    RC_ASSERT(result.strays == all_found - found);
    RC_ASSERT(result.mean.has_value() == (classes > 0.0));
    if (result.mean) RC_ASSERT(std::abs(number(*result.mean) - sum / classes) < 1e-12);
    if (result.ci95) RC_ASSERT(result.ci95->low <= result.ci95->high && result.ci95->low >= of_one(0.0));
}

RC_GTEST_PROP(MeanPrecision, NeitherOrderNorRepetitionOfPicturesMatters, ()) {
    std::vector<Picture> pictures = any_pictures();
    const auto mean = mean_average_precision(pictures).mean;
    std::ranges::reverse(pictures);
    RC_ASSERT(mean_average_precision(pictures).mean == mean);
    const std::vector<Picture> once = pictures;
    pictures.insert(pictures.end(), once.begin(), once.end());
    const auto twice = mean_average_precision(pictures).mean;
    RC_ASSERT(twice.has_value() == mean.has_value());
    if (mean) RC_ASSERT(std::abs(number(*twice) - number(*mean)) < 1e-12);
}

RC_GTEST_PROP(PrecisionDifference, IsSecondMinusFirstAndNothingToItself, ()) {
    const std::vector<Picture> first = any_pictures();
    std::vector<Picture> second = first;
    for (Picture& picture : second) {
        if (!picture.found.empty()) picture.found.pop_back();
    }
    const auto difference = precision_difference(first, second);
    const auto before = mean_average_precision(first).mean, after = mean_average_precision(second).mean;
    RC_ASSERT(difference.has_value() == before.has_value());
    if (!difference) return;
    RC_ASSERT(std::abs(number(difference->difference) - (number(*after) - number(*before))) < 1e-12);
    const auto same = precision_difference(first, first);
    RC_ASSERT(number(same->difference) == 0.0);
    RC_ASSERT(!same->ci95.has_value());
}

/// Two classes, up to three objects a picture; some are missed, some boxes are of nothing.
Picture drawn(Random& random) {
    Picture picture;
    const std::uint64_t objects = 1 + random.below(3);
    for (std::uint64_t i = 0; i < objects; ++i) {
        const auto label = static_cast<std::int64_t>(random.below(2));
        const Box box = square(0.0, 0.3 * static_cast<double>(i), 0.25);
        picture.objects.push_back({.label = label, .box = box});
        if (random.uniform() < 0.7) {
            picture.found.push_back({.label = label, .score = 0.3 + 0.7 * random.uniform(), .box = box});
        }
        if (random.uniform() < 0.4) {
            picture.found.push_back({.label = label, .score = 0.8 * random.uniform(), .box = square(0.6, 0.6, 0.2)});
        }
    }
    return picture;
}

std::vector<Picture> drawn(Random& random, std::size_t count) {
    std::vector<Picture> pictures;
    for (std::size_t i = 0; i < count; ++i) pictures.push_back(drawn(random));
    return pictures;
}

TEST(MeanPrecision, TheIntervalHoldsWhatManyPicturesShow) {
    Random random(7);
    const double truth = number(*mean_average_precision(drawn(random, 10000)).mean);
    int covered = 0;
    constexpr int trials = 200;
    for (int i = 0; i < trials; ++i) {
        const MeanPrecision result = mean_average_precision(drawn(random, 80));
        ASSERT_TRUE(result.ci95.has_value());
        covered += number(result.ci95->low) <= truth && truth <= number(result.ci95->high) ? 1 : 0;
    }
    EXPECT_GE(covered, trials * 90 / 100);  // 95 % is meant; below 181 comes by chance once in 500
}

TEST(PrecisionDifference, PairingShowsWhatTheTwoIntervalsHide) {
    Random random(3);
    const std::vector<Picture> first = drawn(random, 150);
    std::vector<Picture> second = first;
    for (std::size_t i = 0; i < second.size(); i += 10) second[i].found.clear();
    const MeanPrecision before = mean_average_precision(first), after = mean_average_precision(second);
    EXPECT_GT(after.ci95->high, before.ci95->low) << "apart already: this would show nothing";
    EXPECT_LT(precision_difference(first, second)->ci95->high, of_one(0.0));
}

TEST(MeanPrecision, OfNothingIsNothing) {
    EXPECT_FALSE(mean_average_precision({}).mean.has_value());
    const std::vector<Picture> empty{{.objects = {}, .found = {{.label = 1, .score = 0.5, .box = square(0, 0, 1)}}}};
    const MeanPrecision result = mean_average_precision(empty);
    EXPECT_FALSE(result.mean.has_value());
    EXPECT_EQ(result.strays, 1);
    EXPECT_FALSE(precision_difference(empty, empty).has_value());
}

}  // namespace
}  // namespace breakeven
