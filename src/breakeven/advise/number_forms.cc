// Number forms: see number_forms.h.
#include "breakeven/advise/number_forms.h"

#include <fmt/format.h>

#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// What a measurement on a quiet machine does not tell apart.
constexpr double tie = 1.03;

EngineVerdict verdict_on(const Model& model, const Platform& platform, const CompressionTools& tools) {
    const ModelImage image = image_of(model);
    EngineCheck check(tools.engines, model, image);
    return check.verdict(platform, *tools.engines.load(image, platform, {}));
}

}  // namespace

std::vector<NumberForm> number_forms() {
    return {{.name = "u8s8"},
            {.name = "s8s8", .activations = ActivationForm::signed_8},
            {.name = "u8s7", .weight_bits = WeightBits::seven},
            {.name = "u8s8-tensor", .weight_scales = WeightScales::per_tensor}};
}

double FormTried::speedup() const {
    return result.before.latency && result.after.latency ? result.before.latency->p50 / result.after.latency->p50 : 0.0;
}

FormsTried try_number_forms(const ModelFile& model, const CompressionRequest& request, CompressionTools& tools) {
    const std::string attempt = fmt::format("try forms of 8 bits for '{}'", model.image.name);
    if (request.recipe.find('Q') == std::string::npos) {
        throw Error(ErrorKind::usage, attempt, "the recipe has no Q, which makes integers");
    }
    FormsTried tried;
    std::optional<std::size_t> best;
    for (const NumberForm& form : number_forms()) {
        CompressionRequest asked = request;
        asked.options.quantize.activations = form.activations;
        asked.options.quantize.weight_scales = form.weight_scales;
        asked.options.quantize.weight_bits = form.weight_bits;
        if (!asked.options.drop_points_max) asked.options.sensitivity = SensitivityStudy::left_out;
        CompressionTools named = tools;
        named.progress = [&](const std::string& line) { tools.progress(form.name + ": " + line); };
        CompressionResult result = compress_model(model, asked, named);
        EngineVerdict verdict = verdict_on(result.compressed.model, request.platform, tools);
        tried.forms.push_back({form, std::move(result), std::move(verdict)});
        const std::size_t last = tried.forms.size() - 1;
        if (!tried.forms[last].verdict.problem.empty()) continue;
        if (!best || tried.forms[last].speedup() > tie * tried.forms[*best].speedup()) best = last;
    }
    if (!best) {
        throw Error(ErrorKind::unsupported, attempt,
                    fmt::format("{} computes none of them rightly: {}", to_text(request.platform),
                                tried.forms.front().verdict.problem));
    }
    tried.best = *best;
    return tried;
}

}  // namespace breakeven
