// `breakeven link probe`: round-trip time and rates to a real server.
#include <fmt/format.h>

#include "breakeven/units/text.h"
#include "breakeven/wire/probe.h"
#include "cli/inputs.h"
#include "cli/link.h"
#include "cli/security.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string server;
    std::string congestion_control;
};

Json rate_json(const Rate& rate) {
    return rate.rate ? Json(rate.rate->in(bytes_per_second)) : Json(nullptr);
}
Json reason_json(const Rate& rate) {
    return rate.rate ? Json(nullptr) : Json(rate.reason);
}
std::string rate_text(const Rate& rate) {
    return rate.rate ? to_text(*rate.rate) : "unknown: " + rate.reason;
}

void run_link_probe(const Shell& shell, const Options& options) {
    ClientOptions connection = client_options(shell);
    connection.congestion_control = options.congestion_control;
    Client client(server_address(options.server), connection);
    shell.progress("probing " + client.address());
    const LinkProbe probe = probe_link(client, shell.clock);
    shell.progress_done();
    shell.answer({{"server", probe.server},
                  {"rtt_s", probe.round_trip.count()},
                  {"connect_s", probe.connect.count()},
                  {"up_bytes_per_s", rate_json(probe.up)},
                  {"up_reason", reason_json(probe.up)},
                  {"down_bytes_per_s", rate_json(probe.down)},
                  {"down_reason", reason_json(probe.down)}},
                 fmt::format("round trip  {}   (smallest of several tiny calls; TCP connects in {})\n"
                             "up          {}\ndown        {}\nserver      {} at {}\n",
                             to_text(probe.round_trip), to_text(probe.connect), rate_text(probe.up),
                             rate_text(probe.down), probe.server, client.address()));
}

}  // namespace

void add_link_probe(CLI::App& link, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(link, shell, "probe", "measure the link to a server: round trip and rates",
                    "breakeven link probe edge.local:8001", [&shell, options] { run_link_probe(shell, *options); });
    command->add_option("SERVER", options->server, "HOST:PORT of an Open Inference Protocol server")->required();
    command->add_option("--tcp", options->congestion_control, "TCP congestion control of this end: cubic, bbr, reno");
    add_security_options(*command, shell);
}

}  // namespace breakeven::cli
