// `breakeven link`: the profiles of links, what a transfer over one costs, and commands run over an emulated one.
#include "cli/link.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <span>

#include "breakeven/link/tcp.h"
#include "breakeven/link/transfer.h"
#include "breakeven/units/origin.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"

namespace breakeven::cli {
namespace {

Json optional_energy(const std::optional<JoulesPerByte>& energy) {
    return energy ? Json(energy->in(joules_per_byte)) : Json(nullptr);
}

}  // namespace

Json link_json(const LinkProfile& link) {
    return {{"name", link.name},
            {"one_way_latency_s", link.one_way_latency.count()},
            {"up_bytes_per_s", link.up.in(bytes_per_second)},
            {"down_bytes_per_s", link.down.in(bytes_per_second)},
            {"up_j_per_byte", optional_energy(link.up_energy)},
            {"down_j_per_byte", optional_energy(link.down_energy)}};
}

namespace {

std::string energy_text(const std::optional<JoulesPerByte>& energy) {
    return energy ? fmt::format("{:.4g} nJ/B", energy->in(joules_per_byte)*1e9) : "unknown";
}

std::vector<std::string> link_row(const LinkProfile& link) {
    return {link.name,          to_text(link.one_way_latency), to_text(link.up),
            to_text(link.down), energy_text(link.up_energy),   energy_text(link.down_energy)};
}

std::string links_table(std::span<const LinkProfile> links) {
    std::vector<std::vector<std::string>> rows;
    for (const LinkProfile& link : links) rows.push_back(link_row(link));
    return table({"link", "one way", "up", "down", "energy up", "energy down"}, rows);
}

void run_list(const Shell& shell) {
    Json links = Json::array();
    for (const LinkProfile& link : study_links()) links.push_back(link_json(link));
    shell.answer(
        {{"links", links}},
        links_table(study_links()) + "your own: a file like `breakeven link show wifi` prints, named by its path\n");
}

void run_show(const Shell& shell, const std::string& name) {
    const LinkProfile link = read_link(name);
    shell.answer(link_json(link), link_profile_text(link) + "\n");
}

struct CostOptions {
    std::string link;
    std::string up;
    std::string down;
    std::string tcp = "cubic";
    std::string idle;
};

/// What `link cost` answers, before it is printed.
struct LinkCost {
    LinkProfile link;
    Payload payload;
    TcpUse use;
    TransferTime formula;
    TcpTime tcp;
    TcpTime fresh;
    std::optional<Joules> energy;
};

LinkCost cost_of(const CostOptions& options) {
    LinkCost cost{.link = read_link(options.link),
                  .payload = {.up = parse_bytes(options.up, "--up"), .down = parse_bytes(options.down, "--down")},
                  .use = {.congestion = parse_congestion(options.tcp)},
                  .formula = {},
                  .tcp = {},
                  .fresh = {},
                  .energy = std::nullopt};
    if (!options.idle.empty()) {
        cost.use.history = TcpUse::History::repeated;
        cost.use.rest = parse_seconds(options.idle, "--idle");
    }
    cost.formula = transfer_time(cost.link, cost.payload);
    cost.tcp = tcp_time(cost.link, cost.payload, cost.use);
    cost.fresh =
        tcp_time(cost.link, cost.payload, {.congestion = cost.use.congestion, .history = TcpUse::History::fresh});
    cost.energy = network_energy(cost.link, cost.payload);
    return cost;
}

Json cost_json(const LinkCost& cost) {
    Json document{{"link", cost.link.name},
                  {"bytes_up", cost.payload.up.count()},
                  {"bytes_down", cost.payload.down.count()},
                  {"origin", name(Origin::modelled)},
                  {"rtt_s", cost.formula.rtt.count()},
                  {"up_s", cost.formula.up.count()},
                  {"down_s", cost.formula.down.count()},
                  {"total_s", cost.formula.total().count()},
                  {"energy_j", cost.energy ? Json(cost.energy->in(joules)) : Json(nullptr)}};
    if (!cost.energy) document["energy_reason"] = fmt::format("link '{}' has no energy figures", cost.link.name);
    document["tcp"] = {{"congestion", name(cost.use.congestion)},
                       {"idle_s", cost.use.rest.count()},
                       {"total_s", cost.tcp.total.count()},
                       {"rounds", cost.tcp.rounds},
                       {"fresh", {{"total_s", cost.fresh.total.count()}, {"rounds", cost.fresh.rounds}}}};
    return document;
}

std::string rounds_text(const TcpTime& time) {
    return fmt::format("{} round trip{}", time.rounds, time.rounds == 1 ? "" : "s");
}

std::string cost_text(const LinkCost& cost) {
    const std::string how = cost.use.rest.count() > 0.0 ? fmt::format("resting {} before each", to_text(cost.use.rest))
                                                        : std::string("kept busy");
    const std::string energy =
        cost.energy ? to_text(*cost.energy) + " (modelled)" : "unknown, this link has no energy figures";
    return fmt::format("{} over {} by the formula, {} over TCP {}\n", to_text(cost.formula.total()), cost.link.name,
                       to_text(cost.tcp.total), name(cost.use.congestion)) +
           table({"part", "time", ""}, {{"round trip", to_text(cost.formula.rtt), ""},
                                        {"upload", to_text(cost.formula.up), ""},
                                        {"download", to_text(cost.formula.down), ""},
                                        {"formula", to_text(cost.formula.total()), "modelled"},
                                        {"TCP, " + how, to_text(cost.tcp.total), rounds_text(cost.tcp)},
                                        {"TCP, just connected", to_text(cost.fresh.total), rounds_text(cost.fresh)}}) +
           fmt::format("network energy of the device: {}\n", energy);
}

void run_cost(const Shell& shell, const CostOptions& options) {
    const LinkCost cost = cost_of(options);
    shell.answer(cost_json(cost), cost_text(cost));
}

void add_list(CLI::App& link, Shell& shell) {
    add_command(link, shell, "list", "the study's links", "breakeven link list", [&shell] { run_list(shell); });
}

void add_show(CLI::App& link, Shell& shell) {
    auto name = std::make_shared<std::string>();
    CLI::App* command = add_command(link, shell, "show", "a link's profile, as a file of your own would have it",
                                    "breakeven link show wifi > lab.json", [&shell, name] { run_show(shell, *name); });
    command->add_option("LINK", *name, "ethernet, wifi, 5g, or a profile's path")->required();
}

void add_cost(CLI::App& link, Shell& shell) {
    auto options = std::make_shared<CostOptions>();
    CLI::App* command = add_command(link, shell, "cost", "what a transfer costs, by the study's formula and over TCP",
                                    "breakeven link cost ethernet --up 49152B --down 400B --idle 1s",
                                    [&shell, options] { run_cost(shell, *options); });
    command->add_option("LINK", options->link, "ethernet, wifi, 5g, or a profile's path")->required();
    command->add_option("--up", options->up, "what the device sends, like 49152B")->required();
    command->add_option("--down", options->down, "what comes back, like 400B")->required();
    command->add_option("--tcp", options->tcp, "TCP congestion control: cubic, bbr, reno")->capture_default_str();
    command->add_option("--idle", options->idle, "the connection rests so long before each transfer, like 1s");
}

}  // namespace

void add_link(CLI::App& app, Shell& shell) {
    CLI::App* link = app.add_subcommand("link", "links: profiles, what a transfer costs, emulation, probing");
    link->require_subcommand(1);
    link->footer("\nExample:\n  breakeven link list");
    add_list(*link, shell);
    add_show(*link, shell);
    add_cost(*link, shell);
    add_link_run(*link, shell);
    add_link_energy(*link, shell);
    add_link_probe(*link, shell);
    add_link_record(*link, shell);
}

}  // namespace breakeven::cli
