// Findings: see findings.h.
#include "breakeven/thesis/findings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "breakeven/thesis/quantities.h"
#include "breakeven/thesis/system.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

std::string interval_text(const Correlation& correlation) {
    if (!correlation.ci95) return "";
    return fmt::format(" ({:.2f} to {:.2f})", correlation.ci95->low, correlation.ci95->high);
}

double median(std::vector<double> values) {
    return quantile(sorted_copy(values), 0.5);
}

bool is_measured(const Results& results) {
    return std::ranges::any_of(results.rows, [](const Row& row) { return row.kind == PlanKind::local; });
}

const Scenario* published_like(const Scenario& scenario) {
    const auto all = published_scenarios();
    const auto found =
        std::ranges::find_if(all, [&](const Scenario& s) { return s.link == scenario.link && s.server == "CPU"; });
    return found == all.end() ? nullptr : &*found;
}

/// Without the models of what was measured too.
std::vector<Scenario> standing_scenarios(const Results& results) {
    std::vector<Scenario> scenarios = results.scenarios;
    std::erase_if(scenarios, [&](const Scenario& model) {
        return model.origin == Origin::modelled && std::ranges::any_of(results.scenarios, [&](const Scenario& s) {
                   return s.origin == Origin::measured && s.link == model.link && s.server == model.server;
               });
    });
    return scenarios;
}

Finding thresholds(const Results& results) {
    Finding finding{"thresholds", "From which on-device latency offloading wins", {}};
    for (const Scenario& s : standing_scenarios(results)) {
        std::string line =
            fmt::format("Over {} to {} ({}): {} on average over {} variants, {} for the slowest.", s.link, s.server,
                        name(s.origin), to_text(s.latency.mean), s.n, to_text(s.latency.max));
        if (s.high_idle) line += fmt::format(" In energy, waiting awake: {}.", to_text(s.high_idle->mean));
        if (s.low_idle) line += fmt::format(" Suspended: {}.", to_text(s.low_idle->mean));
        finding.lines.push_back(line);
    }
    return finding;
}

Finding winners(const Results& results) {
    Finding finding{"winners", "Who wins where", {}};
    const auto tell = [&](WinBy by, std::string_view what) {
        const std::vector<Wins> all = wins(results, by);
        if (all.empty()) return;
        std::vector<std::string> parts;
        for (const Wins& one : all) parts.push_back(fmt::format("{} for {}", one.series, one.count));
        finding.lines.push_back(fmt::format("{}: {} of the {} variants.", what, fmt::join(parts, ", "), decided(all)));
    };
    tell(WinBy::latency, "Quickest");
    // Where only what is computed here has an energy, there is nothing to compare.
    const auto compares = [&](Idle idle) {
        return std::ranges::any_of(results.rows, [idle](const Row& row) {
            return row.kind != PlanKind::local && row.energy(idle).has_value();
        });
    };
    if (compares(Idle::high)) tell(WinBy::energy_high, "Least energy, waiting awake");
    if (compares(Idle::low)) tell(WinBy::energy_low, "Least energy, suspended while waiting");
    return finding;
}

Finding network_share(const Results& results) {
    Finding finding{"network", "What the network takes of an offload", {}};
    for (const Observations& group : by_series(results)) {
        if (group.rows.front()->kind != PlanKind::offload || group.rows.front()->platform == "network alone") continue;
        std::vector<double> shares;
        for (const Row* row : group.rows) {
            const Seconds network = row->time_in(StageKind::round_trip) + row->time_in(StageKind::upload) +
                                    row->time_in(StageKind::download) + row->time_in(StageKind::tcp);
            shares.push_back(100.0 * (network / row->latency.value));
        }
        finding.lines.push_back(fmt::format("{}: {:.0f} % of the latency at the median, from {:.0f} to {:.0f} %.",
                                            group.series, median(shares), *std::ranges::min_element(shares),
                                            *std::ranges::max_element(shares)));
    }
    return finding;
}

