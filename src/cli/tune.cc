// `breakeven tune`: which engine, how many threads and which settings run a network fastest here; kept for `auto`.
#include "cli/tune.h"

#include <fmt/format.h>

#include <charconv>

#include "breakeven/measure/core_kinds.h"
#include "breakeven/measure/machine.h"
#include "breakeven/model/tflite.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/paths.h"
#include "cli/version.h"

namespace breakeven::cli {
namespace {

struct Options {
    std::string model;
    int threads = 0;
    std::int64_t batch = 1;
    std::string limit = "20s";
    std::vector<std::string> platforms;
    bool again = false;
    std::string store;
};

constexpr std::string_view auto_word = "auto";

CalendarTime calendar_now() {
    return std::chrono::time_point_cast<Seconds>(std::chrono::system_clock::now());
}

std::filesystem::path store_file(const std::string& option) {
    return option.empty() ? data_folder() / "measurements.sqlite" : std::filesystem::path(option);
}

int machine_threads() {
    return std::max(1, this_machine().threads);
}

ChoiceKey key_of(const Engines& engines, const Model& model, const ModelImage& image, const ChoiceRequest& request) {
    std::string versions = versions_text(engines);
    if (!request.platforms.empty()) {  // a choice among these says nothing about a choice among all
        versions.clear();
        for (const Platform& platform : request.platforms) {
            versions +=
                fmt::format("{}{} of {}", versions.empty() ? "" : "; ", to_text(platform), engines.version(platform));
        }
    }
    return {.host = fingerprint(this_machine()),
            .model_sha256 = image.sha256,
            .inputs = inputs_key(choice_inputs(model, request.batch)),
            .threads = request.threads,
            .engines = versions,
            .breakeven_version = breakeven_version};
}

std::string described(const Contender& contender) {
    Platform bare = contender.platform;
    if (!contender.settings.empty()) bare.options.clear();
    return to_text(bare) + (contender.settings.empty() ? "" : ", " + contender.settings);
}

std::string comparison(const Contender& contender) {
    if (contender.outcome == RaceOutcome::chosen) return "";
    if (contender.outcome == RaceOutcome::slower) return fmt::format("+{:.0f} %", 100.0 * (contender.ratio - 1.0));
    return std::string(name(contender.outcome));
}

std::string text_of(const Tuned& tuned) {
    std::vector<std::vector<std::string>> rows;
    std::string reasons;
    for (const Contender& contender : tuned.choice.contenders) {
        rows.push_back({(contender.outcome == RaceOutcome::chosen ? "* " : "  ") + described(contender),
                        contender.latency ? to_text(*contender.latency) : "-", comparison(contender),
                        contender.memory ? to_text(*contender.memory) : "-"});
        if (!contender.reason.empty()) reasons += fmt::format("{}: {}\n", described(contender), contender.reason);
    }
    std::string text = tuned.choice.why + "\n";
    if (tuned.kept) {
        text += fmt::format("  kept since {}; --again measures anew\n", to_text(calendar_now() - *tuned.kept) + " ago");
    } else {
        text += fmt::format("  found in {}{}; --platform auto takes it\n", to_text(tuned.choice.took),
                            tuned.choice.settled ? "" : ", not all told apart");
    }
    return text + "\n" + table({"", "latency", "slower", "memory"}, rows) + reasons;
}

Json document(const Tuned& tuned, const ChoiceRequest& request, const CoreKinds& cores) {
    Json contenders = Json::array();
    for (const Contender& contender : tuned.choice.contenders) {
        contenders.push_back(
            {{"platform", to_text(contender.platform)},
             {"settings", contender.settings},
             {"outcome", name(contender.outcome)},
             {"latency_s", contender.latency ? Json(contender.latency->count()) : Json(nullptr)},
             {"ratio", contender.latency ? Json(contender.ratio) : Json(nullptr)},
             {"ci95", contender.ci95 ? Json{contender.ci95->low, contender.ci95->high} : Json(nullptr)},
             {"memory_bytes", contender.memory ? Json(contender.memory->count()) : Json(nullptr)},
             {"reason", contender.reason.empty() ? Json(nullptr) : Json(contender.reason)}});
    }
    return {{"model", {{"sha256", tuned.key.model_sha256}}},
            {"threads", request.threads},
            {"batch", request.batch},
            {"platform", to_text(tuned.choice.platform)},
            {"latency_s", tuned.choice.latency.count()},
            {"why", tuned.choice.why},
            {"settled", tuned.choice.settled},
            {"kept", tuned.kept.has_value()},
            {"took_s", tuned.choice.took.count()},
            {"engines", tuned.key.engines},
            {"core_kinds", std::max<std::size_t>(cores.size(), 1)},
            {"contenders", contenders}};
}

void warn_of_no_comparison(const Shell& shell, const EngineChoice& choice) {
    if (choice.not_compared.empty()) return;
    shell.note("warning: nothing was compared with the reference: " + choice.not_compared);
}

void run_tune(Shell& shell, const Options& options) {
    const ModelFile model = load_model(options.model);
    const Engines engines = make_engines(shell);
    ChoiceRequest request{.threads = options.threads > 0 ? options.threads : machine_threads(),
                          .batch = options.batch,
                          .limit = parse_seconds(options.limit, "--limit")};
    for (const std::string& text : options.platforms) {
        request.platforms.push_back(parse_platform(text));
        if (request.platforms.back().is_remote()) {
            throw Error(ErrorKind::usage, "choose among platforms of this machine",
                        fmt::format("{} is a server; `breakeven advise` compares with one", text));
        }
    }
    const Tuned found = tuned(shell, engines, model, options.model, request, options.store,
                              options.again ? Freshness::made_again : Freshness::kept_will_do);
    shell.progress_done();
    if (!found.not_kept.empty()) shell.note("warning: not kept: " + found.not_kept);
    warn_of_no_comparison(shell, found.choice);
    shell.answer(document(found, request, core_kinds()), text_of(found));
    if (interrupted()) shell.status = ExitStatus::interrupted;
}

}  // namespace

Tuned tuned(const Shell& shell, const Engines& engines, const ModelFile& model, const std::string& file,
            const ChoiceRequest& request, const std::string& store, Freshness freshness) {
    Tuned result{.choice = {}, .key = key_of(engines, model.model, model.image, request)};
    std::unique_ptr<ChoiceStore> kept;
    try {
        if (store != "none") kept = std::make_unique<ChoiceStore>(store_file(store));
    } catch (const Error& error) {
        if (!store.empty()) throw;
        result.not_kept = error.what();  // the usual place does not work: the answer is worth more than its copy
    }
    if (kept && freshness == Freshness::kept_will_do) {
        if (auto known = kept->find(result.key)) {
            result.choice = std::move(known->choice);
            result.kept = known->taken;
            return result;
        }
    }
    const ChoiceTools tools{.engines = engines,
                            .clock = shell.clock,
                            .meet =
                                [&](const Platform& platform) {
                                    first_contact(shell, engines.version(platform)).with(file, model.image, platform);
                                },
                            .progress = [&shell](const std::string& line) { shell.progress(line); },
                            .stop = &interrupted(),
                            .cores = core_kinds()};
    result.choice = choose(request, model.model, model.image, tools);
    if (!kept || interrupted()) return result;
    try {
        kept->put(result.key, {.choice = result.choice, .taken = calendar_now()});
    } catch (const Error& error) {
        result.not_kept = error.what();
    }
    return result;
}

bool is_auto(std::string_view platform) {
    return platform == auto_word || platform.starts_with("auto:");
}

int threads_of(std::string_view text) {
    if (text == auto_word) return machine_threads();
    const std::string_view digits = text.substr(auto_word.size() + 1);
    int threads = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), threads);
    if (error != std::errc() || end != digits.data() + digits.size() || threads < 1 || threads > 4096) {
        throw Error(ErrorKind::usage, fmt::format("read platform '{}'", text),
                    "write auto, or auto:N for at most N threads");
    }
    return threads;
}

