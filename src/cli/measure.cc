// `breakeven measure`: how long a network takes on each platform, how sure that is, and what it costs in energy.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>

#include "breakeven/files/samples.h"
#include "breakeven/measure/agreement.h"
#include "breakeven/measure/counters.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/measure/noise.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/meters/choose.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/coded_runner.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/loaded.h"
#include "cli/measure_answer.h"
#include "cli/security.h"
#include "cli/shell.h"
#include "cli/tune.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    bool with_parent = false;
    std::vector<std::string> platforms;
    std::vector<std::string> inputs;
    std::string preprocess;
    std::string data;
    std::size_t limit = 200;
    std::size_t runs = 100;
    std::size_t warmup = 5;
    std::string duration;
    std::string order = "mirrored";
    std::uint64_t seed = 1;
    std::string meter = "powers";
    PowerOptions power;
    std::string baseline;
    bool counters = false;
    bool layers = false;
    std::string store;
    std::vector<std::string> at;
    std::string server;
    std::string codec;
    std::string rest;
};

std::vector<Platform> platforms_of(const Shell& shell, const Options& options, const Engines& engines,
                                   const Answer& answer) {
    std::vector<Platform> platforms;
    for (const std::string& text : options.platforms) {
        const Platform platform = platform_of(shell, engines, text, answer.model, options.model);
        if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end()) platforms.push_back(platform);
    }
    if (!platforms.empty()) return platforms;
    platforms.push_back(Engines::cpu_for(answer.model.image, 1));
    if (answer.machine.threads > 1) platforms.push_back(Engines::cpu_for(answer.model.image, answer.machine.threads));
    return platforms;
}

/// Files by the input they are for, from NAME=FILE; FILE alone where the network has one input.
std::vector<std::string> files_of(const std::vector<std::string>& options, const std::vector<TensorSpec>& specs) {
    std::vector<std::string> files(specs.size());
    for (const std::string& option : options) {
        const std::size_t equals = option.find('=');
        const std::string name = equals == std::string::npos ? "" : option.substr(0, equals);
        const auto spec =
            std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& each) { return each.name == name; });
        if (spec != specs.end()) {
            files[static_cast<std::size_t>(spec - specs.begin())] = option.substr(equals + 1);
        } else if (specs.size() == 1 && equals == std::string::npos) {
            files[0] = option;
        } else {
            std::vector<std::string> names;
            for (const TensorSpec& each : specs) names.push_back(each.name);
            throw Error(ErrorKind::usage, fmt::format("read --input {}", option),
                        fmt::format("write NAME=FILE; the network's inputs are: {}", fmt::join(names, ", ")));
        }
    }
    return files;
}

std::vector<Tensor> inputs_of(const Options& options, const Model& model, const std::vector<TensorSpec>& specs) {
    const std::vector<std::string> files = files_of(options.inputs, specs);
    std::vector<Tensor> inputs = sample_inputs(specs, options.seed);
    for (std::size_t i = 0; i < specs.size(); ++i) {
        if (files[i].empty()) continue;
        const Preprocess preprocess =
            options.preprocess.empty() ? preprocess_of(model) : read_preprocess(options.preprocess);
        inputs[i] = read_input(files[i], specs[i], preprocess);
    }
    return inputs;
}

/// The network in two parts: the head on the one platform asked for, the tail on the server.
Subjected load_in_parts(const Shell& shell, const Options& options, const Engines& engines, const Answer& answer) {
    if (options.platforms.size() > 1) {
        throw Error(ErrorKind::usage, "measure a network in two parts", "name one platform for the head");
    }
    const Platform platform = options.platforms.empty()
                                  ? Engines::cpu_for(answer.model.image, 1)
                                  : platform_of(shell, engines, options.platforms.front(), answer.model, options.model);
    const std::string address = server_address(options.server);
    Subjected one{.platform = platform,
                  .title = fmt::format("{} + grpc://{}", to_text(platform), address),
                  .engine_version = engines.version(platform),
                  .runner = {},
                  .inputs = {}};
    shell.progress("first contact with the model, in a child process");
    first_contact(shell, one.engine_version).with(options.model, answer.model.image, platform);
    one.runner = load_in_two(shell, engines, answer.model,
                             {.at = options.at, .head = platform, .server = address, .codec = options.codec});
    one.inputs = inputs_of(options, answer.model.model, one.runner->inputs());
    return one;
}

