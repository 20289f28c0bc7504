// `breakeven link record`: a trace of one's own link, to replay and to play.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <memory>

#include "breakeven/emulator/descriptor.h"
#include "breakeven/error.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/record.h"
#include "cli/inputs.h"
#include "cli/link.h"
#include "cli/security.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string server;
    std::string interface;
    std::string output;
    std::string time = "60s";
    std::string every = "1s";
    std::string load = "10%";
    std::string bytes_max;
    std::string congestion_control;
};

double parse_load(std::string_view text) {
    const std::string whole(text);
    if (text.ends_with('%')) {
        text.remove_suffix(1);
        double percent = 0.0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), percent);
        if (code == std::errc{} && end == text.data() + text.size()) return percent / 100.0;
    }
    throw Error(ErrorKind::usage, fmt::format("read --load '{}'", whole), "it is a share of the time, like 10%");
}

/// A new file that takes rows one by one: each is there when the next begins, whatever happens to this program.
class RowFile final {
   public:
    explicit RowFile(const std::string& path)
        : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644)) {
        if (!file_.is_open()) {
            throw Error(ErrorKind::usage, fmt::format("write '{}'", path),
                        errno == EEXIST ? "it is there already; name another file" : std::strerror(errno));
        }
        append(trace_csv_header);
    }
    void append(std::string_view text) const {
        if (::write(file_.number(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
        throw Error(ErrorKind::unavailable, fmt::format("write '{}'", path_), std::strerror(errno));
    }

   private:
    std::string path_;
    Descriptor file_;
};

struct Recorded {
    std::int64_t rows = 0;
    Bytes used;  ///< by probing
};

std::string row_text(const TraceRow& row) {
    return fmt::format("{:.0f} s: up {}, down {}, round trip {}", row.time.count(), row.up ? to_text(*row.up) : "?",
                       row.down ? to_text(*row.down) : "?", row.round_trip ? to_text(*row.round_trip) : "none");
}

/// Until the time is over or the data used up.
Recorded record(const Shell& shell, const Options& options, const std::function<TraceRow()>& next,
                const std::function<Bytes()>& used) {
    const Seconds time = parse_seconds(options.time, "--time");
    const std::optional<Bytes> bytes_max =
        options.bytes_max.empty() ? std::nullopt : std::optional(parse_bytes(options.bytes_max, "--bytes-max"));
    const Seconds every = parse_seconds(options.every, "--every");
    const RowFile file(options.output);
    Recorded recorded;
    const Seconds until = shell.clock.now() + time - every / 2;
    while (recorded.rows == 0 || shell.clock.now() < until) {
        const TraceRow row = next();
        file.append(trace_csv_row(row));
        ++recorded.rows;
        recorded.used = used();
        shell.progress(fmt::format("{}; {} used", row_text(row), to_text(recorded.used)));
        if (bytes_max && recorded.used >= *bytes_max) break;
    }
    shell.progress_done();
    return recorded;
}

void run_link_record(const Shell& shell, const Options& options) {
    const Seconds every = parse_seconds(options.every, "--every");
    Recorded recorded;
    if (!options.interface.empty()) {
        InterfaceRecorder recorder(options.interface, shell.clock, every);
        recorded = record(
            shell, options, [&] { return recorder.next(); }, [] { return Bytes(0); });
    } else if (!options.server.empty()) {
        ClientOptions connection = client_options(shell);
        connection.congestion_control = options.congestion_control;
        Client client(server_address(options.server), connection);
        LinkRecorder recorder(timed_server(client, shell.clock), shell.clock,
                              {.every = every, .load = parse_load(options.load)});
        shell.note(
            fmt::format("breakeven: probing fills the link for {} of the time, both ways together: on 10 MB/s "
                        "that is {} a minute; --load and --bytes-max limit it",
                        options.load, to_text(Bytes(static_cast<std::int64_t>(6e8 * parse_load(options.load))))));
        recorded = record(
            shell, options, [&] { return recorder.next(); }, [&] { return recorder.sent() + recorder.received(); });
    } else {
        throw Error(ErrorKind::usage, "record a link",
                    "name a server, like edge.local:8001, or give --interface wlan0");
    }
    shell.answer({{"file", options.output},
                  {"rows", recorded.rows},
                  {"probe_bytes", recorded.used.count()},
                  {"source", options.interface.empty() ? options.server : options.interface}},
                 fmt::format("{}: {} rows; probing took {}\nreplay it: breakeven session replay --trace {}\n",
                             options.output, recorded.rows, to_text(recorded.used), options.output));
}

}  // namespace

void add_link_record(CLI::App& link, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(link, shell, "record", "a trace of your own link, to replay and to play",
                                    "breakeven link record edge.local:8001 --time 10min -o drive.csv",
                                    [&shell, options] { run_link_record(shell, *options); });
    command->add_option("SERVER", options->server, "HOST:PORT of a Breakeven server, which is probed");
    command->add_option(
        "--interface", options->interface,
        "instead: what crosses this interface, like wlan0, without probing: a lower bound of the rates");
    command->add_option("-o,--output", options->output, "CSV file to write, row by row")->required();
    command->add_option("--time", options->time, "how long")->capture_default_str();
    command->add_option("--every", options->every, "from one row to the next")->capture_default_str();
    command->add_option("--load", options->load, "share of the time that probing fills the link")
        ->capture_default_str();
    command->add_option("--bytes-max", options->bytes_max, "ends when probing has used so much, like 100MB");
    command->add_option("--tcp", options->congestion_control, "TCP congestion control of this end: cubic, bbr, reno");
    add_security_options(*command, shell);
}

}  // namespace breakeven::cli