Model model_of(const ModelImage& image) {
    return is_in_one_file(image) ? Model::parse(image.bytes, image.name) : load_model(image.path).model;
}

Platform platform_of(const Shell& shell, const Engines& engines, const std::string& text, const ModelFile& model,
                     const std::string& file) {
    if (!is_auto(text)) return parse_platform(text);
    const ChoiceRequest request{.threads = threads_of(text)};
    const Tuned found = tuned(shell, engines, model, file, request, "", Freshness::kept_will_do);
    shell.progress_done();
    shell.note(fmt::format("auto: {}", found.choice.why));
    warn_of_no_comparison(shell, found.choice);
    return found.choice.platform;
}

std::optional<Platform> tuned_before(const Engines& engines, const ModelImage& image, std::string_view platform) {
    const int threads = threads_of(platform);
    try {
        const ChoiceStore store(store_file(""));
        const Model model = model_of(image);
        const auto kept = store.find(key_of(engines, model, image, {.threads = threads}));
        if (kept) return kept->choice.platform;
    } catch (const Error&) {
        // No store: then nothing is known.
    }
    return std::nullopt;
}

void add_tune(CLI::App& app, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(
        app, shell, "tune", "which engine, threads and settings run a network fastest here; kept for --platform auto",
        "breakeven tune mobilenet.onnx && breakeven infer mobilenet.onnx --input cat.jpg --platform auto",
        [&shell, options] { run_tune(shell, *options); });
    command->add_option("MODEL", options->model, "the network, an .onnx or .tflite file")->required();
    command->add_option("--threads", options->threads, "at most so many (default: all of this machine's)")
        ->check(CLI::Range(1, 4096));
    command->add_option("--batch", options->batch, "samples of each run, where the network leaves that open")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{4096}))
        ->capture_default_str();
    command->add_option("--limit", options->limit, "time for choosing; the first contacts with engines included")
        ->capture_default_str();
    command
        ->add_option("--platform", options->platforms,
                     "choose among these and their settings; repeatable (default: all of this machine's)")
        ->allow_extra_args(false);
    command->add_flag("--again", options->again, "measure, whatever was kept");
    add_store_option(*command, options->store);
}

}  // namespace breakeven::cli
