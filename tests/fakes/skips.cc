// Lists what was skipped at the end of every test program, and makes a skip a failure under BREAKEVEN_REQUIRE_ALL=1.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

class Skips final : public testing::EmptyTestEventListener {
    void OnTestPartResult(const testing::TestPartResult& result) override {
        if (!result.skipped()) return;
        const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
        std::printf("SKIPPED %s.%s: %s\n", test == nullptr ? "?" : test->test_suite_name(),
                    test == nullptr ? "?" : test->name(), result.summary());
        const char* all = std::getenv("BREAKEVEN_REQUIRE_ALL");
        if (all != nullptr && std::strcmp(all, "1") == 0) {
            std::printf("a skip is a failure under BREAKEVEN_REQUIRE_ALL=1\n");
            failed_ = true;
        }
    }
    void OnTestProgramEnd(const testing::UnitTest& /*program*/) override {
        std::fflush(stdout);
        if (failed_) std::_Exit(1);
    }
    bool failed_ = false;
};

// gtest_main makes the listeners before main runs the tests; there is no other hook without a main of our own.
const bool installed = [] {
    testing::UnitTest::GetInstance()->listeners().Append(new Skips);
    return true;
}();

}  // namespace
