// Where served networks run: see seats.h.
#include "cli/seats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/inputs.h"
#include "cli/tune.h"

namespace breakeven::cli {
namespace {

bool is_reference_engine(const Platform& platform) {
    return platform.engine == "onnxruntime" && platform.unit == "cpu";
}

/// What is missing for all networks alike is told before any is looked at.
void check_is_here(const Engines& engines, const Platform& platform) {
    std::string reason;
    for (const PlatformStatus& status : engines.of(platform).platforms()) {
        if (status.platform.unit != platform.unit) continue;
        if (status.available) return;
        reason = status.reason;
    }
    if (!reason.empty()) throw Error(ErrorKind::unsupported, "serve on " + to_text(platform), reason);
}

}  // namespace

Seats::Seats(const Shell& shell, const Engines& engines, const std::string& asked)
    : shell_(shell),
      engines_(engines),
      asked_(asked),
      otherwise_(is_auto(asked) ? Platform{.engine = "onnxruntime", .unit = "cpu", .number = threads_of(asked)}
                                : parse_platform(asked)) {
    // The processor is for whichever engine reads a file; one may be missing.
    if (!is_reference_engine(otherwise_)) check_is_here(engines_, otherwise_);
}

Seats::Place Seats::place(const ModelImage& image) const {
    // Nothing is measured here, where others wait: `auto` is what `breakeven tune` found before.
    std::optional<Platform> kept;
    if (is_auto(asked_)) kept = tuned_before(engines_, image, asked_);
    if (kept && !is_reference_engine(*kept)) return {.platform = *kept, .tuned = true};
    // ONNX Runtime's threads and their settings are those of the pool that all networks share.
    if (kept) return {.platform = otherwise_, .tuned = true};
    // `cpu:N` is the CPU of whatever engine reads the file; another platform is that one alone.
    if (!is_reference_engine(otherwise_)) return {.platform = otherwise_};
    return {.platform = Engines::cpu_for(image, otherwise_.number)};
}

void Seats::meet(const std::filesystem::path& file, const ModelImage& image) {
    met_ = place(image);
    met_sha256_ = image.sha256;
    first_contact(shell_, engines_.version(met_.platform)).with(file, image, met_.platform);
}

Seat Seats::of(const ModelImage& image) {
    const Platform platform = place_met(image).platform;
    return {engines_.of(platform), platform};
}

void Seats::approve(const ModelImage& image, const Platform& platform, const ServedModel& loaded) {
    Seated seated{.name = loaded.name,
                  .version = loaded.version,
                  .platform = platform,
                  .tuned = place_met(image).tuned,
                  .agreement = {},
                  .not_compared = {}};
    if (!is_reference_engine(platform)) {
        EngineVerdict verdict;
        try {
            const Model model = model_of(image);
            verdict = EngineCheck(engines_, model, image).verdict(platform, *loaded.runner);
        } catch (const Error& error) {  // a sample that one of them does not take
            verdict.not_compared = error.what();
        }
        if (!verdict.problem.empty()) {
            throw Error(ErrorKind::input, fmt::format("serve '{}' on {}", loaded.name, to_text(platform)),
                        verdict.problem + "; serve it on cpu:N");
        }
        seated.agreement = verdict.agreement;
        seated.not_compared = verdict.not_compared;
    }
    if (!tells_) {
        seated_.push_back(std::move(seated));
    } else if (const std::string text = text_of(seated); !text.empty()) {
        shell_.note("breakeven: " + text);
    }
}

std::string Seats::text_of(const Seated& seated) const {
    std::string text = fmt::format("'{}' runs on {}", seated.name, to_text(seated.platform));
    if (seated.tuned) text += is_reference_engine(seated.platform) ? ", the engine as tuned" : ", as tuned";
    if (is_auto(asked_) && !seated.tuned) text += ": nothing is kept for it; `breakeven tune` finds its best";
    if (seated.agreement) return text + fmt::format("; {:.2g} % off the reference", 100.0 * seated.agreement->error);
    if (!seated.not_compared.empty()) return text + "; not compared: " + seated.not_compared;
    return is_auto(asked_) ? text : "";
}

Json Seats::document() const {
    Json networks = Json::array();
    for (const Seated& each : seated_) {
        Json agreement = nullptr;
        if (each.agreement) {
            agreement = {{"difference", each.agreement->error}, {"tolerance", each.agreement->tolerance}};
        }
        networks.push_back({{"name", each.name},
                            {"version", each.version},
                            {"platform", to_text(each.platform)},
                            {"tuned", each.tuned},
                            {"agreement", agreement},
                            {"not_compared", each.not_compared.empty() ? Json(nullptr) : Json(each.not_compared)}});
    }
    return networks;
}

}  // namespace breakeven::cli
