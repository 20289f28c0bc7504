// Figures in JSON: see figures.h.
#include "cli/figures.h"

namespace breakeven::cli {

Json to_json(const Summary& summary) {
    const auto seconds = [](const std::optional<Seconds>& time) { return time ? Json(time->count()) : Json(nullptr); };
    return {{"n", summary.n},
            {"mean_s", summary.mean.count()},
            {"sd_s", seconds(summary.sd)},
            {"min_s", summary.min.count()},
            {"p50_s", summary.p50.count()},
            {"p90_s", summary.p90.count()},
            {"p99_s", summary.p99.count()},
            {"max_s", summary.max.count()},
            {"ci95_s",
             summary.ci95 ? Json::array({summary.ci95->low.count(), summary.ci95->high.count()}) : Json(nullptr)}};
}

Json to_json(const std::optional<Summary>& summary) {
    return summary ? to_json(*summary) : Json(nullptr);
}

Json to_json(const Figure<Joules>& energy) {
    return {{"value", energy.value.in(joules)}, {"origin", name(energy.origin)}};
}

Json to_json(const std::optional<Figure<Joules>>& energy) {
    return energy ? to_json(*energy) : Json(nullptr);
}

}  // namespace breakeven::cli
