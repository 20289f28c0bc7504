// Accuracy: see accuracy.h.
#include "breakeven/measure/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// What one network made of one sample.
struct Guess {
    std::size_t first = 0;
    bool right = false;
    bool among_top = false;
    std::int64_t from_label = 0;  ///< the first class less the label's
};

const TensorSpec& only_input(const Runner& runner) {
    if (runner.inputs().size() != 1) {
        throw Error(ErrorKind::input, "evaluate",
                    fmt::format("the network has {} inputs, and a sample is one", runner.inputs().size()));
    }
    return runner.inputs().front();
}

bool better(const std::vector<double>& scores, std::size_t a, std::size_t b) {
    const bool a_known = !std::isnan(scores[a]), b_known = !std::isnan(scores[b]);
    if (a_known != b_known) return a_known;
    if (a_known && scores[a] != scores[b]) return scores[a] > scores[b];
    return a < b;
}

Guess guess(const AccuracyTask& task, std::size_t index, Runner& runner) {
    const std::array inputs{task.input(index, only_input(runner))};
    const RunResult result = runner.run(inputs);
    if (result.outputs.empty() || result.outputs.front().elements() == 0) {
        throw Error(ErrorKind::input, "evaluate", "the network has no output to take classes from");
    }
    const Tensor& scores = result.outputs.front();
    Guess made{.first = best_classes(scores, 1).front().index};
    if (!task.labels[index]) return made;
    const std::int64_t wanted = *task.labels[index] + task.label_offset;
    if (wanted < 0 || wanted >= scores.elements()) {
        throw Error(ErrorKind::input, fmt::format("evaluate sample {}", index + 1),
                    fmt::format("label {} with label_offset {} is none of the network's {} outputs",
                                *task.labels[index], task.label_offset, scores.elements()));
    }
    const std::vector<double> values = to_doubles(scores);
    const auto label = static_cast<std::size_t>(wanted);
    std::int64_t ahead = 0;
    for (std::size_t i = 0; i < values.size(); ++i) ahead += i != label && better(values, i, label) ? 1 : 0;
    made.right = ahead == 0;
    made.among_top = ahead < task.top;
    made.from_label = static_cast<std::int64_t>(made.first) - wanted;
    return made;
}

void count(Accuracy& accuracy, const Guess& guess, bool labelled) {
    ++accuracy.n;
    if (!labelled) return;
    const auto add = [](std::optional<Tally>& tally, bool right) {
        if (!tally) tally = Tally{};
        tally->right += right ? 1 : 0;
        ++tally->total;
    };
    add(accuracy.top1, guess.right);
    add(accuracy.top_k, guess.among_top);
    accuracy.one_before += guess.from_label == -1 ? 1 : 0;
    accuracy.one_after += guess.from_label == 1 ? 1 : 0;
}

void count(Comparison& comparison, const Guess& first, const Guess& second, bool labelled) {
    count(comparison.second, second, labelled);
    comparison.agreement.right += first.first == second.first ? 1 : 0;
    ++comparison.agreement.total;
    if (!labelled) return;
    if (!comparison.disagreement) comparison.disagreement = Disagreement{};
    comparison.disagreement->only_first_right += first.right && !second.right ? 1 : 0;
    comparison.disagreement->only_second_right += second.right && !first.right ? 1 : 0;
    ++comparison.disagreement->total;
}

}  // namespace

Evaluation evaluate(const AccuracyTask& task, Runner& first, Runner* second, const AccuracyProgress& progress) {
    BREAKEVEN_ASSERT(task.top > 0);
    Evaluation evaluation;
    evaluation.accuracy.top = task.top;
    if (second != nullptr) evaluation.comparison.emplace().second.top = task.top;
    for (std::size_t i = 0; i < task.labels.size(); ++i) {
        const bool labelled = task.labels[i].has_value();
        const Guess one = guess(task, i, first);
        count(evaluation.accuracy, one, labelled);
        if (second != nullptr) count(*evaluation.comparison, one, guess(task, i, *second), labelled);
        if (progress && progress(i + 1, evaluation) == Onwards::stop) break;
    }
    return evaluation;
}

std::optional<std::string> doubt_of_labels(const Accuracy& accuracy, std::int64_t label_offset) {
    if (!accuracy.top1) return std::nullopt;
    const std::int64_t step = accuracy.one_after > accuracy.one_before ? 1 : -1;
    const Tally shifted{std::max(accuracy.one_after, accuracy.one_before), accuracy.top1->total};
    if (wilson_interval(shifted).low <= wilson_interval(*accuracy.top1).high) return std::nullopt;
    return fmt::format(
        "{:.0f} % of the labels are right, but {:.0f} % would be with label_offset {} instead of {}: set it in "
        "preprocess.json",
        share(*accuracy.top1).in(percent), share(shifted).in(percent), label_offset + step, label_offset);
}

std::vector<ClassScore> best_classes(const Tensor& scores, std::size_t count) {
    const std::vector<double> values = to_doubles(scores);
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), 0U);
    const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(count, order.size()));
    std::partial_sort(order.begin(), end, order.end(),
                      [&](std::size_t a, std::size_t b) { return better(values, a, b); });
    std::vector<ClassScore> best;
    for (auto i = order.begin(); i != end; ++i) best.push_back({.index = *i, .score = values[*i]});
    return best;
}

bool are_probabilities(const Tensor& scores) {
    // float16 and quantized networks round each of a thousand classes by up to 1/512; logits are nowhere near.
    constexpr double tolerance = 0.02;
    double sum = 0.0;
    for (const double value : to_doubles(scores)) {
        if (!(value >= 0.0)) return false;
        sum += value;
    }
    return std::abs(sum - 1.0) <= tolerance;
}

Tensor softmax(const Tensor& scores) {
    std::vector<double> values = to_doubles(scores);
    double highest = -std::numeric_limits<double>::infinity();
    for (const double value : values) highest = std::max(highest, value);
    double sum = 0.0;
    for (double& value : values) sum += value = std::exp(value - highest);  // the highest is 1: no overflow
    for (double& value : values) value /= sum;
    return Tensor::of<double>(DType::float64, scores.shape(), values);
}

}  // namespace breakeven
