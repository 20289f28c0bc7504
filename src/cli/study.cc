// `breakeven study`: the studies as programs. This file has `thesis` and `merge`; `edge` is study_edge.cc.
#include "cli/study.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "breakeven/emulator/emulator.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/meters/choose.h"
#include "breakeven/plan/factors.h"
#include "breakeven/study/thesis_study.h"
#include "breakeven/thesis/published.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/version.h"
#include "cli/zoo.h"

namespace breakeven::cli {
namespace {

constexpr Bytes factors_file_max{std::int64_t{1} << 20};

struct ThesisOptions {
    std::string output;
    bool published = false;
    std::string variants;
    std::vector<std::string> platforms;
    std::vector<std::string> links;
    bool quick = false;
    bool no_emulation = false;
    std::string duration;
    std::string rest;
    std::string factors;
    std::string meter = "powers";
    bool counters = false;
    std::string tcp = "cubic";
    PowerOptions power;
    std::string low_idle;
    double slowdown = 1.0;
};

ThesisSettings settings_of(const ThesisOptions& options) {
    ThesisSettings settings{.links = {},
                            .power = powers_of(options.power),
                            .idle_low = {},
                            .factors = {},
                            .slowdown = options.slowdown,
                            .notes = {}};
    const std::vector<std::string> links =
        options.links.empty() ? std::vector<std::string>{"ethernet", "wifi", "5g"} : options.links;
    for (const std::string& link : links) settings.links.push_back(read_link(link));
    if (!options.low_idle.empty()) settings.idle_low = parse_watts(options.low_idle, "--low-idle-power");
    if (!options.factors.empty()) {
        settings.factors = read_file(options.factors, factors_file_max);
        parse_factors(settings.factors, options.factors);  // refused before minutes of work
    }
    return settings;
}

ThesisRequest request_of(const ThesisOptions& options, Clock& clock) {
    const std::filesystem::path output = options.output;
    ThesisRequest request{
        .folder = output,
        .variants = options.variants.empty() ? output / "variants" : std::filesystem::path(options.variants),
        .platforms = {},
        .settings = settings_of(options),
        .extent = options.quick ? Extent::quick : Extent::full,
        .duration = Seconds(options.quick ? 1.0 : 10.0),
        .meter = options.meter,
        .counters = options.counters};
    for (const std::string& platform : options.platforms) request.platforms.push_back(parse_platform(platform));
    if (!options.duration.empty()) request.duration = parse_seconds(options.duration, "--duration");
    if (request.duration <= Seconds(0)) throw Error(ErrorKind::usage, "read --duration", "it must be longer than 0");
    if (!options.rest.empty()) {
        if (options.meter == "powers") {
            throw Error(ErrorKind::usage, "read --subtract-idle",
                        "what a machine draws at rest is metered: say a --meter; see `breakeven platforms`");
        }
        request.rest = parse_seconds(options.rest, "--subtract-idle");
    }
    // A meter that is not here, or a table without its columns, shows now and not in every cell.
    make_meter(options.meter, request.settings.power, clock);
    request.congestion = parse_congestion(options.tcp);
    // Asked before any thread starts: it forks.
    request.emulator =
        options.no_emulation
            ? EmulatorSupport{.available = false, .entry = NamespaceEntry::either, .reason = "--no-emulation"}
            : emulator_support();
    if (!request.emulator.available) {
        request.settings.notes.push_back("Links were only modelled, not emulated: " + request.emulator.reason);
    }
    request.command = fmt::format("breakeven study thesis -o {}{} --duration {}s{}", options.output,
                                  options.variants.empty() ? "" : " --variants " + options.variants,
                                  request.duration.count(), options.quick ? " --quick" : "");
    return request;
}

/// "[######      ] 12 of 72, about 3 min left: MobileNet 32 over wifi"
std::string progress_text(const ThesisProgress& progress) {
    constexpr std::size_t width = 20;
    const std::size_t filled = progress.total == 0 ? 0 : width * progress.done / progress.total;
    std::string left;
    if (progress.left) {
        const auto seconds = static_cast<long>(progress.left->count());
        left = seconds >= 90 ? fmt::format(", about {} min left", (seconds + 30) / 60)
                             : fmt::format(", about {} s left", seconds);
    }
    return fmt::format("[{}{}] {} of {}{}: {}", std::string(filled, '#'), std::string(width - filled, ' '),
                       progress.done, progress.total, left, progress.what);
}

void run_measured(Shell& shell, const ThesisOptions& options) {
    const ThesisRequest request = request_of(options, shell.clock);
    Engines engines = make_engines(shell);
    if (options.variants.empty()) {
        const auto networks = options.quick ? quick_networks() : std::vector<std::string>{};
        if (!build_study_variants(shell, engines, request.variants, networks)) {
            shell.note("stopped while the variants were built: the same command goes on where it ended");
            shell.status = ExitStatus::interrupted;
            return;
        }
    }
    const ThesisTools tools{.engines = engines,
                            .clock = shell.clock,
                            .version = breakeven_version,
                            .executable = shell.executable,
                            .progress = [&shell](const ThesisProgress& p) { shell.progress(progress_text(p)); },
                            .stop = &interrupted()};
    const ThesisRun run = run_thesis(request, tools);
    shell.progress_done();
    for (const std::string& failure : run.failures) shell.note("warning: " + failure);
    shell.note(fmt::format("{} of {} cells: {} measured now, {} kept from before", run.measured + run.kept, run.total,
                           run.measured, run.kept));
    if (run.measured + run.kept == 0) {
        if (run.is_interrupted) {
            shell.status = ExitStatus::interrupted;
            return;
        }
        throw Error(ErrorKind::unavailable, "study the thesis",
                    "no cell could be measured; the warnings above say why");
    }
    Results results = assemble({{.name = request.folder.string(), .entries = run.entries}});
    if (run.measured + run.kept < run.total) {
        results.notes.push_back(fmt::format("Not complete: {} of {} cells. The same command goes on where it ended.",
                                            run.measured + run.kept, run.total));
    }
    for (const std::string& failure : run.failures) results.notes.push_back("A cell failed: " + failure);
    tell_report(shell, write_report(results, options.output));
    if (run.is_interrupted) shell.status = ExitStatus::interrupted;
}

void add_thesis(CLI::App& study, Shell& shell) {
    const auto options = std::make_shared<ThesisOptions>();
    CLI::App* thesis = add_command(
        study, shell, "thesis",
        "neural networks, edge computing or offloading (Frennborn & Oliv 2022): every variant on every platform and "
        "over "
        "every link; run it again and it goes on where it ended",
        "breakeven study thesis -o thesis --quick --active-power 5W --idle-power 3W --low-idle-power 0.9W",
        [&shell, options] {
            if (options->published) {
                tell_report(shell, write_report(published_results(), options->output));
            } else {
                run_measured(shell, *options);
            }
        });
    thesis->add_option("-o,--output", options->output, "the folder for cells, report and figures")->required();
    thesis->add_flag("--published", options->published,
                     "measure nothing: what the thesis printed, and what of it can be checked");
    thesis->add_option("--variants", options->variants,
                       "a folder that `breakeven zoo variants` made (default: built in the output folder, once)");
    thesis->add_option("--platform", options->platforms,
                       "of this device, such as cpu:4; repeatable (default: one thread, and all)");
    thesis->add_option("--link", options->links,
                       "ethernet, wifi, 5g or a profile's path; repeatable (default: the study's three)");
    thesis->add_flag("--quick", options->quick,
                     "the smallest size of each network, 1 s a cell: a first look in minutes");
    thesis->add_option("--duration", options->duration,
                       "steady run time of each cell (default: 10s; the study's own: 150s)");
    thesis->add_option("--meter", options->meter, "what tells the energy, as in `measure`")->capture_default_str();
    thesis->add_option("--subtract-idle", options->rest,
                       "meter the machine at rest so long before each cell, like 10s; both energies are told");
    thesis->add_flag("--counters", options->counters, "hardware counters too, where there are any");
    thesis->add_option("--tcp", options->tcp, "congestion control over emulated links")->capture_default_str();
    thesis->add_flag("--no-emulation", options->no_emulation, "model the links only");
    thesis
        ->add_option("--slowdown", options->slowdown, "the device is so many times slower than this machine (modelled)")
        ->check(CLI::Range(0.01, 10000.0))
        ->capture_default_str();
    add_power_options(*thesis, options->power);
    thesis->add_option("--low-idle-power", options->low_idle, "what it draws while it waits suspended, such as 900mW");
    thesis->add_option("--factors", options->factors,
                       "JSON file: networks, servers, grid and prices of your own; see `link factors`");
}

struct MergeOptions {
    std::vector<std::string> folders;
    std::string output;
};

void add_merge(CLI::App& study, Shell& shell) {
    const auto options = std::make_shared<MergeOptions>();
    CLI::App* merge =
        add_command(study, shell, "merge",
                    "one report of several machines' studies: the first is the device, the others' servers are "
                    "offloaded to",
                    "breakeven study merge board lab -o both", [&shell, options] {
                        std::vector<StudyFolder> folders;
                        for (const std::string& folder : options->folders) {
                            const std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
                            const std::filesystem::path last =
                                path.has_filename() ? path.filename() : path.parent_path().filename();
                            folders.push_back({.name = last.string(), .entries = read_record(path)});
                        }
                        tell_report(shell, write_report(assemble(folders), options->output));
                    });
    merge->add_option("FOLDER", options->folders, "folders of `study thesis`")->required();
    merge->add_option("-o,--output", options->output, "the folder for the report")->required();
}

}  // namespace

void tell_report(const Shell& shell, const Report& report) {
    std::string text = report.headline + "\n";
    if (!report.lead.empty()) text += wrapped(report.lead, "  ");
    for (const auto& [title, lines] : report.findings) {
        text += "\n" + title + "\n";
        for (const std::string& line : lines) text += wrapped(line, "  ");
    }
    if (!report.notes.empty()) text += "\nTo be taken with care\n";
    for (const std::string& note : report.notes) text += wrapped(note, "  ");
    text += fmt::format("\n{}\n  the report; beside it {}, {} and {} figures as CSV\n", report.page.string(),
                        report.json.filename().string(), report.rows.filename().string(), report.figures);
    Json document = Json::parse(report.document);
    document["report"] = report.page.string();
    shell.answer(document, text);
}

void add_study(CLI::App& app, Shell& shell) {
    CLI::App* study = app.add_subcommand("study", "the studies as programs: measured here, with a report");
    study->footer("\nExample:\n  breakeven study thesis --published -o thesis");
    study->require_subcommand(1);
    add_thesis(*study, shell);
    add_merge(*study, shell);
    add_study_edge(*study, shell);
}

}  // namespace breakeven::cli
