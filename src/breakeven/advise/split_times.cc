// Split times: see split_times.h.
#include "breakeven/advise/split_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <unordered_map>

#include "breakeven/advise/searched_network.h"
#include "breakeven/advise/split_figures.h"
#include "breakeven/codec/frame.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/part_files.h"
#include "breakeven/measure/measurement.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/plan/split_table.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Named = std::unordered_map<std::string, Tensor>;

/// Parts wait for the link between inferences: run without a pause they would find warmer caches than they will have.
constexpr Seconds waiting{0.01};

double work_of(const Model& model) {
    double work = 0.0;
    for (const Layer& layer : model.layers()) work += static_cast<double>(layer.macs.value_or(0));
    return work;
}

/// The head's share of both parts' work: of their multiply-adds, or of their layers where there are none.
double head_share(const Parts& parts) {
    const double head = work_of(parts.head);
    const double both = head + work_of(parts.tail);
    if (both > 0.0) return head / both;
    const auto layers = static_cast<double>(parts.head.layers().size());
    return layers / (layers + static_cast<double>(parts.tail.layers().size()));
}

/// A candidate with its parts.
struct Trial {
    std::vector<std::string> cut;
    Parts parts;
    Payload payload;
    PartTimes predicted;
    PartTimes coding;
    std::unique_ptr<Runner> head;
    std::unique_ptr<Runner> tail;
};

class Splitter {
   public:
    Splitter(const ModelFile& model, const SplitTimesRequest& request, SplitTools& tools)
        : model_(model), request_(request), tools_(tools) {
        for (const TensorSpec& output : model.model.outputs()) outputs_.insert(output.name);
        const std::vector<Tensor> tensors = sample_inputs(model.model.inputs(), 1);
        for (std::size_t i = 0; i < tensors.size(); ++i) inputs_[model.model.inputs()[i].name] = tensors[i];
    }

    SplitTimes run() {
        whole_ = tools_.engines.load(model_.image, request_.platform, {});
        load_pixels();
        const Seconds whole = quick_time();
        if (request_.cut.empty()) {
            propose(whole);
        } else {
            add_trial(request_.cut, whole);
        }
        if (trials_.empty()) {
            throw Error(ErrorKind::input, fmt::format("split '{}'", model_.image.name),
                        request_.device_memory || request_.server_memory
                            ? "there is no tensor at which it comes apart in two parts that fit the memories"
                            : "there is no tensor at which it comes apart in two");
        }
        return measure_all();
    }

   private:
    void load_pixels() {
        try {
            const Model pixels =
                with_u8_input(model_.model, request_.preprocess ? *request_.preprocess : preprocess_of(model_.model));
            pixels_ = tools_.engines.load(image_of_part(pixels, model_), request_.platform, {});
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;  // else: no picture, no `u8` offload
        }
    }

    MeasurementSet timed(const std::vector<Subject>& subjects, std::size_t runs, const std::string& what) {
        PowerMeter meter{Powers{}};
        MeasureOptions options{.runs = runs, .rest = waiting, .stop = tools_.stop};
        options.progress = [&](const Progress& p) {
            tools_.progress(fmt::format("measuring {}: {:.0f} %", what, 100 * p.fraction));
        };
        MeasurementSet set = measure(subjects, options, tools_.clock, meter);
        for (const Measurement& measurement : set.measurements) {
            if (measurement.failure) throw *measurement.failure;
        }
        if (set.interrupted) {
            throw Error(ErrorKind::unavailable, fmt::format("measure the parts of '{}'", model_.image.name),
                        "it was interrupted");
        }
        return set;
    }

    static Seconds median(const Measurement& measurement) {
        BREAKEVEN_ASSERT(measurement.latency.has_value());
        return measurement.latency->p50;
    }

    Subject subject(Runner& runner, const Named& tensors) const {
        Subject result{.platform = request_.platform, .runner = runner, .inputs = {}};
        for (const TensorSpec& spec : runner.inputs()) result.inputs.push_back(tensors.at(spec.name));
        return result;
    }

    /// For the prediction by which cuts are chosen.
    Seconds quick_time() {
        return median(timed({subject(*whole_, inputs_)}, std::min<std::size_t>(request_.runs, 20), "the network")
                          .measurements.front());
    }

