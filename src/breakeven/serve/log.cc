// The server's log: see log.h.
#include "breakeven/serve/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace breakeven {

Log log_to_stderr() {
    // A logger of its own: spdlog's default one writes to stdout, where answers go.
    auto logger =
        std::make_shared<spdlog::logger>("breakeven", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(spdlog::level::warn);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l: %v");
    logger->flush_on(spdlog::level::warn);
    return [logger](const std::string& warning) { logger->warn(warning); };
}

}  // namespace breakeven
