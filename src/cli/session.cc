// `breakeven session`: choosing a plan for every inference. `replay` does so in virtual time over recorded links.
#include "cli/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "breakeven/files/files.h"
#include "breakeven/report/replay_page.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"
#include "cli/traces.h"

namespace breakeven::cli {
namespace {

constexpr Bytes plans_file_max{std::int64_t{1} << 20};

struct ReplayOptions {
    std::vector<std::string> traces;
    std::string plans;
    std::string device_time = "300ms";
    std::vector<std::string> policies;
    std::uint64_t seed = 1;
    std::string period = "1s";
    std::string deadline;
    std::string tcp = "warm";
    FillOptions fill;
    std::string up_energy;
    std::string down_energy;
    std::string series;
    std::string html;
    PowerOptions power;
};

ReplayQuestion question_of(const ReplayOptions& options) {
    ReplayQuestion question;
    question.plans = options.plans.empty() ? example_plans(parse_seconds(options.device_time, "--device-time"))
                                           : parse_plan_table(read_file(options.plans, plans_file_max), options.plans);
    question.world = {.window = parse_send_window(options.tcp),
                      .period = parse_seconds(options.period, "--period"),
                      .seed = options.seed};
    for (const std::string& policy : options.policies) question.policies.push_back(parse_policy_kind(policy));
    if (question.policies.empty()) question.policies.assign(policy_kinds().begin(), policy_kinds().end());
    if (!options.deadline.empty()) question.deadline = parse_seconds(options.deadline, "--deadline");
    question.powers = powers_of(options.power);
    if (!options.up_energy.empty()) question.up_energy = parse_joules_per_byte(options.up_energy, "--up-energy");
    if (!options.down_energy.empty()) {
        question.down_energy = parse_joules_per_byte(options.down_energy, "--down-energy");
    }
    return question;
}

void run_replay(const Shell& shell, const ReplayOptions& options) {
    ReplayAnswer answer{.question = question_of(options), .links = {}, .traces = {}};
    const TraceFill with = fill_of(options.fill);
    for (const std::string& path : options.traces) {
        const auto position = std::find(options.traces.begin(), options.traces.end(), other_direction(path));
        if (path.ends_with(".down") && position != options.traces.end()) continue;  // comes with its .up
        shell.progress("replaying " + path);
        answer.links.push_back(fill(read_trace(path), with));
        answer.traces.push_back(replay(answer.links.back(), answer.question));
    }
    shell.progress_done();
    if (!options.html.empty()) write_file(options.html, replay_page(answer.question, answer.links, answer.traces));
    if (!options.series.empty()) write_file(options.series, replay_series(answer).dump() + "\n");
    shell.answer(replay_json(answer), replay_text(answer));
}

void add_trace_options(CLI::App& command, ReplayOptions& options) {
    command
        .add_option("--trace", options.traces, "recorded links: CSV, or mahimahi's NAME.up with NAME.down beside it")
        ->required()
        ->expected(1, -1);
    add_fill_options(command, options.fill);
}

void add_replay(CLI::App& session, Shell& shell) {
    auto options = std::make_shared<ReplayOptions>();
    CLI::App* command =
        add_command(session, shell, "replay", "policies side by side over recorded links, in virtual time",
                    "breakeven session replay --trace drive.csv --uplink-share 0.3 --rtt 50ms",
                    [&shell, options] { run_replay(shell, *options); });
    add_trace_options(*command, *options);
    command->add_option("--plans", options->plans,
                        R"(JSON file: {"plans": [{"name": "local", "device": "300ms"}, {"name": "offload", )"
                        R"("server": "20ms", "up": "150kB", "down": "4kB"}]} [an example of four])");
    command->add_option("--device-time", options->device_time, "the local plan's time in that example")
        ->capture_default_str();
    command
        ->add_option("--policy", options->policies,
                     "adaptive, always-local, always-offload, static-best, linear-bandit, best-fixed, current-rate, "
                     "oracle; repeat for several [all]")
        ->allow_extra_args(false);
    command->add_option("--seed", options->seed, "of arrivals and of the luck of device and server")
        ->capture_default_str();
    command->add_option("--period", options->period, "from one request to the next")->capture_default_str();
    command->add_option("--deadline", options->deadline, "of each request, like 500ms");
    command->add_option("--tcp", options->tcp, "the connection: warm (kept so), or as cubic, reno, bbr are after rests")
        ->capture_default_str();
    command->add_option("--up-energy", options->up_energy, "the device's for a byte sent, like 128nJ/B");
    command->add_option("--down-energy", options->down_energy, "the same for a byte received");
    command->add_option("--series", options->series, "JSON file to write: rate, choices and latencies over time");
    command->add_option("--html", options->html, "page to write: rate, latency and choices over time, as pictures");
    add_power_options(*command, options->power);
}

}  // namespace

void add_session(CLI::App& app, Shell& shell) {
    CLI::App* session =
        app.add_subcommand("session", "a plan for every inference: live, or policies over recorded links");
    session->require_subcommand(1);
    session->footer("\nExample:\n  breakeven session replay --trace drive.csv --uplink-share 0.3 --rtt 50ms");
    add_replay(*session, shell);
    add_session_run(*session, shell);
}

}  // namespace breakeven::cli
