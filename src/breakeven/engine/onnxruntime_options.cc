// What ONNX Runtime's session on a CPU can be told: see onnxruntime_options.h.
#include "breakeven/engine/onnxruntime_options.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include "breakeven/error.h"

namespace breakeven {
namespace {

constexpr std::array<std::pair<std::string_view, GraphOptimizationLevel>, 4> levels{{{"off", ORT_DISABLE_ALL},
                                                                                     {"basic", ORT_ENABLE_BASIC},
                                                                                     {"extended", ORT_ENABLE_EXTENDED},
                                                                                     {"all", ORT_ENABLE_ALL}}};

}  // namespace

void set_session_option(Ort::SessionOptions& session, const Platform& platform, const std::string& key,
                        const std::string& value) {
    if (key == "arena" && value == "off") {
        session.DisableCpuMemArena();
        return;
    }
    if (key == "arena" && value == "on") {
        session.EnableCpuMemArena();
        return;
    }
    if (key == "execution" && value == "sequential") {
        session.SetExecutionMode(ORT_SEQUENTIAL);
        return;
    }
    if (key == "execution" && value == "parallel") {
        session.SetExecutionMode(ORT_PARALLEL);
        session.SetInterOpNumThreads(platform.number);
        return;
    }
    for (const auto& [word, level] : levels) {
        if (key == "optimization" && value == word) {
            session.SetGraphOptimizationLevel(level);
            return;
        }
    }
    throw Error(ErrorKind::usage, fmt::format("use {}", to_text(platform)),
                fmt::format("'{}={}' is no option of a CPU; these are: arena=on|off, execution=sequential|parallel, "
                            "optimization=off|basic|extended|all, and the session's entries, such as "
                            "session.intra_op.allow_spinning=0",
                            key, value));
}

}  // namespace breakeven