/// What was metered whole and above what the machine draws at rest: one line a platform.
Finding at_rest(const Results& results) {
    Finding finding{"idle", "What the machine draws at rest", {}};
    if (results.idle_power) {
        finding.lines.push_back(fmt::format("It draws {} at rest ({}).", to_text(results.idle_power->value),
                                            name(results.idle_power->origin)));
    }
    for (const Observations& group : by_series(results)) {
        std::vector<double> whole, above;
        for (const Row* row : group.rows) {
            if (!row->above_idle || !row->energy_high) continue;
            whole.push_back(row->energy_high->value.in(joules));
            above.push_back(row->above_idle->value.in(joules));
        }
        if (above.empty()) continue;
        finding.lines.push_back(
            fmt::format("{}: {} an inference at the median over {} variants, of that {} above rest.", group.series,
                        to_text(joules(median(whole))), whole.size(), to_text(joules(median(above)))));
    }
    return finding;
}

/// "cpu:1 0.99 (0.98 to 1.00)" for each series whose energies are known.
std::string energy_correlations(const Results& results, Idle idle) {
    std::vector<std::string> parts;
    for (const Observations& group : by_series(results)) {
        std::vector<double> energy, latency;
        for (const Row* row : group.rows) {
            if (!row->energy(idle)) continue;
            energy.push_back(row->energy(idle)->value.in(joules));
            latency.push_back(row->latency.value.count());
        }
        if (const auto found = pearson({energy, latency})) {
            parts.push_back(fmt::format("{} {:.2f}{}", group.series, found->r, interval_text(*found)));
        }
    }
    return fmt::format("{}", fmt::join(parts, ", "));
}

/// Of the device's own platforms: what an offload takes is the network's.
Finding correlations(const Results& results) {
    Finding finding{"correlations", "What goes with latency", {}};
    for (const Observations& group : by_series(results)) {
        if (group.rows.front()->kind != PlanKind::local) continue;
        std::vector<std::string> parts;
        for (const RowQuantity& quantity : row_quantities(results)) {
            if (quantity.measure == Measure::energy) continue;
            std::vector<double> x, y;
            for (const Row* row : group.rows) {
                if (const std::optional<double> value = quantity.of(results, *row)) {
                    x.push_back(*value);
                    y.push_back(row->latency.value.count());
                }
            }
            const std::optional<Correlation> found = spearman({x, y});
            if (found) parts.push_back(fmt::format("{} {:+.2f}{}", quantity.name, found->r, interval_text(*found)));
        }
        if (!parts.empty()) finding.lines.push_back(fmt::format("On {}: {}.", group.series, fmt::join(parts, ", ")));
    }
    if (!finding.lines.empty()) {
        finding.lines.push_back("Spearman's rank correlation over the variants, with its 95 % interval.");
    }
    for (const Idle idle : idles) {
        const std::string energies = energy_correlations(results, idle);
        if (energies.empty()) continue;
        const bool by_construction = std::ranges::none_of(results.rows, [&](const Row& row) {
            return row.energy(idle) && row.energy(idle)->origin == Origin::measured;
        });
        finding.lines.push_back(
            fmt::format("Energy ({} idle power) and latency, Pearson's r: {}.{}", name(idle), energies,
                        by_construction ? " Energy is modelled from constant powers here, so it follows "
                                          "the latency by construction."
                                        : ""));
    }
    return finding;
}

Finding compression(const Results& results) {
    Finding finding{"compression", "What compressing bought", {}};
    for (const Gain& gain : compression_gains(results)) {
        const double middle = median(gain.ratios);
        const auto most = std::ranges::max_element(gain.ratios);
        const std::string& where = gain.of[static_cast<std::size_t>(most - gain.ratios.begin())];
        finding.lines.push_back(fmt::format("{}: {} is {:.2f} times as quick as {} at the median, {:.2f} at most ({}).",
                                            gain.series, gain.recipe, middle,
                                            gain.against.empty() ? "uncompressed" : gain.against, *most, where));
    }
    for (const std::string recipe : {"PQ", "PWQ"}) {
        std::vector<double> packed, agreement;
        for (const Variant& variant : results.variants) {
            if (variant.recipe != recipe) continue;
            if (variant.packed && variant.packed->count() > 0) {
                packed.push_back(4.0 * static_cast<double>(variant.parameters) /
                                 static_cast<double>(variant.packed->count()));
            }
            if (variant.agreement) agreement.push_back(100.0 * *variant.agreement);
        }
        if (!packed.empty()) {
            finding.lines.push_back(
                fmt::format("{} packs to 1/{:.1f} of its 32-bit weights at the median.", recipe, median(packed)));
        }
        if (!agreement.empty()) {
            finding.lines.push_back(fmt::format(
                "{} agrees with the uncompressed network's first choice in {:.0f} % at the median; untrained.", recipe,
                median(agreement)));
        }
    }
    return finding;
}