/// What loading one platform after the other shares.
struct Loading {
    const Shell& shell;
    const Options& options;
    const Engines& engines;
    Answer& answer;
    std::optional<AccuracyTask> labelled = {};
    std::map<std::string, std::optional<Error>> met = {};  ///< engines' units, and why one does not take the network
    std::optional<EngineCheck> check = {};
};

DataSet labelled_data(const Options& options, const Model& model) {
    const Preprocess otherwise =
        options.preprocess.empty() ? preprocess_of(model) : read_preprocess(options.preprocess);
    DataSet data = DataSet(options.data, otherwise).limited(options.limit);
    if (data.is_labelled() && !is_untrained(model)) return data;
    throw Error(
        ErrorKind::input, fmt::format("compare engines on '{}'", options.data),
        data.is_labelled() ? "the network is untrained: nothing it answers is right" : "there is no labels.csv in it");
}

/// Once for each engine's unit; what does not survive it is not loaded here, with however many threads.
void meet(Loading& loading, const Platform& platform, const std::string& version) {
    const auto [known, is_new] =
        loading.met.try_emplace(platform.engine + ":" + platform.unit + "," + platform.options);
    if (is_new) {
        loading.shell.progress("first contact with the model, in a child process");
        try {
            first_contact(loading.shell, version).with(loading.options.model, loading.answer.model.image, platform);
        } catch (const Error& error) {
            known->second = error;
        }
    }
    if (known->second) throw *known->second;
}

Subjected load_whole(Loading& loading, const Platform& platform) {
    const Shell& shell = loading.shell;
    Answer& answer = loading.answer;
    Subjected one{.platform = platform,
                  .title = to_text(platform),
                  .engine_version = loading.engines.version(platform),
                  .runner = {},
                  .inputs = {}};
    if (!platform.is_remote()) meet(loading, platform, one.engine_version);
    shell.progress("loading on " + to_text(platform));
    if (platform.is_remote() && !loading.options.codec.empty()) {
        one.runner = load_coded(std::make_shared<Client>(platform.unit, client_options(shell)), answer.model.image.name,
                                parse_codec(loading.options.codec));
    } else {
        one.runner = loading.engines.load(answer.model.image, platform, {});
    }
    one.inputs = inputs_of(loading.options, answer.model.model, one.runner->inputs());
    if (platform.is_remote()) return one;
    if (!loading.check) {
        loading.check.emplace(loading.engines, answer.model.model, answer.model.image,
                              EngineSamples{.inputs = {one.inputs}, .labelled = loading.labelled});
    }
    shell.progress("comparing " + to_text(platform) + " with the reference");
    one.verdict = loading.check->verdict(platform, *one.runner);
    const std::string& problem = one.verdict.problem;
    const bool told = std::ranges::find(answer.warnings, problem) != answer.warnings.end();
    if (!problem.empty() && !told) answer.warnings.push_back(problem);
    return one;
}

std::vector<Subjected> load_all(const Shell& shell, const Options& options, const Engines& engines, Answer& answer) {
    std::vector<Subjected> loaded;
    if (!options.at.empty()) {
        loaded.push_back(load_in_parts(shell, options, engines, answer));
        return loaded;
    }
    Loading loading{.shell = shell, .options = options, .engines = engines, .answer = answer};
    std::optional<DataSet> data;
    if (!options.data.empty()) data = labelled_data(options, answer.model.model);
    if (data) loading.labelled = data->task(1, DataSet::Labels::used);
    const std::vector<Platform> platforms = platforms_of(shell, options, engines, answer);
    for (const Platform& platform : platforms) {
        try {
            loaded.push_back(load_whole(loading, platform));
        } catch (const Error& error) {
            if (platforms.size() == 1 || error.kind() == ErrorKind::usage || error.kind() == ErrorKind::internal) throw;
            answer.refused.push_back({to_text(platform), error.kind(), error.what()});
            if (answer.refused.size() == platforms.size()) throw;
        }
    }
    return loaded;
}

