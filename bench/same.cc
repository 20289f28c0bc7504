// Is the same program ever called different from itself? One network, measured twice: in turns by one `measure`, as
// its platforms are compared; and one measurement after the other, as two runs of a study. Prints in how many cases of
// a hundred a difference is declared that is none. On a quiet machine: in turns at most 5.
//     bench_same [CASES] [SECONDS of each measurement]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench_main.h"
#include "breakeven/engine/onnxruntime.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/stats/compare.h"
#include "breakeven/stats/proportion.h"
#include "breakeven/zoo/zoo.h"

namespace {

using namespace breakeven;

std::vector<Seconds> steady(const Measurement& measurement) {
    return {measurement.samples.begin() + static_cast<std::ptrdiff_t>(measurement.warmup.count),
            measurement.samples.end()};
}

/// How often a difference was declared, of all cases. Runs taken side by side: the i-th of one beside the i-th of the
/// other.
void add_pairs(const Measurement& a, const Measurement& b, Tally& tally) {
    std::vector<Seconds> subject = steady(a), baseline = steady(b);
    const std::size_t n = std::min(subject.size(), baseline.size());
    subject.resize(n);
    baseline.resize(n);
    const auto found = compare_medians({.subject = subject, .baseline = baseline});
    if (!found) return;
    ++tally.total;
    if (found->verdict() != Verdict::same) ++tally.right;
}

/// Two measurements whose intervals of the median do not touch.
void add_intervals(const Measurement& a, const Measurement& b, Tally& tally) {
    if (!a.latency || !b.latency || !a.latency->ci95 || !b.latency->ci95) return;
    ++tally.total;
    const Interval<Seconds>&first = *a.latency->ci95, &second = *b.latency->ci95;
    if (first.high < second.low || second.high < first.low) ++tally.right;
}

void print(const char* what, const Tally& tally) {
    if (tally.total == 0) {
        fmt::print("{}: no case could be compared\n", what);
        return;
    }
    const Interval<Probability> interval = wilson_interval(tally);
    fmt::print("{}: {} of {} cases declared different, {:.1f} % [{:.1f}, {:.1f}]\n", what, tally.right, tally.total,
               share(tally).in(percent), interval.low.in(percent), interval.high.in(percent));
}

int run(const std::vector<std::string>& words) {
    const int cases = words.empty() ? 100 : std::atoi(words[0].c_str());
    const Seconds duration(words.size() < 2 ? 1.0 : std::atof(words[1].c_str()));
    if (cases < 1 || !(duration > Seconds(0))) {
        fmt::print(stderr, "usage: bench_same [CASES] [SECONDS]\n");
        return 2;
    }
    const auto engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    const Platform platform = parse_platform("cpu:1");
    const auto runner = engine->load(image_of(build_network("mobilenet-v1-32", 0)), platform, {});
    const Subject subject{.platform = platform, .runner = *runner, .inputs = sample_inputs(runner->inputs(), 1)};
    SteadyClock clock;
    PowerMeter meter{Powers{}};
    Tally in_turns, one_after_the_other;
    for (int i = 0; i < cases; ++i) {
        const MeasureOptions options{.duration = duration};
        const MeasurementSet both = measure({subject, subject}, options, clock, meter);
        add_pairs(both.measurements[0], both.measurements[1], in_turns);
        const MeasurementSet first = measure({subject}, options, clock, meter);
        const MeasurementSet second = measure({subject}, options, clock, meter);
        add_intervals(first.measurements[0], second.measurements[0], one_after_the_other);
    }
    print("in turns, paired comparison (aim: at most 5 %)", in_turns);
    print("one after the other, intervals that do not touch", one_after_the_other);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return breakeven::bench_main("bench_same", run, argc, argv);
}
