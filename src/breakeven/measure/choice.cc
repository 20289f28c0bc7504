// Choice: see choice.h.
#include "breakeven/measure/choice.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/measure/agreement.h"
#include "breakeven/measure/knobs.h"
#include "breakeven/measure/memory_use.h"
#include "breakeven/measure/race.h"
#include "breakeven/measure/settle.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// Who is as close as this is tied: the less memory decides. A network's latency differs by as much from day to day.
constexpr double tie = 0.015;
/// Engines further behind than this are not caught up by settings, which were seen to give 10 % at most.
constexpr double settings_reach = 1.15;
/// Of the time: for telling platforms apart, before settings are tried.
constexpr double platforms_share = 0.55;
/// Less memory than this is no reason: from one loading to the next it was seen to differ by as much.
constexpr double memory_matters = 0.10;
/// A setting must give more than an engine must, or it is not worth to be set: of speed, and of memory.
constexpr double settings_tie = 0.03;
constexpr double settings_memory = 0.25;
constexpr Bytes memory_least{std::int64_t{1} << 20};

constexpr std::array<std::pair<RaceOutcome, std::string_view>, 6> outcomes{{{RaceOutcome::chosen, "chosen"},
                                                                            {RaceOutcome::tied, "tied"},
                                                                            {RaceOutcome::slower, "slower"},
                                                                            {RaceOutcome::wrong, "wrong"},
                                                                            {RaceOutcome::failed, "failed"},
                                                                            {RaceOutcome::untried, "untried"}}};

/// A contender that is loaded, or why it is not.
struct Entry {
    Contender contender;
    std::unique_ptr<Runner> runner;
    std::vector<Knob> knobs{};  ///< of its settings
};

class Choosing final {
   public:
    Choosing(const ChoiceRequest& request, const Model& model, const ModelImage& image, const ChoiceTools& tools)
        : request_(request),
          model_(model),
          image_(image),
          tools_(tools),
          inputs_(choice_inputs(model, request.batch)),
          check_(tools.engines, model, image, samples(request, inputs_)),
          began_(tools.clock.now()) {}

    EngineChoice choose() {
        for (const Platform& platform : contenders_of(request_, image_, tools_.engines)) enter(platform, {});
        const auto entered = entries_.size();
        run_race(all_loaded(), request_.limit * platforms_share - elapsed(), "platforms");
        if (winner_ == nullptr) give_up();
        if (!is_over()) try_settings();
        if (!is_over()) run_final(entered);
        return conclude();
    }

   private:
    using Field = std::vector<Entry*>;

    /// Of one sample, several; of a batch, the one that is run.
    static EngineSamples samples(const ChoiceRequest& request, const std::vector<Tensor>& inputs) {
        if (request.batch == 1) return {};
        return {.inputs = {inputs}, .labelled = {}};
    }

    Seconds elapsed() const { return tools_.clock.now() - began_; }
    bool stopped() const { return tools_.stop != nullptr && tools_.stop->load(std::memory_order_relaxed); }
    bool is_over() const { return stopped() || elapsed() >= request_.limit; }
    void tell(const std::string& line) const {
        if (tools_.progress) tools_.progress(line);
    }

    /// Loads it, unless the time is over; a platform must then be the reference's equal.
    Entry& enter(const Platform& platform, std::vector<Knob> knobs) {
        entries_.push_back(
            std::make_unique<Entry>(Entry{.contender = {.platform = platform, .settings = {}, .reason = {}},
                                          .runner = {},
                                          .knobs = std::move(knobs)}));
        Entry& entry = *entries_.back();
        for (const Knob& knob : entry.knobs) {
            entry.contender.settings += (entry.contender.settings.empty() ? "" : ", ") + knob.words;
        }
        if (is_over() && entries_.size() > 1) return entry;
        try {
            load(entry);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;
            refuse(entry, RaceOutcome::failed, error.what());
            last_kind_ = error.kind();
        }
        return entry;
    }

