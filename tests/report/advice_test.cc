// The answer in words, JSON and text: the same facts each time, in the contract's form, whatever the names hold.
#include <gtest/gtest.h>

#include <sstream>

#include "breakeven/report/advice_json.h"
#include "breakeven/report/advice_text.h"
#include "breakeven/report/words.h"
#include "report/example_advice.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

TEST(AdviceJson, StagesSumToTheLatency) {
    const Json document = advice_json(example::advice());
    ASSERT_FALSE(document["plans"].empty());
    for (const Json& plan : document["plans"]) {
        double sum = 0;
        for (const Json& stage : plan["stages"]) sum += stage["latency_s"]["value"].get<double>();
        EXPECT_NEAR(sum, plan["cost"]["latency_s"]["value"].get<double>(), 1e-12);
    }
}

TEST(AdviceJson, BestPointsAtTheCheapestPlanThatFits) {
    Advice advice = example::advice();
    Json document = advice_json(advice);
    ASSERT_EQ(document["best"], 0);
    EXPECT_EQ(document["plans"][0]["kind"], "offload");
    EXPECT_EQ(document["plans"][0]["link"], "5g");
    advice.objective.deadline = Seconds(1e-6);
    rank(advice);
    EXPECT_TRUE(advice_json(advice)["best"].is_null());
}

TEST(AdviceJson, EveryFigureHasAnOriginAndUnknownOnesAReason) {
    const Json without_powers = advice_json(example::advice({}));
    for (const Json& plan : without_powers["plans"]) {
        const Json& cost = plan["cost"];
        EXPECT_TRUE(cost["energy_j"].is_null());
        EXPECT_TRUE(cost["edp_js"].is_null());
        EXPECT_NE(cost["energy_reason"], "");
        EXPECT_NE(cost["latency_s"]["origin"], "");
    }
    const Json with_powers = advice_json(example::advice());
    for (const Json& plan : with_powers["plans"]) {
        const Json& cost = plan["cost"];
        EXPECT_EQ(cost.contains("energy_reason"), cost["energy_j"].is_null());
        if (cost["energy_j"].is_null()) continue;
        EXPECT_EQ(cost["energy_j"]["origin"], "modelled");
        EXPECT_DOUBLE_EQ(cost["edp_js"]["value"].get<double>(),
                         cost["energy_j"]["value"].get<double>() * cost["latency_s"]["value"].get<double>());
    }
}

TEST(AdviceJson, ALocalPlanHasNoLinkAndSendsNothing) {
    const Json document = advice_json(example::advice());
    for (const Json& plan : document["plans"]) {
        if (plan["kind"] != "local") continue;
        EXPECT_TRUE(plan["link"].is_null());
        EXPECT_EQ(plan["cost"]["bytes_up"]["value"], 0);
    }
}

TEST(AdviceJson, BreakEvenOfALinkIsItsFastestOffload) {
    const Json document = advice_json(example::advice());
    ASSERT_EQ(document["break_even"].size(), 3U);
    for (const Json& entry : document["break_even"]) {
        double fastest = 1e9;
        for (const Json& plan : document["plans"]) {
            if (plan["link"] == entry["link"])
                fastest = std::min(fastest, plan["cost"]["latency_s"]["value"].get<double>());
        }
        EXPECT_EQ(entry["latency_s"]["value"], fastest);
    }
}

TEST(Words, NameTheWinnerItsRivalAndByHowMuch) {
    const Answer words = answer(example::advice());
    EXPECT_EQ(words.decision, "offload over 5g as u8: 8.99 ms");
    EXPECT_EQ(words.reason, "local on cpu:2: 31.2 ms, 3.47 times as much");
}

TEST(Words, EachLinkIsJudgedAlone) {
    const std::vector<LinkVerdict> verdicts = link_verdicts(example::advice());
    ASSERT_EQ(verdicts.size(), 3U);
    EXPECT_EQ(verdicts[0].decision, "stay local");
    EXPECT_EQ(verdicts[1].decision, "stay local");
    EXPECT_EQ(verdicts[2].decision, "offload as u8");
    EXPECT_EQ(verdicts[2].reason, "offloaded: 8.99 ms; local on cpu:2: 31.2 ms (3.47 times as much)");
}

TEST(Words, ARivalThatMissesTheDeadlineIsNotCalledWorse) {
    Advice advice = example::advice();
    advice.objective = {.goal = Goal::energy, .deadline = Seconds(0.040)};
    rank(advice);
    const Answer words = answer(advice);
    EXPECT_EQ(words.decision, "local on cpu:2: 156 mJ");
    EXPECT_NE(words.reason.find("misses the deadline"), std::string::npos) << words.reason;
}

TEST(Words, NoPlanIsAnAnswerToo) {
    Advice advice = example::advice();
    advice.objective.deadline = Seconds(0.001);
    rank(advice);
    EXPECT_EQ(answer(advice).decision, "no plan meets the deadline of 1.00 ms");
    EXPECT_NE(answer(advice).reason.find("5g as u8"), std::string::npos);
    EXPECT_EQ(answer(Advice{}).decision, "no plan could be made");
    Advice powerless = example::advice({});
    powerless.objective.goal = Goal::energy;
    rank(powerless);
    EXPECT_EQ(answer(powerless).decision, "no plan has a known energy");
    EXPECT_NE(answer(powerless).reason, "");
}

TEST(AdviceText, OpensWithTheDecisionAndFitsEightyColumns) {
    Advice advice = example::advice();
    advice.links[1].profile.name = "a link with quite a long name of its own";
    for (Plan& plan : advice.plans) {
        if (plan.link == "wifi") plan.link = advice.links[1].profile.name;
    }
    rank(advice);
    const std::string text = advice_text(advice);
    EXPECT_EQ(text.substr(0, text.find('\n')), "offload over 5g as u8: 8.99 ms");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

TEST(AdviceText, PrintsThePredictionTheMeasurementAndTheError) {
    const std::string text = advice_text(example::advice());
    const std::size_t row = text.find("offload ethernet u8");
    ASSERT_NE(row, std::string::npos) << text;
    const std::string line = text.substr(row, text.find('\n', row) - row);
    for (const char* figure : {"43.9 ms", "41.0 ms", "-7 %", "46.0 mJ", "49.2 kB", "measured"}) {
        EXPECT_NE(line.find(figure), std::string::npos) << line;
    }
}

TEST(AdviceText, ControlCharactersDoNotReachTheTerminal) {
    Advice advice = example::advice();
    advice.plans[1].remarks.push_back("\x1b[2Jgone");
    advice.plans[0].link = "x\x1b]0;title\x07";
    const std::string text = advice_text(advice);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace breakeven