    void propose(Seconds whole) {
        tools_.progress("searching for cuts");
        const SearchedNetwork network = searched_network(model_.model, {.whole = whole,
                                                                        .slowdown = request_.slowdown,
                                                                        .active = request_.power.active,
                                                                        .private_inputs = request_.private_inputs});
        std::set<std::vector<std::string>> seen;
        for (const Way& way : request_.ways) propose(network, way.link, whole, seen);
        const auto total = [&](const Trial& trial) { return best_figure(trial.predicted, trial.payload); };
        std::sort(trials_.begin(), trials_.end(), [&](const Trial& a, const Trial& b) { return total(a) < total(b); });
        while (trials_.size() > keep()) trials_.pop_back();
    }

    void propose(const SearchedNetwork& network, const LinkProfile& link, Seconds whole,
                 std::set<std::vector<std::string>>& seen) {
        SplitQuestion question;
        question.conditions.down = link.down;
        question.conditions.up = link.up;
        question.conditions.round_trip = link.one_way_latency * 2.0;
        question.conditions.device_idle = request_.power.idle.value_or(Watts{});
        question.conditions.up_energy = link.up_energy.value_or(JoulesPerByte{});
        question.conditions.down_energy = link.down_energy.value_or(JoulesPerByte{});
        question.limits = {
            .device_memory = request_.device_memory, .server_memory = request_.server_memory, .use = SplitUse::split};
        const SplitTable table(network.graph, question, SplitRange{});
        for (const SplitTable::Entry& entry : table.entries()) {
            if (entry.sums.device_nodes > 0 && entry.sums.server_nodes > 0) propose(network, entry.cut, whole, seen);
        }
        if (request_.goal == SplitGoal::latency) return;
        // The table holds what is quick somewhere; what is best for another goal is asked for.
        question.goal = request_.goal;
        const SplitResult asked = find_split(network.graph, question);
        if (asked.answer && asked.answer->sums.device_nodes > 0) propose(network, asked.answer->cut, whole, seen);
    }

    void propose(const SearchedNetwork& network, const SplitCut& found, Seconds whole,
                 std::set<std::vector<std::string>>& seen) {
        std::vector<std::string> cut;
        for (const SplitTensorId id : found.up) cut.push_back(network.tensors[index(id)]);
        for (std::size_t i = 0; i < network.makes.size(); ++i) {
            if (found.tiers[i] != Tier::device) continue;
            for (const std::string& made : network.makes[i]) {
                const bool there = std::find(cut.begin(), cut.end(), made) != cut.end();
                if (outputs_.contains(made) && !there) cut.push_back(made);
            }
        }
        if (!seen.insert(cut).second) return;
        try {
            add_trial(cut, whole);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;  // else: what it crosses has no known type
        }
    }

    /// On the way where it does best.
    double best_figure(const PartTimes& times, const Payload& payload) const {
        double best = std::numeric_limits<double>::infinity();
        for (const Way& way : request_.ways) {
            best = std::min(best, goal_figure(figures_over(way, times, payload, request_), request_.goal));
        }
        return best;
    }

    /// How many cuts are measured: all their parts are loaded at once, and together they are the network many times.
    std::size_t keep() const {
        const Bytes once = model_.model.facts().weight_size * 4 + Bytes(std::int64_t{16} << 20);
        const auto fitting = static_cast<std::size_t>(0.5 * (memory_limit() / once));
        return std::clamp<std::size_t>(fitting, 1, request_.candidates_max);
    }

    void add_trial(const std::vector<std::string>& cut, Seconds whole) {
        Trial trial{.cut = cut,
                    .parts = split_at(model_.model, cut),
                    .payload = {},
                    .predicted = {},
                    .coding = {},
                    .head = {},
                    .tail = {}};
        check_memory("head", trial.parts.head, request_.device_memory);
        check_memory("tail", trial.parts.tail, request_.server_memory);
        for (const TensorSpec& spec : trial.parts.crossing) {
            if (std::ranges::find(request_.private_inputs, spec.name) == request_.private_inputs.end()) continue;
            throw Error(ErrorKind::input, fmt::format("split '{}'", model_.image.name),
                        fmt::format("'{}' is private, and this cut sends it", spec.name));
        }
        for (const TensorSpec& spec : trial.parts.crossing) trial.payload.up += known_size(spec.name);
        for (const TensorSpec& spec : trial.parts.tail.outputs()) trial.payload.down += known_size(spec.name);
        const double head = head_share(trial.parts);
        trial.predicted = {.head = whole * head, .tail = whole * (1.0 - head)};
        trials_.push_back(std::move(trial));
    }