Finding model_error(const Results& results) {
    Finding finding{"model", "How far the model is from the measurement", {}};
    for (const Observations& group : by_series(results)) {
        std::vector<double> errors;
        for (const Row* row : group.rows) {
            if (row->predicted) errors.push_back(100.0 * (*row->predicted / row->latency.value - 1.0));
        }
        if (errors.empty()) continue;
        std::vector<double> sizes;
        for (const double error : errors) sizes.push_back(std::abs(error));
        finding.lines.push_back(fmt::format(
            "{}: equation 2.2 with the server's own time is off by {:.1f} % at the median (signed {:+.1f} %), "
            "{:.1f} % at most.",
            group.series, median(sizes), median(errors), *std::ranges::max_element(sizes)));
    }
    return finding;
}

/// "Ethernet: here 23 ms, the thesis 29 ms".
Finding against_thesis(const Results& results) {
    Finding finding{"thesis", "Beside the thesis", {}};
    for (const Scenario& s : standing_scenarios(results)) {
        const Scenario* printed = published_like(s);
        if (printed == nullptr) continue;
        finding.lines.push_back(
            fmt::format("Offloading over {} to {} takes {} on average here ({}); the thesis prints {} to "
                        "its server's CPU.",
                        s.link, s.server, to_text(s.latency.mean), name(s.origin), to_text(printed->latency.mean)));
    }
    const PublishedClaims& claims = published_claims();
    for (const Gain& gain : compression_gains(results)) {
        if (gain.recipe != "PQ" || !gain.against.empty()) continue;
        finding.lines.push_back(fmt::format(
            "On {}, PQ gains {:+.0f} % at the median; the thesis has {:.0f} to {:.0f} % on "
            "its CPU and {:.0f} times on its NPU.",
            gain.series, 100.0 * (median(gain.ratios) - 1.0), 100.0 * (claims.cpu_compression_gain_low - 1.0),
            100.0 * (claims.cpu_compression_gain_high - 1.0), claims.npu_compression_gain));
    }
    for (const Observations& group : by_series(results)) {
        std::vector<double> energy, latency;
        for (const Row* row : group.rows) {
            if (!row->energy_high) continue;
            energy.push_back(row->energy_high->value.in(joules));
            latency.push_back(row->latency.value.count());
        }
        const auto found = pearson({energy, latency});
        if (!found || found->r >= claims.energy_latency_correlation_low) continue;
        finding.lines.push_back(fmt::format("Energy and latency of {} correlate by {:.2f}{}; the thesis has 0.98 to 1.",
                                            group.series, found->r, interval_text(*found)));
    }
    return finding;
}

void headline_of(const Results& results, const ThesisChecks& checks, StudyAnswer& answer) {
    if (is_measured(results)) {
        const std::vector<Wins> quickest = wins(results, WinBy::latency);
        answer.headline = fmt::format("{} is the quickest place for {} of {} variants", quickest.front().series,
                                      quickest.front().count, decided(quickest));
        const std::vector<Scenario> scenarios = standing_scenarios(results);
        const auto best = std::ranges::min_element(scenarios, {}, [](const Scenario& s) { return s.latency.mean; });
        if (best != scenarios.end()) {
            answer.lead = fmt::format(
                "Offloading over {}, the best of the links compared, takes {} on average ({}): a device that needs "
                "longer "
                "than that alone gains by it; above {} it gains for every variant.",
                best->link, to_text(best->latency.mean), name(best->origin), to_text(best->latency.max));
        }
        return;
    }
    std::vector<std::string> out;
    for (const Reading reading : {Reading::upload_rate, Reading::download_rate}) {
        if (checks.ruled_out(reading)) out.emplace_back(name(reading));
    }
    answer.headline = out.empty() ? "The thesis' latencies agree with its link profiles"
                                  : fmt::format("The thesis' own maxima rule out that inputs travelled at the {}",
                                                fmt::join(out, " or the "));
    answer.lead = fmt::format(
        "Its energies are its latencies times one idle power, within {}; its parameter counts and cache table come out "
        "of "
        "the networks' definitions. Its server inference times are only in its figures, so that is what can be "
        "checked.",
        to_text(checks.energy_error_max(NetworkEnergy::counted)));
}

}  // namespace

