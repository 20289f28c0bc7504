// `breakeven link`: profiles, what a transfer costs, running a command behind an emulated link, probing a real one.
#include "cli/link.h"

#include <fmt/format.h>

#include "breakeven/emulator/emulator.h"
#include "breakeven/link/profile.h"
#include "breakeven/link/tcp.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct RunOptions {
    std::string link;
    std::string queue;
    std::string congestion;
    std::string server;
    std::uint16_t server_port = 0;
    std::vector<std::string> command;
};

void run_link_run(Shell& shell, const RunOptions& options) {
    EmulatedRun run{.link = read_link(options.link), .device_command = options.command};
    if (!options.queue.empty()) run.queue = parse_seconds(options.queue, "--queue");
    if (!options.congestion.empty()) run.congestion = parse_congestion(options.congestion);
    if (!options.server.empty()) run.server_command = {"/bin/sh", "-c", options.server};
    if (options.server_port != 0) run.server_port = options.server_port;
    const EmulatedResult result = run_emulated(run);
    shell.status = static_cast<ExitStatus>(result.device_status);
}

}  // namespace

void add_link(CLI::App& app, Shell& shell) {
    CLI::App* link = app.add_subcommand("link", "links: profiles, costs, emulation, probing");
    link->require_subcommand(1);
    auto run = std::make_shared<RunOptions>();
    CLI::App* run_command =
        add_command(*link, shell, "run", "run a command on a host whose only way out is an emulated link",
                    "breakeven link run wifi --server-cmd 'breakeven serve models --listen 0.0.0.0:8001' -- ping 10.83.0.2",
                    [&shell, run] { run_link_run(shell, *run); });
    run_command->add_option("LINK", run->link)->required();
    run_command->add_option("--queue", run->queue);
    run_command->add_option("--tcp", run->congestion);
    run_command->add_option("--server-cmd", run->server);
    run_command->add_option("--server-port", run->server_port);
    run_command->add_option("COMMAND", run->command)->required();
    add_link_probe(*link, shell);
}

}  // namespace breakeven::cli
