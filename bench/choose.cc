// Whether `tune` picks the best: for every network, and 1 and 2 threads, what it chose against every engine as one
// would measure it by hand, in turns within the same run. A choice is good within 3 %, or where no difference was
// shown.
//   bench_choose [--limit 20s] [--total 30min] [--threads 2] [--only WORDS] [FOLDER...]    (default: the shared data's networks)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bench_main.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/engine/openvino.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/agreement.h"
#include "breakeven/measure/choice.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/stats/compare.h"
#include "breakeven/units/text.h"
#include "fakes/shared_data.h"

namespace {

using namespace breakeven;

/// Slower than this than the best by hand is a bad choice, where it is shown.
constexpr double close_enough = 1.03;
constexpr std::size_t runs_by_hand = 60;
constexpr std::size_t runs_of_slow = 20;
constexpr Seconds slow{0.05};

struct Options {
    Seconds limit{20.0};
    Seconds total{3600.0};
    std::vector<int> threads{1, 2};
    std::string only;
    std::vector<std::filesystem::path> folders;
};

Options options_of(const std::vector<std::string>& words) {
    Options options;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool has_value = words[i].starts_with("--") && i + 1 < words.size();
        if (has_value && words[i] == "--limit") {
            options.limit = parse_seconds(words[++i], "--limit");
        } else if (has_value && words[i] == "--total") {
            options.total = parse_seconds(words[++i], "--total");
        } else if (has_value && words[i] == "--threads") {
            options.threads = {std::stoi(words[++i])};
        } else if (has_value && words[i] == "--only") {
            options.only = words[++i];
        } else {
            options.folders.emplace_back(words[i]);
        }
    }
    if (options.folders.empty() && !fakes::shared_data().empty()) {
        for (const char* folder : {"models/onnx", "models/tflite"}) {
            options.folders.push_back(fakes::shared_data() / folder);
        }
    }
    return options;
}

std::vector<std::filesystem::path> networks_of(const Options& options) {
    std::vector<std::filesystem::path> files;
    for (const std::filesystem::path& folder : options.folders) {
        if (!std::filesystem::is_directory(folder)) {
            files.push_back(folder);
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            const std::string ending = entry.path().extension();
            if (ending == ".onnx" || ending == ".tflite") files.push_back(entry.path());
        }
    }
    std::erase_if(files,
                  [&](const auto& file) { return file.filename().string().find(options.only) == std::string::npos; });
    std::ranges::sort(files);
    return files;
}

struct Rival {
    Platform platform;
    std::unique_ptr<Runner> runner;
};

/// Every engine that is right, as it is, on 1 to `threads` threads.
std::vector<Rival> rivals_by_hand(const Engines& engines, const ModelFile& model, int threads) {
    std::vector<Rival> rivals;
    EngineCheck check(engines, model.model, model.image);
    for (const Platform& platform : contenders_of({.threads = threads}, model.image, engines)) {
        try {
            auto runner = engines.load(model.image, platform, {});
            if (check.verdict(platform, *runner).problem.empty()) rivals.push_back({platform, std::move(runner)});
        } catch (const Error&) {
            // It does not take the network: by hand one would see that, too.
        }
    }
    return rivals;
}

struct Verdict {
    bool good = false;
    bool wrong = false;
};

Verdict judge(const Engines& engines, Clock& clock, const std::filesystem::path& file, int threads, Seconds limit) {
    const ModelFile model = load_model(file);
    const EngineChoice choice =
        choose({.threads = threads, .limit = limit}, model.model, model.image, {.engines = engines, .clock = clock});
    std::vector<Rival> rivals = rivals_by_hand(engines, model, threads);
    const bool is_plain = std::ranges::find(rivals, choice.platform, &Rival::platform) != rivals.end();
    if (!is_plain) rivals.push_back({choice.platform, engines.load(model.image, choice.platform, {})});
    const auto chosen =
        static_cast<std::size_t>(std::ranges::find(rivals, choice.platform, &Rival::platform) - rivals.begin());

    const std::vector<Tensor> inputs = choice_inputs(model.model, 1);
    std::vector<Subject> subjects;
    for (const Rival& rival : rivals) subjects.push_back({rival.platform, *rival.runner, inputs});
    PowerMeter meter{Powers{}};
    const std::size_t runs = choice.latency > slow ? runs_of_slow : runs_by_hand;
    const MeasurementSet set = measure(subjects, {.runs = runs, .progress = {}}, clock, meter);
    std::size_t best = chosen;
    for (std::size_t i = 0; i < rivals.size(); ++i) {
        const auto& latency = set.measurements[i].latency;
        if (latency && latency->p50 < set.measurements[best].latency->p50) best = i;
    }
    const std::vector<Seconds>& ours = set.measurements[chosen].samples;
    const std::vector<Seconds>& theirs = set.measurements[best].samples;
    const std::size_t n = std::min(ours.size(), theirs.size());
    const auto compared = compare_medians({.subject = std::span(ours).last(n), .baseline = std::span(theirs).last(n)});
    const double ratio = set.measurements[chosen].latency->p50 / set.measurements[best].latency->p50;
    Verdict verdict{.good = ratio <= close_enough || (compared && compared->ci95.low <= 1.0)};
    EngineCheck check(engines, model.model, model.image);
    verdict.wrong = !check.verdict(choice.platform, *rivals[chosen].runner).problem.empty();
    fmt::print("{:<44.44} {} {:<26.26} {:>9} {:<15} {:>9} {:5.3f} {} {:4.1f} s\n", file.stem().string(), threads,
               to_text(choice.platform), to_text(set.measurements[chosen].latency->p50), to_text(rivals[best].platform),
               to_text(set.measurements[best].latency->p50), ratio,
               verdict.wrong ? "WRONG" : (verdict.good ? "good " : "BAD  "), choice.took.count());
    std::fflush(stdout);
    return verdict;
}

int run(const std::vector<std::string>& words) {
    const Options options = options_of(words);
    SteadyClock clock;
    const Seconds end = clock.now() + options.total;
    Engines engines;
    engines.add(make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}}));
    engines.add(make_openvino({.libraries = {BREAKEVEN_OPENVINO_LIBRARY}}));
    fmt::print("{:<44} T {:<26} {:>9} {:<15} {:>9} ratio\n", "network", "chosen", "latency", "best by hand", "latency");
    int good = 0;
    int wrong = 0;
    int all = 0;
    int left = 0;
    for (const std::filesystem::path& file : networks_of(options)) {
        for (const int threads : options.threads) {
            if (clock.now() > end) {
                ++left;
                continue;
            }
            try {
                const Verdict verdict = judge(engines, clock, file, threads, options.limit);
                good += verdict.good ? 1 : 0;
                wrong += verdict.wrong ? 1 : 0;
                ++all;
            } catch (const Error& error) {
                fmt::print("{:<44.44} {} left out: {}\n", file.stem().string(), threads, error.what());
            }
        }
    }
    fmt::print("{} of {} choices are within {:.0f} % of the best by hand, or tied with it; {} wrong; {} not reached\n",
               good, all, 100.0 * (close_enough - 1.0), wrong, left);
    return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_choose", run, argc, argv);
}
