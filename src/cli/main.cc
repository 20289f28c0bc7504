// breakeven: parses the command line, runs the one command it names, and turns an error into one line and an exit code.
#include <fmt/format.h>

#include <csignal>
#include <new>

#include "breakeven/measure/steady_clock.h"
#include "cli/shell.h"
#include "cli/version.h"

namespace {

using namespace breakeven;
using namespace breakeven::cli;

int fail(ErrorKind kind, const std::string& message) {
    fmt::print(stderr, "breakeven: {}\n", message);
    return static_cast<int>(exit_status(kind));
}

int run(int argc, char** argv) {
    SteadyClock clock;
    Shell shell{.clock = clock, .executable = std::filesystem::read_symlink("/proc/self/exe"), .chosen = {}};

    CLI::App app{"Where should this network run, and in what form? Measures, predicts, decides, and runs it there.",
                 "breakeven"};
    app.set_version_flag("--version", [] { return version_text(); });
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    add_advise(app, shell);
    add_session(app, shell);
    add_split(app, shell);
    add_compress(app, shell);
    add_deploy(app, shell);
    add_inspect(app, shell);
    add_measure(app, shell);
    add_tune(app, shell);
    add_meter(app, shell);
    add_infer(app, shell);
    add_evaluate(app, shell);
    add_serve(app, shell);
    add_link(app, shell);
    add_zoo(app, shell);
    add_boards(app, shell);
    add_study(app, shell);
    add_codec(app, shell);
    add_pack(app, shell);
    add_unpack(app, shell);
    add_platforms(app, shell);
    add_doctor(app, shell);
    add_first_contact(app, shell);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help and --version
        fmt::print(stderr, "breakeven: {}; see `breakeven {}--help`\n", error.what(),
                   app.get_subcommands().empty() ? "" : app.get_subcommands().front()->get_name() + " ");
        return static_cast<int>(ExitStatus::usage);
    }
    shell.chosen();
    return static_cast<int>(shell.status);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error to report, not a reason to die
    try {
        return run(argc, argv);
    } catch (const Error& error) {
        return fail(error.kind(), error.what());
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::input, "this needs more memory than there is");
    } catch (const std::exception& error) {
        return fail(ErrorKind::internal, Error(ErrorKind::internal, "run", error.what()).what());
    }
}
