// `breakeven deploy`: puts a network onto a server that lets clients load networks.
#include "breakeven/wire/deploy.h"

#include <fmt/format.h>

#include "breakeven/files/model_file.h"
#include "breakeven/units/text.h"
#include "cli/inputs.h"
#include "cli/security.h"
#include "cli/shell.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string server;
    std::string name;
};

std::string_view word(Deployed::How how) {
    switch (how) {
        case Deployed::How::already_there: return "already_there";
        case Deployed::How::sent_whole: return "sent_whole";
        case Deployed::How::sent_in_pieces: return "sent_in_pieces";
    }
    return "";
}

std::string text_of(const std::string& name, const std::string& address, const Deployed& deployed) {
    if (deployed.how == Deployed::How::already_there) {
        return fmt::format("'{}' was already there: grpc://{} serves this very network.\n", name, address);
    }
    std::string text = fmt::format("'{}' is served by grpc://{}.\n{} sent in {}", name, address, to_text(deployed.sent),
                                   to_text(deployed.time));
    if (deployed.resumed > Bytes()) {
        text += fmt::format(", {} were there from an interrupted upload", to_text(deployed.resumed));
    }
    return text + ".\n";
}

void run_deploy(const Shell& shell, const Options& options) {
    const ModelFile file = load_model(options.model);
    const std::string name = options.name.empty() ? file.image.name : options.name;
    const std::string address = server_address(options.server);
    Client client(address, client_options(shell));
    DeployOptions how;
    how.progress = [&](const DeployProgress& progress) {
        shell.progress(fmt::format("sent {} of {}", to_text(progress.there), to_text(progress.total)));
    };
    Outcome<Deployed> outcome = deploy(client, shell.clock, name, file.image, how);
    shell.progress_done();
    const Deployed deployed =
        value_or_throw(std::move(outcome), fmt::format("deploy '{}' on grpc://{}", name, address));
    shell.answer({{"name", name},
                  {"server", address},
                  {"how", word(deployed.how)},
                  {"sha256", deployed.sha256},
                  {"bytes_sent", deployed.sent.count()},
                  {"bytes_resumed", deployed.resumed.count()},
                  {"time_s", deployed.time.count()}},
                 text_of(name, address, deployed));
}

}  // namespace

void add_deploy(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "deploy", "put a network onto a server that allows it",
                                    "breakeven deploy net-tail.onnx --server 192.0.2.7:8001",
                                    [&shell, options] { run_deploy(shell, *options); });
    command->add_option("MODEL", options->model, "an .onnx file with its weights inside, or a .tflite file")
        ->required();
    command->add_option("--server", options->server, "HOST:PORT; ours takes networks with serve --allow-load")
        ->required();
    command->add_option("--name", options->name, "what the server calls it (default: the file's name)");
    add_security_options(*command, shell);
}

}  // namespace breakeven::cli