std::vector<const Row*> contenders(const Results& results, std::size_t variant) {
    std::vector<const Row*> rows;
    for (const Row& row : results.rows) {
        if (row.variant != variant || row.platform == "network alone" || row.is_elsewhere) continue;
        const bool superseded = row.kind == PlanKind::offload && row.latency.origin != Origin::measured &&
                                std::ranges::any_of(results.rows, [&](const Row& other) {
                                    return other.variant == variant && other.kind == PlanKind::offload &&
                                           other.link == row.link && other.platform == row.platform &&
                                           other.latency.origin == Origin::measured;
                                });
        if (!superseded) rows.push_back(&row);
    }
    return rows;
}

std::size_t decided(const std::vector<Wins>& all) {
    std::size_t count = 0;
    for (const Wins& one : all) count += one.count;
    return count;
}

std::vector<Wins> wins(const Results& results, WinBy by) {
    const auto figure = [by](const Row* row) -> std::optional<double> {
        if (by == WinBy::latency) return row->latency.value.count();
        const auto& energy = row->energy(by == WinBy::energy_high ? Idle::high : Idle::low);
        return energy ? std::optional(energy->value.in(joules)) : std::nullopt;
    };
    std::vector<Wins> counts;
    for (std::size_t i = 0; i < results.variants.size(); ++i) {
        const Row* best = nullptr;
        for (const Row* row : contenders(results, i)) {
            if (figure(row) && (best == nullptr || *figure(row) < *figure(best))) best = row;
        }
        if (best == nullptr) continue;
        const std::string series = best->series();
        auto found = std::ranges::find(counts, series, &Wins::series);
        if (found == counts.end()) found = counts.insert(counts.end(), {series, 0});
        ++found->count;
    }
    std::ranges::stable_sort(counts, std::ranges::greater{}, &Wins::count);
    return counts;
}

std::vector<Observations> by_series(const Results& results) {
    std::vector<Observations> groups;
    for (const Row& row : results.rows) {
        const std::string series = row.series();
        auto group = std::ranges::find(groups, series, &Observations::series);
        if (group == groups.end()) group = groups.insert(groups.end(), {series, {}});
        group->rows.push_back(&row);
    }
    return groups;
}

std::vector<Gain> compression_gains(const Results& results) {
    struct Comparison {
        std::string recipe, against;
    };
    std::vector<Gain> gains;
    for (const Observations& group : by_series(results)) {
        if (group.rows.front()->kind != PlanKind::local) continue;
        for (const Comparison& pair : {Comparison{"PQ", ""}, Comparison{"PWQ", ""}, Comparison{"PWQ", "PQ"}}) {
            Gain gain{.series = group.series, .recipe = pair.recipe, .against = pair.against, .ratios = {}, .of = {}};
            for (const Row* row : group.rows) {
                const Variant& quick = results.variants[row->variant];
                if (quick.recipe != pair.recipe) continue;
                for (const Row* other : group.rows) {
                    const Variant& slow = results.variants[other->variant];
                    if (slow.recipe != pair.against || slow.network != quick.network || slow.side != quick.side)
                        continue;
                    gain.ratios.push_back(other->latency.value / row->latency.value);
                    gain.of.push_back(fmt::format("{} {}", quick.network, quick.side));
                }
            }
            if (!gain.ratios.empty()) gains.push_back(std::move(gain));
        }
    }
    return gains;
}

StudyAnswer answer(const Results& results, const ThesisChecks& checks) {
    StudyAnswer answer;
    headline_of(results, checks, answer);
    std::vector<Finding> all{thresholds(results)};
    if (is_measured(results)) {
        for (Finding& finding : std::vector<Finding>{winners(results), network_share(results), at_rest(results),
                                                     whole_system(results), correlations(results), compression(results),
                                                     model_error(results), against_thesis(results)}) {
            all.push_back(std::move(finding));
        }
    }
    all.push_back({"checks", "What of the thesis can be checked", outcomes(checks)});
    all.push_back({"contradictions", "Where the thesis' tables contradict its own profiles", contradictions(checks)});
    for (Finding& finding : all) {
        if (!finding.lines.empty()) answer.findings.push_back(std::move(finding));
    }
    return answer;
}

}  // namespace breakeven
