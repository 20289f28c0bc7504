// The page: whole, self-contained, small enough, and no name becomes markup.
#include "breakeven/report/page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/report/advice_json.h"
#include "breakeven/report/html.h"
#include "report/example_advice.h"

namespace breakeven {
namespace {

/// What the page would be without its scripts and styles, whose text is no markup.
std::string markup(std::string page) {
    for (const std::string tag : {"script", "style"}) {
        for (std::size_t open = page.find("<" + tag); open != std::string::npos;
             open = page.find("<" + tag, open + 1)) {
            const std::size_t start = page.find('>', open) + 1;
            const std::size_t end = page.find("</" + tag + ">", start);
            EXPECT_NE(end, std::string::npos);
            if (end == std::string::npos) return page;
            page.erase(start, end - start);
        }
    }
    return page;
}

/// The tags that are open where they should not be, or closed without having been opened; empty when well-formed.
std::string imbalance(const std::string& page) {
    static const std::set<std::string> without_end{"meta", "!doctype"};
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
        const bool closes = page[at + 1] == '/';
        const std::size_t start = at + (closes ? 2 : 1);
        const std::string name = page.substr(start, page.find_first_of(" >\n", start) - start);
        if (without_end.contains(name)) continue;
        if (!closes) {
            open.push_back(name);
        } else if (open.empty() || open.back() != name) {
            return "</" + name + ">";
        } else {
            open.pop_back();
        }
    }
    return open.empty() ? "" : "<" + open.back() + ">";
}

nlohmann::json embedded(const std::string& page) {
    const std::string opening = "<script type=\"application/json\" id=\"advice\">";
    const std::size_t start = page.find(opening) + opening.size();
    return nlohmann::json::parse(page.substr(start, page.find("</script>", start) - start));
}

Advice hostile_advice() {
    const std::string name = "</script><script>alert(1)</script><!--\"'&<img src=x onerror=alert(2)>{{echarts}}";
    Advice advice = example::advice();
    advice.model_name = name;
    advice.links[0].profile.name = name;
    advice.links[1].reason = name;
    for (Plan& plan : advice.plans) {
        if (plan.link == "ethernet") plan.link = name;
        plan.variant = name;
        plan.remarks = {name};
        for (Stage& stage : plan.stages) stage.where = name;
    }
    advice.warnings = {name};
    advice.circumstances = {name};
    rank(advice);
    return advice;
}

TEST(Page, IsWellFormedAndUnderOneAndAHalfMegabytes) {
    for (const Advice& advice : {example::advice(), example::advice({}), hostile_advice(), Advice{}}) {
        const std::string page = advice_page(advice);
        EXPECT_EQ(imbalance(markup(page)), "");
        EXPECT_LT(page.size(), 1'500'000U);
        EXPECT_GT(page.size(), 1'000'000U) << "where is ECharts?";
    }
}

TEST(Page, CarriesTheSameFiguresAsTheJson) {
    const Advice advice = example::advice();
    EXPECT_EQ(embedded(advice_page(advice)), nlohmann::json(advice_json(advice)));
}

TEST(Page, SaysTheAnswerAndEveryPlanWithoutJavaScript) {
    const Advice advice = example::advice();
    const std::string page = markup(advice_page(advice));
    EXPECT_NE(page.find("<h1>Offload over 5g as u8: 8.99&nbsp;ms</h1>"), std::string::npos);
    for (const Plan& plan : advice.plans) EXPECT_NE(page.find(plan.title()), std::string::npos);
    EXPECT_NE(page.find("-6.5 %"), std::string::npos) << "the model's error";
    EXPECT_NE(page.find("/dev/net/tun may not be opened"), std::string::npos) << "why a link is modelled";
}

TEST(Page, SaysWhyThereIsNoEnergy) {
    const std::string page = markup(advice_page(example::advice({})));
    EXPECT_EQ(page.find("id=\"energy\""), std::string::npos);
    EXPECT_NE(page.find("--active-power"), std::string::npos);
}

TEST(Page, HostileNamesStayText) {
    const Advice advice = hostile_advice();
    const std::string page = advice_page(advice);
    EXPECT_EQ(page.find("<script>alert"), std::string::npos);
    EXPECT_EQ(page.find("<img src=x"), std::string::npos);
    EXPECT_EQ(embedded(page)["model"]["name"], advice.model_name);
    std::size_t scripts = 0;
    for (std::size_t at = page.find("<script"); at != std::string::npos; at = page.find("<script", at + 1)) ++scripts;
    EXPECT_EQ(scripts, 3U);
}

TEST(Page, BytesThatAreNoTextDoNotStopIt) {
    Advice advice = example::advice();
    advice.model_name = "caf\xe9";
    EXPECT_NO_THROW(advice_page(advice));
}

TEST(Page, AsksForNothingFromElsewhere) {
    const std::string page = markup(advice_page(example::advice()));
    for (const char* request : {"src=", "href=\"http", "url(", "@import", "<link"}) {
        EXPECT_EQ(page.find(request), std::string::npos) << request;
    }
}

TEST(Html, ATemplateMustBeFilledWhole) {
    EXPECT_EQ(filled("a{{x}}b", {{"x", "{{y}}"}}), "a{{y}}b");
    EXPECT_THROW(filled("{{y}}", {{"x", "1"}}), Error);
}

}  // namespace
}  // namespace breakeven
