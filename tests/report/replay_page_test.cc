// The replay's page: self-contained, no name becomes markup, and the strips show what was chosen.
#include "breakeven/report/replay_page.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <string>
#include <vector>

#include "breakeven/report/course_svg.h"

namespace breakeven {
namespace {

using namespace literals;

RecordedLink link_named(const std::string& name) {
    std::string text = "time_s,uplink_Bps,downlink_Bps,rtt_s\n";
    for (int second = 0; second < 40; ++second) {
        text += std::to_string(second) + (second % 20 < 10 ? ",5000000" : ",20000") + ",5000000,0.02\n";
    }
    return fill(parse_trace_csv(text, name), {});
}

ReplayQuestion question() {
    ReplayQuestion question;
    question.plans = example_plans(300_ms);
    question.policies.assign(policy_kinds().begin(), policy_kinds().end());
    return question;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

TEST(ReplayPage, FetchesNothingAndRunsNothing) {
    const std::vector<RecordedLink> links{link_named("a"), link_named("b")};
    const std::vector<TraceResult> traces{replay(links[0], question()), replay(links[1], question())};
    const std::string page = replay_page(question(), links, traces);
    for (const char* word : {"http:", "https:", "<script", "src=", "url(", "{{"}) {
        EXPECT_EQ(page.find(word), std::string::npos) << word;
    }
    EXPECT_EQ(count(page, "class=\"course\""), 2U);
    EXPECT_LT(page.size(), 60'000U);
}

TEST(ReplayPage, NoNameBecomesMarkup) {
    ReplayQuestion asked = question();
    asked.plans.points[1].name = "<b>plan</b>";
    const std::vector<RecordedLink> links{link_named("<i>\"link\"</i>")};
    const std::vector<TraceResult> traces{replay(links[0], asked)};
    const std::string page = replay_page(asked, links, traces);
    EXPECT_EQ(page.find("<b>"), std::string::npos);
    EXPECT_EQ(page.find("<i>"), std::string::npos);
    EXPECT_NE(page.find("&lt;b&gt;plan"), std::string::npos);
}

TEST(ReplayPage, SaysWhenThereWasNothingToDecide) {
    ReplayQuestion asked = question();
    asked.plans = example_plans(1_ms);
    const std::vector<RecordedLink> links{link_named("a")};
    const std::vector<TraceResult> traces{replay(links[0], asked)};
    EXPECT_NE(replay_page(asked, links, traces).find("Nothing to decide"), std::string::npos);
}

TEST(CourseSvg, EachStripCoversAllOfTheTimeOnce) {
    const RecordedLink link = link_named("a");
    const TraceResult trace = replay(link, question());
    const std::string svg = course_svg(link, trace, question().plans);
    const std::regex rect("<rect class=\"[a-z0-9-]+\" x=\"[0-9.]+\" y=\"([0-9.]+)\" width=\"([0-9.]+)\"");
    std::map<std::string, double> widths;
    for (std::sregex_iterator it(svg.begin(), svg.end(), rect), end; it != end; ++it)
        widths[(*it)[1]] += std::stod((*it)[2]);
    EXPECT_EQ(widths.size(), question().policies.size());
    for (const auto& [strip, width] : widths) EXPECT_NEAR(width, 560.0, 3.0) << strip;
}

TEST(CourseSvg, AlwaysLocalHasOneColour) {
    ReplayQuestion asked = question();
    asked.policies = {PolicyKind::always_local};
    const RecordedLink link = link_named("a");
    const std::string svg = course_svg(link, replay(link, asked), asked.plans);
    EXPECT_EQ(count(svg, "<rect"), 1U);
    EXPECT_EQ(count(svg, "<rect class=\"place-local\""), 1U);
}

TEST(CourseSvg, AnOutageFromEndToEndButOneSecondIsDrawn) {
    const RecordedLink link =
        fill(parse_trace_csv("time_s,uplink_Bps,downlink_Bps,rtt_s\n0,0,0,0.02\n50,1000000,1000000,0.02\n51,0,0,0.02\n",
                             "out"),
             {});
    const std::string svg = course_svg(link, replay(link, question()), question().plans);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace breakeven