MeasureOptions measure_options(const Shell& shell, const Options& options) {
    MeasureOptions result{.runs = options.runs,
                          .duration = {},
                          .warmup_least = options.warmup,
                          .order = options.order == "shuffled" ? TurnOrder::shuffled : TurnOrder::mirrored,
                          .seed = options.seed,
                          .progress = {},
                          .stop = &interrupted()};
    if (!options.rest.empty()) result.rest = parse_seconds(options.rest, "--idle");
    if (!options.baseline.empty()) result.idle_baseline = parse_seconds(options.baseline, "--subtract-idle");
    if (!options.duration.empty()) result.duration = parse_seconds(options.duration, "--duration");
    result.progress = [&shell](const Progress& progress) {
        shell.progress(fmt::format("measuring: {:.0f} %, {} runs{}", 100.0 * progress.fraction, progress.runs,
                                   progress.left ? fmt::format(", about {:.0f} s left", progress.left->count()) : ""));
    };
    return result;
}

/// Null, with a warning, when the usual place does not work: a measurement is worth more than its copy.
std::unique_ptr<Store> store_of(const Options& options, std::vector<std::string>& warnings) {
    if (!options.store.empty()) return open_store(options.store);
    try {
        return open_store("");
    } catch (const Error& error) {
        warnings.emplace_back(fmt::format("not kept: {}", error.what()));
        return nullptr;
    }
}

void keep(Store& store, Answer& answer) {
    for (std::size_t i = 0; i < answer.loaded.size(); ++i) {
        const Measurement& measurement = answer.set.measurements[i];
        if (measurement.failure || !measurement.latency) continue;
        const Subjected& loaded = answer.loaded[i];
        if (!loaded.verdict.problem.empty()) continue;
        if (measurement.head) continue;  // a plan over two hosts says nothing of this machine alone
        const MeasurementKey key{.host = fingerprint(answer.machine),
                                 .model_sha256 = answer.model.image.sha256,
                                 .platform = loaded.platform,
                                 .engine_version = loaded.engine_version,
                                 .inputs = inputs_key(loaded.inputs),
                                 .breakeven_version = breakeven_version};
        try {
            store.put(key, {.measurement = measurement,
                            .peak_memory = answer.set.peak_memory,
                            .machine = to_text(answer.machine),
                            .warnings = answer.warnings,
                            .taken = std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now())});
        } catch (const Error& error) {
            answer.warnings.emplace_back(fmt::format("not kept: {}", error.what()));
            return;
        }
    }
}

void run_measure(Shell& shell, const Options& options) {
    if (options.with_parent) prctl(PR_SET_PDEATHSIG, SIGKILL);
    bool crosses = !options.at.empty();
    for (const std::string& platform : options.platforms) {  // a slip is told before long work
        crosses = (!is_auto(platform) && parse_platform(platform).is_remote()) || crosses;
    }
    if (!options.codec.empty() && !crosses) {
        throw Error(ErrorKind::usage, "measure with --codec " + options.codec,
                    "nothing crosses to a server: give --platform grpc://HOST:PORT, or --at and --server");
    }
    MeasureOptions how = measure_options(shell, options);
    const std::unique_ptr<Meter> meter = make_meter(options.meter, powers_of(options.power), shell.clock);
    Answer answer{.model = load_model(options.model),
                  .machine = this_machine(),
                  .loaded = {},
                  .refused = {},
                  .set = {},
                  .warnings = {}};
    const std::unique_ptr<Store> store = store_of(options, answer.warnings);
    const Engines engines = make_engines(shell);
    answer.loaded = load_all(shell, options, engines, answer);
    std::unique_ptr<Counters> counters;
    if (options.counters) counters = make_counters();  // now that every engine has its threads
    how.counters = counters.get();

    std::vector<Subject> subjects;
    for (const Subjected& each : answer.loaded)
        subjects.push_back({each.platform, *each.runner, each.inputs, each.title});
    const NoiseWatch noise(answer.machine, shell.clock);
    answer.set = measure(subjects, how, shell.clock, *meter);
    for (const std::string& line : answer.set.warnings) answer.warnings.push_back(line);
    for (const std::string& line : noise.warnings()) answer.warnings.push_back(line);
    if (store && !answer.set.interrupted) keep(*store, answer);
    if (options.layers && !answer.set.interrupted) {
        for (Subjected& each : answer.loaded) profile_layers(shell, answer.model.image, each);
    }

    shell.progress_done();
    for (const std::string& warning : answer.warnings) shell.note("warning: " + warning);
    for (const Refused& each : answer.refused) shell.note("warning: " + each.reason);
    shell.answer(document(answer), text_of(answer));
    for (const Refused& each : answer.refused) shell.status = exit_status(each.kind);
    for (const Measurement& measurement : answer.set.measurements) {
        if (measurement.failure) shell.status = exit_status(measurement.failure->kind());
    }
    if (answer.set.interrupted) shell.status = ExitStatus::interrupted;
}

}  // namespace

