// Plan: see plan.h.
#include "breakeven/plan/plan.h"

#include <fmt/format.h>

#include <algorithm>

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
        case StageKind::encode: return "encode";
        case StageKind::decode: return "decode";
        case StageKind::round_trip: return "round trip";
        case StageKind::upload: return "upload";
        case StageKind::tcp: return "tcp";
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
    const std::string form = variant == as_given ? std::string() : fmt::format("{} ", variant);
    if (kind == PlanKind::local) {
        return fmt::format("{}local on {}", form, stages.empty() ? std::string("?") : stages.front().where);
    }
    const bool is_split = kind == PlanKind::split;
    const std::string where = is_split ? " at " + cut_title(cut) : std::string();
    // What crosses a cut does so as it is, unless something is said.
    const std::string how = codec.empty() || (is_split && codec == "raw") ? std::string() : " as " + codec;
    const std::string held = transport == Transport::plain  ? ", plain TCP"
                             : transport == Transport::warm ? ", kept warm"
                                                            : "";
    return fmt::format("{}{} over {}{}{}{}", form, name(kind), link, where, how, held);
}

bool Plan::is_coded() const {
    return std::ranges::find(stages, StageKind::encode, &Stage::kind) != stages.end();
}

Seconds Plan::whole_latency() const {
    return deploy ? cost.latency.value + deploy->latency_each() : cost.latency.value;
}

std::string cut_title(const std::vector<std::string>& cut) {
    if (cut.empty()) return "?";
    return cut.size() == 1 ? cut.front() : fmt::format("{} +{}", cut.front(), cut.size() - 1);
}

}  // namespace breakeven
