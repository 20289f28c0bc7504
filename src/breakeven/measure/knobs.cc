// Knobs: see knobs.h.
#include "breakeven/measure/knobs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace breakeven {
namespace {

/// ONNX Runtime pins all of its threads but the caller's, which the kernel puts where it is fast by itself. Processors
/// count from 1 there.
std::string affinities(int threads, const std::vector<int>& processors) {
    const std::string range = fmt::format("{}-{}", processors.front() + 1, processors.back() + 1);
    return fmt::format("{}", fmt::join(std::vector<std::string>(static_cast<std::size_t>(threads - 1), range), ";"));
}

bool is_range(const std::vector<int>& processors) {
    return processors.back() - processors.front() + 1 == static_cast<int>(processors.size());
}

std::vector<Knob> of_onnxruntime(int threads, GraphShape shape, const CoreKinds& cores) {
    std::vector<Knob> knobs{{"no arena", {{"arena", "off"}}},
                            {"extended optimizations", {{"optimization", "extended"}}}};
    if (threads == 1) return knobs;
    knobs.push_back({"threads do not spin", {{"session.intra_op.allow_spinning", "0"}}});
    knobs.push_back({"work in smaller blocks", {{"session.dynamic_block_base", "4"}}});
    if (shape == GraphShape::branching) {
        knobs.push_back({"branches in parallel", {{"execution", "parallel"}}});
    }
    if (cores.size() > 1 && is_range(cores.front()) && static_cast<int>(cores.front().size()) >= threads) {
        knobs.push_back(
            {"fast cores alone", {{"session.intra_op_thread_affinities", affinities(threads, cores.front())}}});
    }
    return knobs;
}

std::vector<Knob> of_openvino(int threads, const CoreKinds& cores) {
    std::vector<Knob> knobs{{"throughput hint", {{"PERFORMANCE_HINT", "THROUGHPUT"}, {"NUM_STREAMS", "1"}}},
                            {"threads not pinned", {{"ENABLE_CPU_PINNING", "NO"}}}};
    if (threads > 1) {
        knobs.push_back({fmt::format("{} streams", threads), {{"NUM_STREAMS", fmt::format("{}", threads)}}});
    }
    if (cores.size() > 1) knobs.push_back({"fast cores alone", {{"SCHEDULING_CORE_TYPE", "PCORE_ONLY"}}});
    return knobs;
}

}  // namespace

std::vector<Knob> knobs_of(const Platform& platform, GraphShape shape, const CoreKinds& cores) {
    if (platform.unit != "cpu") return {};
    if (platform.engine == "onnxruntime") return of_onnxruntime(platform.number, shape, cores);
    if (platform.engine == "openvino") return of_openvino(platform.number, cores);
    return {};
}

Platform with(Platform platform, const Knob& knob) {
    std::map<std::string, std::string> all;  // sorted by key, as Platform has it
    for (const auto& [key, value] : options_of(platform)) all[key] = value;
    for (const auto& [key, value] : knob.options) all[key] = value;
    platform.options.clear();
    for (const auto& [key, value] : all) {
        platform.options += fmt::format("{}{}={}", platform.options.empty() ? "" : ",", key, value);
    }
    return platform;
}

}  // namespace breakeven
