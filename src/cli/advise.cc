// `breakeven advise`: the main job. Where should this network run: here, or on a server across which link?
#include "breakeven/advise/advise.h"

#include <fmt/format.h>

#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/files/samples.h"
#include "breakeven/report/advice_json.h"
#include "breakeven/report/advice_text.h"
#include "breakeven/report/page.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/paths.h"
#include "cli/security.h"
#include "cli/shell.h"
#include "cli/tune.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    std::string server;
    std::vector<std::string> links;
    std::vector<std::string> platforms;
    std::string objective = "latency";
    std::string deadline;
    PowerOptions power;
    std::string preprocess;
    double slowdown = 1.0;
    std::size_t runs = 30;
    bool no_emulation = false;
    std::string congestion_control = "cubic";
    std::string store;
    std::string html;
    std::vector<std::string> variants;
    std::string data;
    std::optional<double> drop_max;
    std::string idle;
    std::vector<std::string> codecs;
    std::size_t splits = 1;
    std::int64_t inferences = 10000;
    std::string device_memory;
    std::string server_memory;
};

AdviseRequest request_of(const Shell& shell, const Options& options) {
    AdviseRequest request{.model = options.model, .slowdown = options.slowdown, .runs = options.runs};
    if (!options.preprocess.empty()) request.preprocess = read_preprocess(options.preprocess);
    if (!options.server.empty()) request.server = server_address(options.server);
    for (const std::string& link : options.links) request.links.push_back(read_link(link));
    if (request.links.empty() && !request.server) {
        request.links.assign(study_links().begin(), study_links().end());
    }
    request.objective.goal = parse_goal(options.objective);
    if (!options.deadline.empty()) request.objective.deadline = parse_seconds(options.deadline, "--deadline");
    request.power = powers_of(options.power);
    for (const std::string& platform : options.platforms) {
        if (!is_auto(platform)) request.platforms.push_back(parse_platform(platform));
    }
    if (options.no_emulation) {
        request.emulator.reason = "switched off (--no-emulation)";
    } else if (!request.server) {
        request.emulator = emulator_support();  // forks: before the engines start their threads
    }
    request.congestion = parse_congestion(options.congestion_control);
    if (!options.idle.empty()) request.idle = parse_seconds(options.idle, "--idle");
    request.transport = parse_transport(shell.security.transport);
    for (const std::string& codec : options.codecs) request.codecs.push_back(parse_codec(codec));
    request.variants.assign(options.variants.begin(), options.variants.end());
    if (!options.data.empty()) request.data = options.data;
    if (options.drop_max) request.objective.drop_max = *options.drop_max / 100.0;
    request.splits = options.splits;
    request.inferences = options.inferences;
    if (!options.device_memory.empty()) request.device_memory = parse_bytes(options.device_memory, "--device-memory");
    if (!options.server_memory.empty()) request.server_memory = parse_bytes(options.server_memory, "--server-memory");
    return request;
}

void run_advise(Shell& shell, const Options& options) {
    AdviseRequest request = request_of(shell, options);
    Engines engines = make_engines(shell);
    for (const std::string& platform : options.platforms) {
        if (!is_auto(platform)) continue;
        request.platforms.push_back(platform_of(shell, engines, platform, load_model(options.model), options.model));
    }
    const std::unique_ptr<Store> store = open_store(options.store);
    const Platform first = request.platforms.empty() ? parse_platform("cpu:1") : request.platforms.front();
    AdviseTools tools{.engines = engines,
                      .clock = shell.clock,
                      .store = store.get(),
                      .version = breakeven_version,
                      .contact = first_contact(shell, engines.version(first)),
                      .executable = shell.executable,
                      .progress = [&shell](const std::string& line) { shell.progress(line); },
                      .stop = &interrupted(),
                      .connection = client_options(shell)};
    const Advice advice = advise(request, tools);
    shell.progress_done();
    for (const std::string& warning : advice.warnings) shell.note("warning: " + warning);
    if (!options.html.empty()) write_file(options.html, advice_page(advice));
    shell.answer(advice_json(advice), advice_text(advice));
    if (!options.html.empty()) shell.note("report: " + options.html);
    if (interrupted()) {
        shell.status = ExitStatus::interrupted;
    } else if (!advice.best) {
        shell.status = ExitStatus::no;
    }
}

}  // namespace

void add_advise(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(
        app, shell, "advise", "where should this network run? measures every plan it can reach and ranks them",
        "breakeven advise mobilenet.onnx --link wifi --active-power 5W --idle-power 0.9W --html report.html",
        [&shell, options] { run_advise(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx file")->required();
    command->add_option("--server", options->server,
                        "HOST:PORT of an Open Inference Protocol server that has the network; without it one is "
                        "embedded, behind emulated links");
    command
        ->add_option("--link", options->links,
                     "a link: ethernet, wifi, 5g or a profile's file; repeatable "
                     "(default: the three)")
        ->allow_extra_args(false);
    command
        ->add_option("--platform", options->platforms,
                     "a platform of the device, such as cpu:1 or auto, the fastest; repeatable "
                     "(default: every width of this CPU)")
        ->allow_extra_args(false);
    command->add_option("--objective", options->objective, "what to minimise: latency, energy or edp")
        ->capture_default_str();
    command->add_option("--deadline", options->deadline, "what 99 of 100 inferences must hold, such as 50ms");
    add_power_options(*command, options->power);
    command->add_option("--preprocess", options->preprocess,
                        "JSON file: how pictures become inputs (default: what the model says, else pixels 0 to 255)");
    command->add_option("--slowdown", options->slowdown, "the device is N times slower than this machine (modelled)")
        ->check(CLI::Range(0.001, 100000.0))
        ->capture_default_str();
    command->add_option("--runs", options->runs, "inferences measured for each plan, after the warm-up")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
        ->capture_default_str();
    command
        ->add_option("--variant", options->variants,
                     "another form of the network, such as a compressed one, ranked beside it; repeatable")
        ->allow_extra_args(false);
    auto* data =
        command->add_option("--data", options->data,
                            "folder of samples that tell how right variants and codecs are, with labels.csv where "
                            "there are labels");
    command
        ->add_option("--max-drop", options->drop_max,
                     "a variant may lose at most so many points of accuracy; of codecs 1 unless given")
        ->needs(data);
    command
        ->add_option("--codec", options->codecs,
                     "how tensors may cross, tried on --data: lossless, q8, q4, q2, jpeg:Q; repeatable (default: all)")
        ->allow_extra_args(false)
        ->needs(data);
    command->add_option("--splits", options->splits, "how many of the best cuts are run over each link; 0: none")
        ->check(CLI::Range(std::size_t{0}, std::size_t{100}))
        ->capture_default_str();
    command
        ->add_option("--inferences", options->inferences,
                     "how many inferences a network sent to the server will serve: sending it is spread over them")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000'000}))
        ->capture_default_str();
    command->add_option("--device-memory", options->device_memory,
                        "weights on the device must fit into this much, such as 8MiB");
    command->add_option("--server-memory", options->server_memory, "and weights on the server into this much");
    command->add_option("--idle", options->idle,
                        "how long the connection rests between inferences, such as 1s (default: not at all)");
    command->add_flag("--no-emulation", options->no_emulation, "model the links instead of emulating them");
    command
        ->add_option("--tcp", options->congestion_control,
                     "congestion control of the emulated hosts: cubic, bbr "
                     "or reno")
        ->capture_default_str();
    add_store_option(*command, options->store);
    command->add_option("--html", options->html, "write the report to this file");
    add_security_options(*command, shell);
    add_transport_option(*command, shell);
}

}  // namespace breakeven::cli