    void load(Entry& entry) {
        const Platform& platform = entry.contender.platform;
        if (const auto left = available_memory(); left && *left < biggest_ * 2) {
            entry.contender.reason = fmt::format("it takes {}, {} are free", to_text(biggest_), to_text(*left));
            return;
        }
        tell("loading on " + to_text(platform));
        if (tools_.meet) tools_.meet(platform);
        // An engine's first network makes what all of its networks share; that is not the network's.
        if (engines_seen_.insert(platform.engine + ":" + platform.unit).second) {
            (void)tools_.engines.load(image_, platform, {})->run(inputs_);
        }
        malloc_trim(0);  // what others left must not be taken for free
        const Bytes before = resident_memory();
        entry.runner = tools_.engines.load(image_, platform, {});
        (void)entry.runner->run(inputs_);
        const Bytes after = resident_memory();
        if (after > Bytes()) entry.contender.memory = std::max(after - before, Bytes());
        biggest_ = std::max(biggest_, entry.contender.memory.value_or(Bytes()));
        if (entry.knobs.empty()) verify(entry);
    }

    void verify(Entry& entry) {
        tell(fmt::format("comparing {} with the reference", to_text(entry.contender.platform)));
        const EngineVerdict& verdict = check_.verdict(entry.contender.platform, *entry.runner);
        if (!verdict.problem.empty()) refuse(entry, RaceOutcome::wrong, verdict.problem);
        not_compared_ = verdict.not_compared;
    }

    void refuse(Entry& entry, RaceOutcome outcome, std::string reason) {
        entry.runner.reset();
        entry.contender.outcome = outcome;
        entry.contender.reason = std::move(reason);
    }

    Field all_loaded() const {
        Field field;
        for (const auto& entry : entries_) {
            if (entry->runner) field.push_back(entry.get());
        }
        return field;
    }

    /// Those of `field` against each other; the winner becomes `winner_`.
    void run_race(const Field& field, Seconds time, const std::string& of_what) {
        if (field.empty()) return;
        std::vector<Racer> racers;
        for (const Entry* entry : field) racers.push_back({*entry->runner, inputs_});
        RaceLimits limits{.time = std::max(time, Seconds(0)), .tie = tie, .progress = {}, .stop = tools_.stop};
        const auto spins = [](const Entry* entry) { return leaves_threads(entry->contender.platform); };
        if (racers.size() > 1 && std::ranges::any_of(field, spins)) limits.rest = spinning_ends;
        limits.progress = [&](double share) {
            tell(fmt::format("racing {} {}: {:.0f} % of the time", field.size(), of_what, 100.0 * share));
        };
        const RaceResult result = race(racers, limits, tools_.clock);
        settled_ = settled_ && result.settled;
        for (std::size_t i = 0; i < field.size(); ++i) {
            const Standing& standing = result.standings[i];
            Contender& contender = field[i]->contender;
            if (standing.failure) {
                last_kind_ = standing.failure->kind();
                refuse(*field[i], RaceOutcome::failed, standing.failure->what());
                continue;
            }
            if (standing.rounds == 0) continue;
            contender.latency = standing.latency;
            contender.ratio = standing.ratio;
            contender.ci95 = standing.ci95;
            contender.outcome = standing.finish == Finish::slower ? RaceOutcome::slower : RaceOutcome::tied;
        }
        if (!result.winner) return;
        const Entry* before = winner_;
        fastest_ = field[*result.winner];
        winner_ = thriftiest(field);
        relate_to_winner(field);
        // Those of earlier races ran against the winner of then.
        for (const auto& entry : entries_) {
            const bool ran = std::ranges::find(field, entry.get()) != field.end();
            if (!ran && before != nullptr) entry->contender.ratio *= before->contender.ratio;
        }
    }

    /// Of those that are as fast as the fastest: the least memory, then the fewest threads, then the fewest settings.
    Entry* thriftiest(const Field& field) const {
        Entry* best = fastest_;
        for (Entry* entry : field) {
            const Contender& contender = entry->contender;
            if (entry == fastest_ || !entry->runner || contender.outcome != RaceOutcome::tied) continue;
            const bool is_simpler = is_same(*entry, *fastest_) && entry->knobs.size() < fastest_->knobs.size();
            if (contender.ratio > 1.0 + (is_simpler ? settings_tie : tie)) continue;
            if (is_thriftier(*entry, *best)) best = entry;
        }
        return best;
    }

    /// But for their settings.
    static bool is_same(const Entry& one, const Entry& other) {
        return bare(one.contender.platform) == bare(other.contender.platform);
    }

