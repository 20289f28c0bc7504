// `breakeven link run`: a command on a device host whose only way to a server host is an emulated link.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "breakeven/emulator/emulator.h"
#include "breakeven/error.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"
#include "cli/link.h"
#include "cli/traces.h"

namespace breakeven::cli {
namespace {

struct RunOptions {
    std::string link;
    std::string trace;
    FillOptions fill;
    std::string at_end = "repeat";
    std::string loss;
    std::string loss_burst;
    std::vector<std::string> outages;
    std::uint64_t seed = 1;
    std::optional<double> slowdown;
    int processors = 1;
    std::string queue;
    std::string tcp;
    std::string server_command;
    std::optional<std::uint16_t> server_port;
    std::vector<std::string> command;
};

double parse_number(std::string_view text, const std::string& option, const char* like) {
    double number = 0.0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == std::errc{} && end == text.data() + text.size()) return number;
    throw Error(ErrorKind::usage, fmt::format("read {} '{}'", option, text), fmt::format("it is like {}", like));
}

Loss parse_loss(const RunOptions& options) {
    Loss loss;
    if (!options.loss.empty()) {
        std::string_view text = options.loss;
        const bool percent = text.ends_with('%');
        if (percent) text.remove_suffix(1);
        loss.share = parse_number(text, "--loss", "1% or 0.01") * (percent ? 0.01 : 1.0);
    }
    if (options.loss_burst.empty()) return loss;
    if (options.loss.empty()) {
        throw Error(ErrorKind::usage, "read --loss-burst", "give the share of lost packets too, like --loss 1%");
    }
    loss.burst = parse_number(options.loss_burst, "--loss-burst", "5, packets in a row");
    return loss;
}

Outage parse_outage(const std::string& text) {
    const std::size_t at = text.find('@');
    if (at == std::string::npos) {
        throw Error(ErrorKind::usage, fmt::format("read --outage '{}'", text),
                    "it is LENGTH@START, like 10s@5s: for 10 s from second 5 on");
    }
    return {.start = parse_seconds(text.substr(at + 1), "--outage"),
            .length = parse_seconds(text.substr(0, at), "--outage")};
}

Json line_json(const LineReport& line) {
    return {{"packets", line.packets},
            {"bytes", line.bytes.count()},
            {"dropped", line.dropped},
            {"lost", line.lost},
            {"late_p50_s", line.late_p50.count()},
            {"late_p99_s", line.late_p99.count()},
            {"late_max_s", line.late_max.count()}};
}

Json trace_json(const EmulatedRun& run) {
    if (!run.trace) return nullptr;
    return {{"file", run.trace->link.name},
            {"duration_s", run.trace->link.duration.count()},
            {"at_end", run.trace->at_end == AtEnd::repeat ? "repeat" : "down"},
            {"filled", run.trace->link.filled}};
}

/// A figure taken over the link is wrong by about what its packets were late: say so beyond 3 % of a round trip.
void warn_if_late(const Shell& shell, const LinkProfile& link, const LineReports& lines) {
    const Seconds late = std::max(lines.up.late_p99, lines.down.late_p99);
    const Seconds bearable = std::max(0.03 * 2.0 * link.one_way_latency, Seconds(0.15e-3));
    if (late <= bearable) return;
    shell.note(
        fmt::format("breakeven: link '{}': 1 of 100 packets left more than {} late; this machine was too busy, do "
                    "not trust times taken now",
                    link.name, to_text(late)));
}

/// With a trace no link is named, so that the first word belongs to the command.
void set_link(const Shell& shell, const RunOptions& options, EmulatedRun& run) {
    run.device_command = options.command;
    if (options.trace.empty()) {
        if (options.link.empty()) {
            throw Error(ErrorKind::usage, "emulate a link", "name one, like wifi, or give --trace FILE");
        }
        run.link = read_link(options.link);
        return;
    }
    if (!options.link.empty()) run.device_command.insert(run.device_command.begin(), options.link);
    run.trace = EmulatedTrace{.link = fill(read_trace(options.trace), fill_of(options.fill)),
                              .at_end = options.at_end == "down" ? AtEnd::down : AtEnd::repeat};
    run.link = profile_of(run.trace->link);
    for (const std::string& filled : run.trace->link.filled) shell.note("breakeven: " + filled);
}

void run_run(Shell& shell, const RunOptions& options) {
    EmulatedRun run;
    set_link(shell, options, run);
    run.loss = parse_loss(options);
    for (const std::string& outage : options.outages) run.outages.push_back(parse_outage(outage));
    run.seed = options.seed;
    if (!options.queue.empty()) run.queue = parse_seconds(options.queue, "--queue");
    if (!options.tcp.empty()) run.congestion = parse_congestion(options.tcp);
    if (!options.server_command.empty()) run.server_command = {"/bin/sh", "-c", options.server_command};
    run.server_port = options.server_port;
    run.device_output_to_errors = shell.json;
    if (options.slowdown) run.slowness = Slowness{.slowdown = *options.slowdown, .processors = options.processors};

    const EmulatedResult result = run_emulated(run);
    warn_if_late(shell, run.link, result.lines);
    if (result.server_status) {
        shell.note(fmt::format("breakeven: the server command ended early, with status {}", *result.server_status));
    }
    if (shell.json) {
        shell.answer({{"link", link_json(run.link)},
                      {"trace", trace_json(run)},
                      {"status", result.device_status},
                      {"entered", result.entered == NamespaceEntry::as_root ? "root" : "user namespace"},
                      {"queue_s", run.queue.count()},
                      {"slowdown", options.slowdown ? Json(*options.slowdown) : Json(nullptr)},
                      {"seed", run.seed},
                      {"up", line_json(result.lines.up)},
                      {"down", line_json(result.lines.down)}},
                     "");
    }
    shell.status = static_cast<ExitStatus>(result.device_status);  // the command's own, whatever it is
}

void add_course_options(CLI::App& command, RunOptions& options) {
    command.add_option(
        "--trace", options.trace,
        "instead of LINK: a recorded link to play, from the moment CMD starts; CSV, or mahimahi's NAME.up "
        "with NAME.down beside it");
    command.add_option("--at-end", options.at_end, "when the recording is over: repeat it, or the link is down")
        ->check(CLI::IsMember({"repeat", "down"}))
        ->capture_default_str();
    add_fill_options(command, options.fill);
    command.add_option("--loss", options.loss, "packets lost at random, in each direction, like 1%");
    command.add_option("--loss-burst", options.loss_burst,
                       "they are lost so many in a row on average (Gilbert's model), like 5 [one by one]");
    command
        .add_option("--outage", options.outages,
                    "LENGTH@START, like 10s@5s: nothing passes for 10 s from second 5 of CMD on; repeat for several")
        ->allow_extra_args(false);
    command.add_option("--seed", options.seed, "of the losses")->capture_default_str();
}

}  // namespace

