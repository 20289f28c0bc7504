// Choice: on which of this machine's engines, with how many threads and which of the engine's settings, a network runs
// fastest. Measured, not assumed: no engine wins everywhere. One that computes something else is never chosen.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engines.h"
#include "breakeven/measure/core_kinds.h"
#include "breakeven/model/model.h"
#include "breakeven/stats/interval.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct ChoiceRequest {
    int threads = 1;                       ///< at most so many; fewer are tried too
    std::int64_t batch = 1;                ///< samples of each run, where the network leaves that open
    Seconds limit{20.0};                   ///< for all of it; what has begun is ended
    std::vector<Platform> platforms = {};  ///< these, as they are, and their settings; empty: all of this machine
};

struct ChoiceTools {
    const Engines& engines;
    Clock& clock;
    /// The network's first contact with a platform, where nothing is lost; it may throw Error. Null: none.
    std::function<void(const Platform&)> meet = {};
    std::function<void(const std::string&)> progress = {};
    const std::atomic<bool>* stop = nullptr;
    CoreKinds cores = {};
};

enum class RaceOutcome {
    chosen,
    tied,  ///< not slower than the chosen one by what was measured; that needs less memory or fewer threads
    slower,
    wrong,    ///< computes something else
    failed,   ///< does not take the network, or is not here
    untried,  ///< the time was over
};
std::string_view name(RaceOutcome outcome);

/// A platform, with settings or as it is, that took part.
struct Contender {
    Platform platform;
    std::string settings;  ///< in words; empty: the engine's own
    RaceOutcome outcome = RaceOutcome::untried;
    std::optional<Seconds> latency{};
    double ratio = 1.0;                      ///< to the chosen one's latency, in turns with it
    std::optional<Interval<double>> ci95{};  ///< of that
    std::optional<Bytes> memory{};           ///< resident, that loading and the first run added
    std::string reason;                      ///< of a wrong or failed one
};

struct EngineChoice {
    Platform platform;
    Seconds latency{0.0};
    std::string why;                    ///< one line: by how much it leads, or what decided a tie
    std::vector<Contender> contenders;  ///< the chosen one first, then by latency, those without one last
    Seconds took{0.0};
    bool settled = true;            ///< false: the time was over before all were told apart
    std::string not_compared = {};  ///< why nothing was compared with the reference; empty where it was
};

/// The tensors that are run: seeded, `batch` samples where the first dimension is open. Throws Error{input} where it is
/// not and another batch is wanted.
std::vector<Tensor> choice_inputs(const Model& model, std::int64_t batch);

/// What `choose` tries for this request: every platform here whose threads suffice. Those that are missing are not
/// named.
std::vector<Platform> contenders_of(const ChoiceRequest& request, const ModelImage& image, const Engines& engines);

/// Throws Error: of the last contender's kind when none runs the network right.
EngineChoice choose(const ChoiceRequest& request, const Model& model, const ModelImage& image,
                    const ChoiceTools& tools);

}  // namespace breakeven