    static bool is_thriftier(const Entry& one, const Entry& other) {
        const double matters = is_same(one, other) ? settings_memory : memory_matters;
        if (one.contender.memory && other.contender.memory) {
            const Bytes a = *one.contender.memory;
            const Bytes b = *other.contender.memory;
            const Bytes least = std::min(a, b);
            const Bytes apart = std::max(a, b) - least;
            if (apart > memory_least &&
                static_cast<double>(apart.count()) > matters * static_cast<double>(least.count())) {
                return a < b;
            }
        }
        const Platform& a = one.contender.platform;
        const Platform& b = other.contender.platform;
        if (a.unit == "cpu" && b.unit == "cpu" && a.number != b.number) return a.number < b.number;
        return one.knobs.size() < other.knobs.size();
    }

    /// Ratios were to the fastest; people compare with the chosen one.
    void relate_to_winner(const Field& field) const {
        const double own = winner_->contender.ratio;
        for (Entry* entry : field) {
            if (!entry->contender.latency) continue;
            entry->contender.ratio /= own;
            if (entry->contender.ci95 && winner_ != fastest_) entry->contender.ci95.reset();
        }
        winner_->contender.ratio = 1.0;
        winner_->contender.ci95.reset();
    }

    /// Each setting alone, of the winner and of the engines close behind it. Those alone that were chosen as they are
    /// run again beside them: only turns taken together are compared.
    void try_settings() {
        Field field;
        std::vector<Entry*> bases;
        for (Entry* entry : all_loaded()) {
            if (entry->contender.ratio <= settings_reach && entry->contender.latency) bases.push_back(entry);
        }
        const auto by_ratio = [](const Entry* a, const Entry* b) { return a->contender.ratio < b->contender.ratio; };
        std::ranges::stable_sort(bases, by_ratio);
        drop_all_but(bases);
        for (Entry* base : bases) field.push_back(base);
        for (Entry* base : bases) {
            for (const Knob& knob : knobs_of(base->contender.platform, shape(), tools_.cores)) {
                if (is_over()) break;
                Entry& entry = enter(with(base->contender.platform, knob), {knob});
                if (entry.runner) field.push_back(&entry);
            }
        }
        if (field.size() > bases.size()) run_race(field, request_.limit * settings_until - elapsed(), "settings");
    }