void add_link_run(CLI::App& link, Shell& shell) {
    auto options = std::make_shared<RunOptions>();
    CLI::App* command =
        add_command(link, shell, "run", "runs a command on a device host whose only way to a server host is the link",
                    "breakeven link run wifi --server-cmd 'iperf3 -s -1' --server-port 5201 -- iperf3 -c 10.83.0.2",
                    [&shell, options] { run_run(shell, *options); });
    command->add_option("LINK", options->link, "ethernet, wifi, 5g, or a profile's path; none with --trace");
    add_course_options(*command, *options);
    command->add_option(
        "--queue", options->queue,
        fmt::format("what the link's queue holds, in time; more is dropped [{}]", to_text(queue_default)));
    command->add_option("--tcp", options->tcp, "TCP congestion control of both hosts: cubic, bbr, reno [the kernel's]");
    command->add_option("--server-cmd", options->server_command,
                        "runs on the server host meanwhile, in the background, its output on stderr");
    command->add_option("--server-port", options->server_port, "waits until the server host listens there");
    command->add_option("--slowdown", options->slowdown,
                        "CMD gets so many times less CPU time (a control group's quota, for real), like 8");
    command->add_option("--processors", options->processors, "with --slowdown: how many CMD would keep busy")
        ->capture_default_str();
    command->add_option("CMD", options->command,
                        "the command and its words, after --; finds the hosts' addresses in BREAKEVEN_DEVICE and "
                        "BREAKEVEN_SERVER");
}

}  // namespace breakeven::cli