    void check_memory(const char* what, const Model& part, const std::optional<Bytes>& memory) const {
        const Bytes weights = part.facts().weight_size;
        if (!memory || weights <= *memory) return;
        throw Error(
            ErrorKind::input, fmt::format("split '{}'", model_.image.name),
            fmt::format("the {} does not fit: {} of weights, {} of memory", what, to_text(weights), to_text(*memory)));
    }

    const Platform& tail_platform() const {
        return request_.tail_platform ? *request_.tail_platform : request_.platform;
    }

    Bytes known_size(const std::string& name) const {
        const auto size = size_of_tensor(model_.model, name);
        if (!size) {
            throw Error(ErrorKind::unsupported, fmt::format("split '{}'", model_.image.name),
                        fmt::format("how large '{}' is cannot be inferred", name));
        }
        return *size;
    }

    /// Loads both parts, and runs the head once for what the tail takes: made-up shapes and indices would mean nothing.
    Named load(Trial& trial) {
        trial.head = tools_.engines.load(image_of_part(trial.parts.head, model_), request_.platform, {});
        trial.tail = tools_.engines.load(image_of_part(trial.parts.tail, model_), tail_platform(), {});
        Named tensors = inputs_;
        RunResult result = trial.head->run(subject(*trial.head, inputs_).inputs);
        for (std::size_t i = 0; i < result.outputs.size(); ++i) {
            tensors[trial.head->outputs()[i].name] = std::move(result.outputs[i]);
        }
        return tensors;
    }

    /// What crosses, as frames: their bytes, and the median time of making and reading them.
    void code(Trial& trial, const Named& tensors) {
        constexpr std::size_t times = 5;
        trial.payload.up = Bytes();
        std::vector<Seconds> encoding(times, Seconds(0));
        std::vector<Seconds> decoding(times, Seconds(0));
        for (const TensorSpec& spec : trial.parts.crossing) {
            const Tensor& tensor = tensors.at(spec.name);
            for (std::size_t i = 0; i < times; ++i) {
                const Seconds begin = tools_.clock.now();
                const Tensor frame = encode_frame(tensor, *request_.codec);
                const Seconds middle = tools_.clock.now();
                (void)decode_frame(frame.bytes(), tensor.size());
                encoding[i] += middle - begin;
                decoding[i] += tools_.clock.now() - middle;
                if (i == 0) trial.payload.up += frame.size();
            }
        }
        std::ranges::sort(encoding);
        std::ranges::sort(decoding);
        trial.coding = {.head = encoding[times / 2], .tail = decoding[times / 2]};
    }

    Unsplit offload(const std::string& kind, const Runner& runner, Seconds time) const {
        Unsplit result{.kind = kind, .payload = {}, .measured = {}};
        for (const TensorSpec& spec : runner.inputs()) {
            result.payload.up += size_of(with_batch(spec, 1)).value_or(Bytes());
        }
        for (const std::string& name : outputs_) result.payload.down += known_size(name);
        result.measured.tail = time;
        return result;
    }

