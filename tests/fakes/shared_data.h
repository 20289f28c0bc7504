// Where the test data lies that may not be committed; tests that need it skip, saying so, where it is absent.
#pragma once

#include <filesystem>

namespace breakeven::fakes {

/// The folder `shared/data` beside the checkout, or BREAKEVEN_SHARED_DATA; empty when there is none.
std::filesystem::path shared_data();

}  // namespace breakeven::fakes

/// Skips the test where the shared data is absent (a failure where BREAKEVEN_REQUIRE_ALL=1: see skips.cc).
#define BREAKEVEN_NEEDS_SHARED_DATA()                                                           \
    if (breakeven::fakes::shared_data().empty()) {                                              \
        GTEST_SKIP() << "needs the shared test data (set BREAKEVEN_SHARED_DATA to its folder)"; \
    }
