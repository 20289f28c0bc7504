// Where a running server tells its operator what went wrong: one line each, on stderr.
#pragma once

#include <functional>
#include <string>

namespace breakeven {

using Log = std::function<void(const std::string& warning)>;

/// Lines with time and level, through spdlog.
Log log_to_stderr();

}  // namespace breakeven