void add_measure(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(app, shell, "measure",
                                    "latency and energy of a network on each platform, in turns, after its warm-up",
                                    "breakeven measure mobilenet.onnx --platform cpu:1 --platform grpc://edge:8001 "
                                    "--runs 200 --active-power 5W",
                                    [&shell, options] { run_measure(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx or .tflite file")->required();
    command
        ->add_option("--platform", options->platforms,
                     "such as cpu:4, auto or grpc://host:port; repeatable (default: one "
                     "thread, and all of this machine's)")
        ->allow_extra_args(false);
    command
        ->add_option("--input", options->inputs,
                     "NAME=FILE: a picture, .npy or raw file; repeatable (default: "
                     "seeded random numbers)")
        ->allow_extra_args(false);
    auto* data = command->add_option("--data", options->data,
                                     "folder with labels.csv: an engine that is less accurate than the reference is "
                                     "refused, too");
    command->add_option("--limit", options->limit, "at most so many of its samples; 0: all")
        ->needs(data)
        ->capture_default_str();
    command->add_option("--preprocess", options->preprocess, "JSON file: how pictures become inputs");
    auto* runs = command->add_option("--runs", options->runs, "steady runs on each platform")
                     ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
                     ->capture_default_str();
    command->add_option("--duration", options->duration, "instead of --runs: steady run time on each, such as 150s")
        ->excludes(runs);
    command->add_option("--warmup", options->warmup, "first runs that are never counted; more are left out where found")
        ->check(CLI::Range(std::size_t{0}, std::size_t{1000000}))
        ->capture_default_str();
    command
        ->add_option("--at", options->at,
                     "measure the network in two parts: cut at these tensors, the head on --platform, the "
                     "tail on --server")
        ->needs(command->add_option("--server", options->server,
                                    "HOST:PORT of the server that runs the tail; it is sent there unless it has it"));
    command->add_option("--codec", options->codec,
                        "how what crosses to the server travels: raw, lossless, q8, q4, q2 or, a picture of pixels, "
                        "jpeg:1 to jpeg:100");
    command->add_option(
        "--idle", options->rest,
        "rest so long before each run, as a sporadic application does, such as 1s: connections cool down");
    command->add_option("--order", options->order, "of the platforms' turns: mirrored or shuffled")
        ->check(CLI::IsMember({"mirrored", "shuffled"}))
        ->capture_default_str();
    command->add_option("--seed", options->seed, "of the random inputs and the shuffling")->capture_default_str();
    command
        ->add_option("--meter", options->meter,
                     "what tells the energy: powers (modelled), rapl, hwmon, ina, nvml, battery, csv:FILE, "
                     "joulescope:FILE, trace-energy:FILE (with ,sync=pulse); `breakeven platforms` lists them")
        ->capture_default_str();
    command->add_option("--subtract-idle", options->baseline,
                        "first meter the machine at rest for so long, such as 10s; the energy above that is told too");
    command->add_flag("--with-parent", options->with_parent, "end when the program that started this one ends");
    command->add_flag("--counters", options->counters,
                      "instructions, L1 loads and misses, page faults, cycles, where they can be counted");
    add_security_options(*command, shell);
    add_transport_option(*command, shell);
    command->add_flag("--layers", options->layers, "how long each layer takes, where the engine tells them apart");
    add_power_options(*command, options->power);
    add_store_option(*command, options->store);
}

}  // namespace breakeven::cli
