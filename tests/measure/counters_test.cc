// Counters: multiplexing mended; the kernel's own counter of page faults against pages that were touched.
#include "breakeven/measure/counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/measure/boards.h"

namespace breakeven {
namespace {

using testing::HasSubstr;

TEST(Multiplexing, ACounterThatRanAQuarterOfTheTimeSawAQuarter) {
    EXPECT_DOUBLE_EQ(*corrected({.value = 250, .enabled = 4000, .running = 1000}), 1000.0);
    EXPECT_DOUBLE_EQ(*corrected({.value = 250, .enabled = 4000, .running = 4000}), 250.0);
    EXPECT_EQ(corrected({.value = 0, .enabled = 4000, .running = 0}), std::nullopt);
}

const EventCount& of(const std::vector<EventCount>& counts, Event event) {
    return *std::find_if(counts.begin(), counts.end(), [&](const EventCount& each) { return each.event == event; });
}

TEST(PerfCounters, CountOrSayWhyNot) {
    const auto counters = make_counters();
    counters->start();
    double sum = 0;
    for (int i = 1; i < 100'000; ++i) sum += 1.0 / i;
    EXPECT_GT(sum, 1);
    const std::vector<EventCount> counts = counters->stop();
    ASSERT_EQ(counts.size(), event_count);
    for (const EventCount& each : counts) {
        EXPECT_NE(each.count.has_value(), !each.reason.empty()) << name(each.event);
    }
    const EventCount& instructions = of(counts, Event::instructions);
    EXPECT_GE(instructions.count.value_or(1e9), 3 * 100'000);
}

TEST(PerfCounters, SeeAPageFaultForEachPageTouched) {
    const auto counters = make_counters();
    constexpr std::size_t pages = 500;
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    madvise(memory, pages * page, MADV_NOHUGEPAGE);
    counters->start();
    for (std::size_t i = 0; i < pages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
    const EventCount faults = of(counters->stop(), Event::page_faults);
    munmap(memory, pages * page);
    if (!faults.count) GTEST_SKIP() << faults.reason;
    EXPECT_GE(*faults.count, pages);
    EXPECT_LE(*faults.count, pages + pages / 8 + 50);  // AddressSanitizer keeps a byte for eight
}

TEST(Boards, AreWholeAndHaveSources) {
    for (const Board& board : known_boards()) {
        EXPECT_GT(board.source.size(), 10U) << board.name;
        EXPECT_FALSE(board.levels.empty()) << board.name;
        for (std::size_t i = 1; i < board.levels.size(); ++i) {
            EXPECT_GE(board.levels[i].size, board.levels[i - 1].size) << board.name;
        }
    }
    // Frennborn & Oliv 2022, chapter 3.
    const Board& device = known_board("imx8mp");
    ASSERT_EQ(device.levels.size(), 3U);
    EXPECT_EQ(device.levels[0].size, Bytes(32 << 10));
    EXPECT_EQ(device.levels[1].size, Bytes(512 << 10));
    EXPECT_EQ(device.levels[2].size, Bytes(868 << 10));
    EXPECT_THROW(known_board("abacus"), Error);
}

TEST(Boards, RefuseWhatIsNone) {
    const auto refusal = [](const std::string& text) -> std::string {
        try {
            parse_boards(text, "mine.json");
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            return error.what();
        }
        return "accepted";
    };
    EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
    EXPECT_THAT(refusal("[]"), HasSubstr("boards by name"));
    EXPECT_THAT(refusal(R"({"a": 1})"), HasSubstr("a: "));
    EXPECT_THAT(refusal(R"({"a": {"title": "A", "source": "s"}})"), HasSubstr("levels"));
    EXPECT_THAT(refusal(R"({"a": {"title": "A", "source": "s", "levels": {"L1": "32"}}})"),
                HasSubstr("unit is missing"));
    EXPECT_THAT(refusal(R"({"a": {"title": "A", "source": "s", "levels": {"L1": 32}}})"), HasSubstr("32KiB"));
}

}  // namespace
}  // namespace breakeven