    /// The platform as it is against what its settings made of it, once more, for the best of many was lucky too; and
    /// against two settings together where two helped.
    void run_final(std::size_t entered) {
        Entry* first = winner_;
        if (first->knobs.empty()) return;
        Field field{first};
        Entry* second = nullptr;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            Entry* entry = entries_[i].get();
            if (entry == first || !entry->runner || !is_same(*entry, *first)) continue;
            if (entry->knobs.empty()) field.push_back(entry);
            const bool helped = i >= entered && entry->contender.outcome == RaceOutcome::tied;
            if (!helped) continue;
            if (second == nullptr || entry->contender.ratio < second->contender.ratio) second = entry;
        }
        if (second != nullptr) {
            std::vector<Knob> both{first->knobs.front(), second->knobs.front()};
            Entry& together = enter(with(first->contender.platform, both.back()), both);
            if (together.runner) field.push_back(&together);
        }
        if (field.size() > 1) run_race(field, request_.limit - elapsed(), "settings");
    }

    /// Their memory and threads are for those that can still win.
    void drop_all_but(const std::vector<Entry*>& kept) {
        for (const auto& entry : entries_) {
            if (std::ranges::find(kept, entry.get()) == kept.end()) entry->runner.reset();
        }
    }

    GraphShape shape() const {
        if (model_.format() == ModelFormat::tflite) return GraphShape::branching;  // its graph is not read
        const std::vector<Cut> cuts = model_.cuts();
        const bool forks = std::ranges::any_of(cuts, [](const Cut& cut) { return cut.tensors.size() > 1; });
        return forks ? GraphShape::branching : GraphShape::chain;
    }

    [[noreturn]] void give_up() const {
        std::string reason = "no platform of this machine takes it";
        for (const auto& entry : entries_) {
            if (!entry->contender.reason.empty()) reason = entry->contender.reason;
        }
        if (stopped()) reason = "it was interrupted";
        throw Error(last_kind_, fmt::format("choose where to run model '{}'", model_.name()), reason);
    }

    /// Settings were not compared with the reference while they were many: the winner's are now.
    void verify_winner() {
        while (!winner_->knobs.empty()) {
            verify(*winner_);
            if (winner_->runner) return;
            Entry* next = nullptr;
            for (const auto& entry : entries_) {
                if (!entry->runner || !entry->contender.latency) continue;
                if (next == nullptr || entry->contender.ratio < next->contender.ratio) next = entry.get();
            }
            if (next == nullptr) give_up();
            fastest_ = winner_ = next;
        }
    }

    EngineChoice conclude() {
        verify_winner();
        EngineChoice choice;
        choice.platform = winner_->contender.platform;
        choice.latency = *winner_->contender.latency;
        winner_->contender.outcome = RaceOutcome::chosen;
        for (const auto& entry : entries_) {
            Contender contender = entry->contender;
            if (contender.latency && entry.get() != winner_) {
                // Against the chosen one, also where they never raced each other in the end.
                if (contender.outcome == RaceOutcome::tied && contender.ratio > 1.0 + 2.0 * tie) {
                    contender.outcome = RaceOutcome::slower;
                }
            }
            choice.contenders.push_back(std::move(contender));
        }
        const auto key = [](const Contender& c) {
            return std::pair(c.outcome == RaceOutcome::chosen ? 0 : (c.latency ? 1 : 2),
                             c.latency.value_or(Seconds(0)));
        };
        std::ranges::stable_sort(choice.contenders, [&](const auto& a, const auto& b) { return key(a) < key(b); });
        choice.why = why(choice);
        choice.settled = settled_ && !stopped();
        choice.took = elapsed();
        choice.not_compared = not_compared_;
        return choice;
    }

    /// "openvino:cpu:2: 3.10 ms; next best cpu:2 4.00 ms, 29 % slower"
    std::string why(const EngineChoice& choice) const {
        const Contender& chosen = choice.contenders.front();
        std::string line = to_text(bare(chosen.platform));
        if (!chosen.settings.empty()) line += fmt::format(", {}", chosen.settings);
        line += fmt::format(": {}", to_text(choice.latency));
        const auto next = std::ranges::find_if(choice.contenders, [&](const Contender& other) {
            return other.latency && bare(other.platform) != bare(chosen.platform);
        });
        if (next == choice.contenders.end()) {
            const auto untried = std::ranges::count(choice.contenders, RaceOutcome::untried, &Contender::outcome);
            if (untried == 0) return line + "; nothing else here runs it right";
            return line + fmt::format("; the time was over before {} others were tried", untried);
        }
        const std::string who = to_text(bare(next->platform)) + (next->settings.empty() ? "" : ", " + next->settings);
        if (next->outcome == RaceOutcome::slower) {
            return line + fmt::format("; next best {} {}, {:.0f} % slower", who, to_text(*next->latency),
                                      100.0 * (next->ratio - 1.0));
        }
        if (chosen.memory && next->memory && *chosen.memory < *next->memory) {
            return line + fmt::format("; tied with {}, which needs {} more memory", who,
                                      to_text(*next->memory - *chosen.memory));
        }
        return line + fmt::format("; tied with {}", who);
    }

    static Platform bare(Platform platform) {
        platform.options.clear();
        return platform;
    }

    /// The last of the time is for the final.
    static constexpr double settings_until = 0.85;

    const ChoiceRequest& request_;
    const Model& model_;
    const ModelImage& image_;
    const ChoiceTools& tools_;
    std::vector<Tensor> inputs_;
    EngineCheck check_;
    Seconds began_;
    std::vector<std::unique_ptr<Entry>> entries_;
    std::set<std::string> engines_seen_;
    Bytes biggest_;  ///< of the contenders
    Entry* fastest_ = nullptr;
    Entry* winner_ = nullptr;
    bool settled_ = true;
    std::string not_compared_;  ///< of all alike: there is one reference
    ErrorKind last_kind_ = ErrorKind::unsupported;
};

}  // namespace

std::string_view name(RaceOutcome outcome) {
    for (const auto& [value, word] : outcomes) {
        if (value == outcome) return word;
    }
    BREAKEVEN_ASSERT(false);
    return {};
}

EngineChoice choose(const ChoiceRequest& request, const Model& model, const ModelImage& image,
                    const ChoiceTools& tools) {
    return Choosing(request, model, image, tools).choose();
}

}  // namespace breakeven
