// Plan: see plan.h.
#include "breakeven/plan/plan.h"

#include <fmt/format.h>

namespace breakeven {

std::string_view name(PlanKind kind) {
    switch (kind) {
        case PlanKind::local: return "local";
        case PlanKind::offload: return "offload";
        case PlanKind::split: return "split";
        case PlanKind::cascade: return "cascade";
    }
    return "?";
}

std::string_view name(StageKind kind) {
    switch (kind) {
        case StageKind::compute: return "compute";
        case StageKind::round_trip: return "round trip";
        case StageKind::upload: return "upload";
        case StageKind::queue: return "queue";
        case StageKind::download: return "download";
        case StageKind::overhead: return "overhead";
    }
    return "?";
}

std::optional<Figure<JouleSeconds>> Cost::energy_delay() const {
    if (!energy) return std::nullopt;
    return Figure<JouleSeconds>{energy->value * latency.value, weaker(energy->origin, latency.origin)};
}

std::string Plan::title() const {
    if (kind == PlanKind::local) {
        return fmt::format("local on {}", stages.empty() ? std::string("?") : stages.front().where);
    }
    const std::string form = codec.empty() ? std::string() : fmt::format(" as {}", codec);
    return fmt::format("{} over {}{}", name(kind), link, form);
}

}  // namespace breakeven
