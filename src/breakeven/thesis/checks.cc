// Checks of the thesis: see checks.h.
#include "breakeven/thesis/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "breakeven/error.h"
#include "breakeven/link/transfer.h"
#include "breakeven/units/text.h"
#include "breakeven/zoo/zoo.h"

namespace breakeven {
namespace {

constexpr std::array aggregates{Aggregate::mean, Aggregate::sd, Aggregate::max, Aggregate::min};
constexpr std::array network_energies{NetworkEnergy::counted, NetworkEnergy::left_out};
/// Table 4.2 prints whole milliseconds.
constexpr Seconds rounding{0.5e-3};

template <class T>
T pick(const Spread<T>& spread, Aggregate aggregate) {
    switch (aggregate) {
        case Aggregate::mean: return spread.mean;
        case Aggregate::sd: return spread.sd;
        case Aggregate::max: return spread.max;
        case Aggregate::min: return spread.min;
    }
    return spread.mean;
}

std::vector<Payload> payloads() {
    std::vector<Payload> all;
    for (const PublishedNetwork& network : published_networks()) {
        all.push_back({.up = thesis_input(network.side), .down = thesis_result});
    }
    return all;
}

/// Mean, spread, largest and smallest of a figure over the eleven inputs; the 33 variants have the same, three times.
template <class Of>
Spread<double> over_inputs(Of of) {
    std::vector<double> values;
    for (const Payload& payload : payloads()) values.push_back(of(payload));
    const auto summary = summarize(std::span<const double>(values));
    return {.mean = summary->mean, .sd = summary->sd.value_or(0.0), .max = summary->max, .min = summary->min};
}

LinkProfile profile(const std::string& link) {
    const std::optional<LinkProfile> found = study_link(link);
    BREAKEVEN_ASSERT(found.has_value());
    return *found;
}

/// What E_network adds to each aggregate. To the spread it adds next to nothing, and how it is correlated with the
/// latency is not printed: left out there.
Joules network_share(const std::string& link, Aggregate aggregate, NetworkEnergy network) {
    if (network == NetworkEnergy::left_out || aggregate == Aggregate::sd) return joules(0);
    const LinkProfile way = profile(link);
    return joules(pick(over_inputs([&](const Payload& p) { return network_energy(way, p)->in(joules); }), aggregate));
}

const Scenario& radio_to_cpu() {
    return published_scenarios().front();
}

std::vector<DerivedIdle> derive_idle_powers() {
    std::vector<DerivedIdle> powers;
    const Scenario& row = radio_to_cpu();
    for (const NetworkEnergy network : network_energies) {
        for (const Idle idle : idles) {
            const Joules energy = row.energy(idle)->mean - network_share(row.link, Aggregate::mean, network);
            powers.push_back({.idle = idle, .network = network, .power = energy / row.latency.mean});
        }
    }
    return powers;
}

std::vector<EnergyCheck> check_energies(const std::vector<DerivedIdle>& powers) {
    std::vector<EnergyCheck> checks;
    for (const DerivedIdle& power : powers) {
        for (const Scenario& row : published_scenarios()) {
            if (&row == &radio_to_cpu()) continue;  // it gave the power
            for (const Aggregate aggregate : aggregates) {
                checks.push_back({.link = row.link,
                                  .server = row.server,
                                  .idle = power.idle,
                                  .aggregate = aggregate,
                                  .network = power.network,
                                  .printed = pick(*row.energy(power.idle), aggregate),
                                  .predicted = pick(row.latency, aggregate) * power.power +
                                               network_share(row.link, aggregate, power.network)});
            }
        }
    }
    return checks;
}

std::vector<ShareCheck> check_shares() {
    std::vector<ShareCheck> checks;
    for (const Scenario& row : published_scenarios()) {
        for (const Reading reading : {Reading::upload_rate, Reading::download_rate}) {
            LinkProfile link = profile(row.link);
            if (reading == Reading::download_rate) link.up = link.down;
            const auto seconds =
                over_inputs([&](const Payload& payload) { return transfer_time(link, payload).total().count(); });
            for (const Aggregate aggregate : {Aggregate::min, Aggregate::mean, Aggregate::max}) {
                checks.push_back({.link = row.link,
                                  .server = row.server,
                                  .reading = reading,
                                  .aggregate = aggregate,
                                  .network = Seconds(pick(seconds, aggregate)),
                                  .printed = pick(row.latency, aggregate)});
            }
        }
    }
    return checks;
}

void check_networks(ThesisChecks& checks) {
    const std::vector<ZooNetwork> zoo = zoo_networks();
    for (const PublishedNetwork& network : published_networks()) {
        const auto counted = std::ranges::find(zoo, network.zoo, &ZooNetwork::name);
        BREAKEVEN_ASSERT(counted != zoo.end());
        checks.counts.push_back({network.network, network.side, network.parameters, counted->parameters});
        const auto fits = published_fits();
        const auto fit = std::ranges::find_if(
            fits, [&](const PublishedFit& f) { return f.network == network.network && f.side == network.side; });
        BREAKEVEN_ASSERT(fit != fits.end());
        // int8: one byte a parameter.
        const double mean_layer = static_cast<double>(counted->parameters) / static_cast<double>(counted->keras_layers);
        for (std::size_t i = 0; i < published_levels().size(); ++i) {
            const BoardLevel& level = published_levels()[i];
            checks.fits.push_back({network.network, network.side, level.name, fit->percent[i],
                                   100.0 * mean_layer / static_cast<double>(level.size.count())});
        }
    }
}

}  // namespace

std::string_view name(Aggregate aggregate) {
    switch (aggregate) {
        case Aggregate::mean: return "mean";
        case Aggregate::sd: return "sd";
        case Aggregate::max: return "max";
        case Aggregate::min: return "min";
    }
    return "mean";
}

std::string_view name(Reading reading) {
    return reading == Reading::upload_rate ? "upload rate" : "download rate";
}

bool ShareCheck::ruled_out() const {
    return network > printed + rounding;
}

Joules ThesisChecks::energy_error_max(NetworkEnergy network) const {
    double worst = 0.0;
    for (const EnergyCheck& check : energies) {
        if (check.network == network) worst = std::max(worst, std::abs((check.predicted - check.printed).in(joules)));
    }
    return joules(worst);
}

double ThesisChecks::fit_error_max() const {
    double worst = 0.0;
    for (const FitCheck& check : fits)
        worst = std::max(worst, std::abs(check.computed_percent - check.printed_percent));
    return worst;
}

bool ThesisChecks::ruled_out(Reading reading) const {
    return std::ranges::any_of(shares, [&](const ShareCheck& check) {
        return check.reading == reading && check.aggregate == Aggregate::max && check.ruled_out();
    });
}

ThesisChecks check_thesis() {
    ThesisChecks checks;
    checks.idle_powers = derive_idle_powers();
    checks.energies = check_energies(checks.idle_powers);
    checks.shares = check_shares();
    check_networks(checks);
    return checks;
}

std::vector<std::string> contradictions(const ThesisChecks& checks) {
    std::vector<std::string> lines;
    for (const ShareCheck& check : checks.shares) {
        if (!check.ruled_out() || check.aggregate != Aggregate::max) continue;
        lines.push_back(
            fmt::format("Over {} to the {}, an input of {} at the {} takes {} for the network alone, but the largest "
                        "latency printed for the whole is {}: its own maximum rules that reading out.",
                        check.link, check.server, to_text(thesis_input(128)), name(check.reading),
                        to_text(check.network), to_text(check.printed)));
    }
    const PublishedClaims& claims = published_claims();
    for (const Scenario& row : published_scenarios()) {
        if (row.link != "wifi" || row.server != "GPU") continue;
        if (row.low_idle->mean > claims.low_idle_radio * 1.1) {
            lines.push_back(
                fmt::format("The text beside Figure 4.5 has {} for low idle over radio; Table 4.4 has {}, which "
                            "is what its latency of {} needs at {:.3f} W.",
                            to_text(claims.low_idle_radio), to_text(row.low_idle->mean), to_text(row.latency.mean),
                            (row.low_idle->mean / row.latency.mean).in(watts)));
        }
    }
    if (claims.ethernet_threshold != claims.ethernet_threshold_again) {
        lines.push_back(
            fmt::format("The Ethernet threshold is {} in one place, {} in another, and the abstract takes the "
                        "upper bound of {}.",
                        to_text(claims.ethernet_threshold), to_text(claims.ethernet_threshold_again),
                        to_text(claims.ethernet_bound)));
    }
    for (const CountCheck& check : checks.counts) {
        if (check.printed == check.counted) continue;
        lines.push_back(fmt::format("{} {} is printed with {} parameters; its definition has {}.", check.network,
                                    check.side, check.printed, check.counted));
    }
    return lines;
}

std::vector<std::string> outcomes(const ThesisChecks& checks) {
    std::vector<std::string> lines;
    for (const DerivedIdle& power : checks.idle_powers) {
        if (power.network != NetworkEnergy::counted) continue;
        lines.push_back(fmt::format("Idle power, {}: {:.3f} W from the radio/CPU row alone.", name(power.idle),
                                    power.power.in(watts)));
    }
    lines.push_back(fmt::format(
        "With it, equation 2.5 predicts every other figure of Tables 4.3 and 4.4 from the latencies of 4.2 within {}; "
        "with the network's energy left out, within {}: they left it out.",
        to_text(checks.energy_error_max(NetworkEnergy::counted)),
        to_text(checks.energy_error_max(NetworkEnergy::left_out))));
    const auto whole = std::ranges::count_if(checks.counts, [](const CountCheck& c) { return c.printed == c.counted; });
    lines.push_back(fmt::format("Table 2.1: {} of {} parameter counts come out of our definitions exactly.", whole,
                                checks.counts.size()));
    lines.push_back(fmt::format("Table 5.1: all {} percentages come out, the furthest by {:.2f} points.",
                                checks.fits.size(), checks.fit_error_max()));
    for (const Reading reading : {Reading::upload_rate, Reading::download_rate}) {
        lines.push_back(fmt::format("Input at the {}: {} by the printed maxima.", name(reading),
                                    checks.ruled_out(reading) ? "ruled out" : "not ruled out"));
    }
    return lines;
}

}  // namespace breakeven
