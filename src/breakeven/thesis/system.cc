// The whole system: see system.h.
#include "breakeven/thesis/system.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "breakeven/units/text.h"

namespace breakeven {
namespace {

constexpr double million = 1e6;

Seconds server_time(const Row& row) {
    return row.kind == PlanKind::local ? Seconds(0) : row.time_in(StageKind::compute);
}

/// What moving the bytes takes: by the link's constant, else what the link's radio draws above its base.
std::optional<Joules> radio_of(const Row& row, const Factors& factors) {
    if (row.kind == PlanKind::local) return joules(0);
    if (row.by_byte) return row.by_byte->value;
    const std::string& name = factors.link(row.link).radio;
    if (name.empty()) return std::nullopt;
    const Radio& radio = factors.radio(name);
    return row.payload.up * radio.up + row.payload.down * radio.down;
}

std::optional<Joules> asleep_of(const Row& row, const Factors& factors) {
    if (row.kind == PlanKind::local) return std::nullopt;
    const std::string& name = factors.link(row.link).radio;
    if (name.empty()) return std::nullopt;
    const RadioEnergy energy = radio_energy(factors.radio(name), {});
    return energy.promotion + energy.tail;
}

SystemShares operator+(const SystemShares& a, const SystemShares& b) {
    return {a.device + b.device, a.network + b.network, a.server + b.server, a.co2 + b.co2, a.cost + b.cost};
}

SystemShares operator/(const SystemShares& a, double n) {
    return {a.device / n, a.network / n, a.server / n, a.co2 / n, a.cost / n};
}

/// Their mean where all rows have it.
std::optional<Joules> mean_of(const std::vector<SystemRow>& rows, std::optional<Joules> SystemRow::*part) {
    Joules sum;
    for (const SystemRow& row : rows) {
        if (!(row.*part)) return std::nullopt;
        sum += *(row.*part);
    }
    return sum / static_cast<double>(rows.size());
}

SystemScenario scenario_of(const std::string& series, const std::vector<SystemRow>& rows, const Factors& factors) {
    const Row& first = *rows.front().row;
    SystemScenario scenario{.series = series,
                            .kind = first.kind,
                            .link = first.link,
                            .platform = first.platform,
                            .origin = first.latency.origin,
                            .n = rows.size()};
    if (first.kind != PlanKind::local) {
        scenario.network = network_of(first, factors);
        scenario.server = server_of(first);
    }
    scenario.device = mean_of(rows, &SystemRow::device);
    scenario.radio = mean_of(rows, &SystemRow::radio);
    scenario.alone = mean_of(rows, &SystemRow::alone);
    for (const SystemRow& row : rows) {
        scenario.attributed = scenario.attributed + row.cost.attributed;
        scenario.marginal = scenario.marginal + row.cost.marginal;
    }
    const auto n = static_cast<double>(rows.size());
    scenario.attributed = scenario.attributed / n;
    scenario.marginal = scenario.marginal / n;
    return scenario;
}

/// The rows that compete for a variant and are known whole.
std::vector<SystemRow> whole_rows(const Results& results, std::size_t variant) {
    std::vector<SystemRow> rows;
    for (const Row* row : contenders(results, variant)) {
        const auto whole = system_row(*row, *results.factors);
        if (whole && whole->is_whole()) rows.push_back(*whole);
    }
    return rows;
}

const SystemRow* least(const std::vector<SystemRow>& rows, SystemBy by) {
    const auto found = std::ranges::min_element(rows, {}, [by](const SystemRow& row) {
        return (by == SystemBy::attributed ? row.cost.attributed : row.cost.marginal).energy();
    });
    return found == rows.end() ? nullptr : &*found;
}

std::string parts_text(const SystemScenario& s) {
    std::vector<std::string> parts;
    parts.push_back(s.device ? fmt::format("device {}", to_text(*s.device)) : "device unknown");
    if (s.kind != PlanKind::local) {
        parts.push_back(s.radio ? fmt::format("radio {}", to_text(*s.radio)) : "radio unknown");
        parts.push_back(fmt::format("network {}", to_text(s.attributed.network)));
        parts.push_back(fmt::format("server {}", to_text(s.attributed.server)));
    }
    std::string text = fmt::format("{}: {}", s.series, fmt::join(parts, ", "));
    if (!s.is_whole()) return text + ".";
    text += fmt::format("; {} together", to_text(s.attributed.energy()));
    if (s.kind != PlanKind::local) text += fmt::format(", {} for one more", to_text(s.marginal.energy()));
    return text + ".";
}

std::string wins_text(const std::vector<Wins>& all) {
    std::vector<std::string> parts;
    for (const Wins& one : all) parts.push_back(fmt::format("{} for {}", one.series, one.count));
    return fmt::format("{}", fmt::join(parts, ", "));
}

/// In how many variants whoever pays for the device alone chooses another place than whoever pays for all.
std::string quarrel(const Results& results) {
    std::size_t known = 0, differ = 0;
    for (std::size_t i = 0; i < results.variants.size(); ++i) {
        const std::vector<SystemRow> rows = whole_rows(results, i);
        if (rows.empty()) continue;
        ++known;
        const auto own =
            std::ranges::min_element(rows, {}, [](const SystemRow& row) { return *row.device + *row.radio; });
        if (own->row != least(rows, SystemBy::attributed)->row) ++differ;
    }
    if (known == 0) return "";
    return fmt::format("The device's own energy chooses another place than the whole system's for {} of {} variants.",
                       differ, known);
}

/// "A million inferences take from 0.07 kg of CO2 and 0.03 USD (cpu:2) to ...".
std::string footprints(const std::vector<SystemScenario>& scenarios, const std::string& currency) {
    std::vector<const SystemScenario*> whole;
    for (const SystemScenario& s : scenarios) {
        if (s.is_whole()) whole.push_back(&s);
    }
    if (whole.empty()) return "";
    const auto carbon = [](const SystemScenario* s) { return s->attributed.co2; };
    const auto [least, most] = std::ranges::minmax_element(whole, {}, carbon);
    const auto told = [&](const SystemScenario& s) {
        return fmt::format("{:.3g} kg of CO2 and {:.3g} {} ({})", million * s.attributed.co2.in(kilograms),
                           million * s.attributed.cost.in(money), currency, s.series);
    };
    if (*least == *most) return fmt::format("A million inferences take {}.", told(**least));
    return fmt::format("A million inferences take from {} to {}, with their share of what runs anyway.", told(**least),
                       told(**most));
}

}  // namespace

std::string network_of(const Row& row, const Factors& factors) {
    return factors.link(row.link).network;
}

std::string server_of(const Row& row) {
    // "lab server cpu:2": the machine's name stands before.
    const std::string_view platform = std::string_view(row.platform).substr(row.platform.rfind(' ') + 1);
    return platform.starts_with("gpu") || platform.starts_with("cuda") ? "gpu" : "cpu";
}

std::optional<SystemRow> system_row(const Row& row, const Factors& factors) {
    if (row.platform == "network alone") return std::nullopt;
    SystemRow whole{
        .row = &row, .device = {}, .radio = radio_of(row, factors), .alone = asleep_of(row, factors), .cost = {}};
    if (row.device) whole.device = row.device->value;
    const SystemUse use{.device = whole.device.value_or(Joules()) + whole.radio.value_or(Joules()),
                        .payload = row.payload,
                        .server = server_time(row)};
    whole.cost = system_cost(use, factors.system(network_of(row, factors), server_of(row)));
    return whole;
}

std::vector<SystemScenario> system_scenarios(const Results& results) {
    std::vector<SystemScenario> scenarios;
    if (!results.factors) return scenarios;
    std::vector<const Row*> standing;
    for (std::size_t i = 0; i < results.variants.size(); ++i) {
        for (const Row* row : contenders(results, i)) standing.push_back(row);
    }
    for (const Row& row : results.rows) {
        if (row.is_elsewhere) standing.push_back(&row);
    }
    for (const Observations& group : by_series(results)) {
        std::vector<SystemRow> rows;
        for (const Row* row : group.rows) {
            if (std::ranges::find(standing, row) == standing.end()) continue;
            if (const auto whole = system_row(*row, *results.factors)) rows.push_back(*whole);
        }
        if (!rows.empty()) scenarios.push_back(scenario_of(group.series, rows, *results.factors));
    }
    return scenarios;
}

std::vector<Wins> system_wins(const Results& results, SystemBy by) {
    std::vector<Wins> counts;
    if (!results.factors) return counts;
    for (std::size_t i = 0; i < results.variants.size(); ++i) {
        const std::vector<SystemRow> rows = whole_rows(results, i);
        const SystemRow* best = least(rows, by);
        if (best == nullptr) continue;
        const std::string series = best->row->series();
        auto found = std::ranges::find(counts, series, &Wins::series);
        if (found == counts.end()) found = counts.insert(counts.end(), {series, 0});
        ++found->count;
    }
    std::ranges::stable_sort(counts, std::ranges::greater{}, &Wins::count);
    return counts;
}

Finding whole_system(const Results& results) {
    Finding finding{"system", "What it takes of the whole system", {}};
    const std::vector<SystemScenario> scenarios = system_scenarios(results);
    if (scenarios.empty()) return finding;
    for (const SystemScenario& s : scenarios) finding.lines.push_back(parts_text(s));
    const auto tell = [&](SystemBy by, const char* what) {
        const std::vector<Wins> all = system_wins(results, by);
        if (!all.empty())
            finding.lines.push_back(fmt::format("{}: {} of the {} variants.", what, wins_text(all), decided(all)));
    };
    tell(SystemBy::attributed, "Least of the whole system, each paying its share of what runs anyway");
    tell(SystemBy::marginal, "Least of the whole system, counting what one more adds");
    if (const std::string line = quarrel(results); !line.empty()) finding.lines.push_back(line);
    if (const std::string line = footprints(scenarios, results.factors->currency); !line.empty()) {
        finding.lines.push_back(line);
    }
    std::vector<std::string> told;
    for (const SystemScenario& s : scenarios) {
        if (!s.alone || std::ranges::find(told, s.link) != told.end()) continue;
        told.push_back(s.link);
        finding.lines.push_back(fmt::format("A request that finds the radio asleep takes {} more over {} (radio {}).",
                                            to_text(*s.alone), s.link, results.factors->link(s.link).radio));
    }
    finding.lines.emplace_back(
        "Means over the variants, waiting awake. Networks, servers, grid and prices are factors with their sources, in "
        "a table below; a file of your own replaces them (--factors).");
    return finding;
}

}  // namespace breakeven