    SplitTimes measure_all() {
        std::vector<Subject> subjects{subject(*whole_, inputs_)};
        if (pixels_) {
            const std::vector<Tensor> pixels = sample_inputs(pixels_->inputs(), 1);
            subjects.push_back({.platform = request_.platform, .runner = *pixels_, .inputs = pixels});
        }
        const std::size_t first = subjects.size();
        for (std::size_t i = 0; i < trials_.size(); ++i) {
            tools_.progress(fmt::format("loading the parts of cut {} of {}", i + 1, trials_.size()));
            const Named tensors = load(trials_[i]);
            if (request_.codec) code(trials_[i], tensors);
            subjects.push_back(subject(*trials_[i].head, inputs_));
            subjects.push_back(subject(*trials_[i].tail, tensors));
        }
        const MeasurementSet set = timed(subjects, request_.runs, fmt::format("{} cuts", trials_.size()));

        SplitTimes result;
        const auto drifting = std::count_if(set.measurements.begin(), set.measurements.end(), [](const Measurement& m) {
            return m.warmup.steadiness == Steadiness::drifting;
        });
        if (drifting > 0) {
            result.warnings.push_back(fmt::format("{} of {} parts found no steady state in {} runs; give more --runs",
                                                  drifting, set.measurements.size(), request_.runs));
        }
        add_unsplit(median(set.measurements.front()), pixels_ ? median(set.measurements[1]) : Seconds(0), result);
        for (std::size_t i = 0; i < trials_.size(); ++i) {
            const Trial& trial = trials_[i];
            result.cuts.push_back(
                {.cut = trial.cut,
                 .payload = trial.payload,
                 .predicted = trial.predicted,
                 .measured = {.head = median(set.measurements[first + 2 * i]) + trial.coding.head,
                              .tail = median(set.measurements[first + 2 * i + 1]) + trial.coding.tail},
                 .tail_size = trial.parts.tail.facts().weight_size,
                 .coding = trial.coding});
        }
        std::stable_sort(result.cuts.begin(), result.cuts.end(), [&](const CutTimes& a, const CutTimes& b) {
            return best_figure(a.measured, a.payload) < best_figure(b.measured, b.payload);
        });
        return result;
    }

    void add_unsplit(Seconds whole, Seconds pixels, SplitTimes& result) {
        const Bytes weights = model_.model.facts().weight_size;
        const bool may_leave = request_.private_inputs.empty();
        if (request_.device_memory && weights > *request_.device_memory) {
            result.warnings.push_back(fmt::format("all on the device does not fit: {} of weights, {} of memory",
                                                  to_text(weights), to_text(*request_.device_memory)));
        } else {
            result.unsplit.push_back({.kind = "local", .payload = {}, .measured = {.head = whole}});
        }
        if (request_.server_memory && weights > *request_.server_memory) {
            result.warnings.push_back(fmt::format("all on the server does not fit: {} of weights, {} of memory",
                                                  to_text(weights), to_text(*request_.server_memory)));
            return;
        }
        if (!may_leave) {
            result.warnings.push_back("offloading all of it would send a private input: left out");
            return;
        }
        result.unsplit.push_back(offload("offload raw", *whole_, whole));
        if (pixels_) result.unsplit.push_back(offload("offload u8", *pixels_, pixels));
    }

    const ModelFile& model_;
    const SplitTimesRequest& request_;
    SplitTools& tools_;
    std::set<std::string> outputs_;
    Named inputs_;
    std::unique_ptr<Runner> whole_;
    std::unique_ptr<Runner> pixels_;
    std::vector<Trial> trials_;
};

void check(const ModelFile& model, const SplitTimesRequest& request) {
    const auto wrong = [&](const std::string& reason) {
        return Error(ErrorKind::usage, fmt::format("split '{}'", model.image.name), reason);
    };
    for (const std::string& name : request.private_inputs) {
        const auto& inputs = model.model.inputs();
        if (std::ranges::find(inputs, name, &TensorSpec::name) == inputs.end()) {
            throw wrong(fmt::format("it has no input '{}' that could be private", name));
        }
    }
    if (request.goal != SplitGoal::energy && request.goal != SplitGoal::energy_delay) return;
    if (!request.power.active || !request.power.idle) {
        throw wrong("the device's energy needs its powers: --active-power and --idle-power, or --device");
    }
    for (const Way& way : request.ways) {
        if (!way.link.up_energy || !way.link.down_energy) {
            throw wrong(fmt::format("link '{}' has no energy figures", way.link.name));
        }
    }
}

}  // namespace

SplitTimes measure_splits(const ModelFile& model, const SplitTimesRequest& request, SplitTools& tools) {
    check(model, request);
    return Splitter(model, request, tools).run();
}

}  // namespace breakeven
