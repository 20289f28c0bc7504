// The pictures of accuracy against size, latency and energy say what the advice says, and nothing where it knows
// nothing.
#include <gtest/gtest.h>

#include "breakeven/report/page.h"
#include "breakeven/report/trade_off_svg.h"
#include "report/example_advice.h"

namespace breakeven {
namespace {

std::size_t count_of(const std::string& text, const std::string& word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
    return count;
}

TEST(TradeOffs, HoldEachVariantOnceWithTheBestOfItsPlans) {
    const std::vector<TradeOff> found = trade_offs(example::advice_with_variants());
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].variant, as_given);
    EXPECT_DOUBLE_EQ(found[0].top1, 0.706);
    EXPECT_EQ(found[0].size, Bytes(17'000'000));
    const Advice advice = example::advice_with_variants();
    for (const Plan& plan : advice.plans) {
        if (plan.variant != as_given) continue;
        EXPECT_LE(found[0].latency->count(), plan.whole_latency().count());
    }
}

TEST(TradeOffs, AreNotThereWithoutAnAccuracy) {
    EXPECT_TRUE(trade_offs(example::advice()).empty());
    EXPECT_TRUE(trade_off_svg(example::advice()).empty());
    EXPECT_EQ(advice_page(example::advice()).find("class=\"trade-off\""), std::string::npos);
}

TEST(TradeOffPictures, AreOneForEachFigureThatIsKnown) {
    EXPECT_EQ(count_of(trade_off_svg(example::advice_with_variants()), "<svg class=\"trade-off\""), 3U);
    Advice advice = example::advice_with_variants();
    advice.files.clear();
    for (Plan& plan : advice.plans) plan.cost.energy.reset();
    EXPECT_EQ(count_of(trade_off_svg(advice), "<svg class=\"trade-off\""), 1U);
}

TEST(TradeOffPictures, HollowAMarkThatAnotherBeats) {
    // The smallest file of all; but offloading the network as given is faster than it, and right more often.
    const std::string pictures = trade_off_svg(example::advice_with_variants());
    EXPECT_NE(pictures.find("<g class=\"front\"><title>mobilenet-pwq: 66.8 %, 1.90 MB"), std::string::npos) << pictures;
    EXPECT_NE(pictures.find("<g class=\"beaten\"><title>mobilenet-pwq: 66.8 %, 16.3 ms"), std::string::npos)
        << pictures;
}

TEST(TradeOffPictures, StayInsideTheirFrame) {
    Advice advice = example::advice_with_variants();
    for (Plan& plan : advice.plans) {
        if (plan.accuracy) plan.accuracy = PlanAccuracy{.top1 = 1.0, .drop = 0.0, .n = 10};
    }
    for (const char* bad : {"nan", "inf", "cy=\"-", "cx=\"-"}) {
        EXPECT_EQ(trade_off_svg(advice).find(bad), std::string::npos) << bad;
    }
}

TEST(TradeOffPictures, MakeNoMarkupOfAName) {
    Advice advice = example::advice_with_variants();
    for (Plan& plan : advice.plans) {
        if (plan.variant == "mobilenet-sq") plan.variant = "<script>alert(1)</script>";
    }
    EXPECT_EQ(trade_off_svg(advice).find("<script>"), std::string::npos);
}

}  // namespace
}  // namespace breakeven
