// Every number of the thesis' tables, once more and by hand.
#include "breakeven/thesis/published.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "breakeven/thesis/charts.h"
#include "breakeven/thesis/documents.h"
#include "breakeven/thesis/findings.h"

namespace breakeven {
namespace {

std::vector<std::int64_t> in_whole(const Spread<Seconds>& s) {
    std::vector<std::int64_t> all;
    for (const Seconds value : {s.mean, s.sd, s.max, s.min}) all.push_back(std::llround(value.count() * 1e3));
    return all;
}

std::vector<std::int64_t> in_whole(const Spread<Joules>& s) {
    std::vector<std::int64_t> all;
    for (const Joules value : {s.mean, s.sd, s.max, s.min}) all.push_back(std::llround(value.in(millijoules)));
    return all;
}

TEST(Table21, HasElevenNetworksAsPrinted) {
    std::vector<std::int64_t> parameters;
    for (const PublishedNetwork& network : published_networks()) parameters.push_back(network.parameters);
    EXPECT_EQ(parameters, (std::vector<std::int64_t>{22353028, 23925892, 24137956, 28332260, 32002276, 3516964, 4303396,
                                                     7449124, 14871716, 15264932, 16837796}));
}

TEST(Tables42To44, AreAsPrinted) {
    struct Printed {
        std::string link, server;
        std::vector<std::int64_t> latency, high, low;
    };
    const std::vector<Printed> rows{{"wifi", "CPU", {72, 12, 96, 59}, {220, 35, 291, 180}, {66, 11, 87, 54}},
                                    {"ethernet", "CPU", {29, 8, 47, 20}, {89, 25, 144, 62}, {27, 7, 43, 19}},
                                    {"wifi", "GPU", {68, 7, 79, 59}, {207, 21, 241, 180}, {62, 6, 72, 54}},
                                    {"ethernet", "GPU", {25, 3, 31, 21}, {76, 9, 94, 63}, {23, 3, 28, 19}}};
    ASSERT_EQ(published_scenarios().size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Scenario& scenario = published_scenarios()[i];
        EXPECT_EQ(scenario.link, rows[i].link);
        EXPECT_EQ(scenario.server, rows[i].server);
        EXPECT_EQ(in_whole(scenario.latency), rows[i].latency);
        EXPECT_EQ(in_whole(*scenario.high_idle), rows[i].high);
        EXPECT_EQ(in_whole(*scenario.low_idle), rows[i].low);
    }
}

TEST(Table51, IsAsPrinted) {
    std::vector<double> sums(3, 0.0);
    for (const PublishedFit& fit : published_fits()) {
        for (std::size_t i = 0; i < 3; ++i) sums[i] += fit.percent[i];
    }
    EXPECT_EQ(sums, (std::vector<double>{217 + 233 + 414 + 486 + 549 + 120 + 148 + 255 + 2063 + 2117 + 2336,
                                         14 + 15 + 26 + 30 + 34 + 8 + 9 + 16 + 129 + 132 + 146,
                                         8 + 9 + 15 + 18 + 20 + 4 + 5 + 9 + 76 + 78 + 86}));
}

TEST(PublishedResults, ClaimNoInferenceTime) {
    const Results results = published_results();
    EXPECT_EQ(results.variants.size(), 11U);
    for (const Row& row : results.rows) {
        EXPECT_EQ(row.time_in(StageKind::compute), Seconds(0)) << row.series();
        EXPECT_EQ(row.latency.origin, Origin::modelled);
    }
    for (const Scenario& scenario : results.scenarios) EXPECT_EQ(scenario.origin, Origin::published);
}

TEST(PublishedAnswer, NamesTheReadingThatIsRuledOut) {
    const StudyAnswer words = answer(published_results(), check_thesis());
    EXPECT_NE(words.headline.find("rule out that inputs travelled at the upload rate"), std::string::npos)
        << words.headline;
    EXPECT_EQ(words.headline.find("download"), std::string::npos) << words.headline;
}

TEST(PublishedCharts, AreDrawnFromNumbersAndEqualTheirCsv) {
    const auto all = charts(published_results(), check_thesis());
    EXPECT_GE(all.size(), 5U);
    for (const Chart& chart : all) {
        EXPECT_TRUE(chart.reason.empty()) << chart.id << ": " << chart.reason;
        std::size_t points = 0;
        for (const ChartSeries& series : chart.series) points += series.points.size();
        const std::string csv = chart_csv(chart);
        EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(csv, '\n')), points + 1) << chart.id;
    }
}

}  // namespace
}  // namespace breakeven
