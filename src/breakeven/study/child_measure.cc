// One measurement in a child process: see child_measure.h.
#include "breakeven/study/child_measure.h"

#include <fmt/format.h>

#include <vector>

#include "breakeven/engine/child_process.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

/// What takes longer than its duration by this is stuck: loading and meeting a network is in it.
constexpr Seconds patience{300.0};

std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const std::size_t line = text.rfind('\n');
    return line == std::string::npos ? text : text.substr(line + 1);
}

}  // namespace

nlohmann::ordered_json measure_in_child(const ChildMeasurement& what) {
    std::vector<std::string> command{what.executable.string(),
                                     "measure",
                                     what.model.string(),
                                     "--platform",
                                     to_text(what.platform),
                                     "--duration",
                                     fmt::format("{}s", what.duration.count()),
                                     "--json",
                                     "--with-parent",
                                     "--store",
                                     what.store.string()};
    if (what.counters) command.emplace_back("--counters");
    if (what.meter != "powers") command.insert(command.end(), {"--meter", what.meter});
    if (what.rest) command.insert(command.end(), {"--subtract-idle", fmt::format("{}s", what.rest->count())});
    const ChildResult child =
        run_child(command, {.time = 3.0 * what.duration + what.rest.value_or(Seconds(0)) + patience});
    const std::string attempt =
        fmt::format("measure '{}' on {}", what.model.filename().string(), to_text(what.platform));
    if (child.timed_out) throw Error(ErrorKind::unavailable, attempt, "it did not end");
    if (child.signal) throw Error(ErrorKind::unavailable, attempt, "it was ended by " + signal_text(*child.signal));
    if (child.exit_code != 0) throw Error(ErrorKind::unavailable, attempt, last_line(child.errors));
    nlohmann::ordered_json answer = nlohmann::ordered_json::parse(child.output, nullptr, false);
    if (answer.is_discarded()) throw Error(ErrorKind::internal, attempt, "its answer is no JSON");
    return answer;
}

}  // namespace breakeven
