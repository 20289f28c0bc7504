// Who takes part in a choice, and with which inputs: see choice.h.
#include <fmt/format.h>

#include <algorithm>

#include "breakeven/error.h"
#include "breakeven/measure/choice.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/model/tflite.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

/// Whether its number counts threads, not units.
bool counts_threads(const Platform& platform) {
    return platform.unit == "cpu" || platform.unit == "xnnpack";
}

}  // namespace

std::vector<Tensor> choice_inputs(const Model& model, std::int64_t batch) {
    std::vector<TensorSpec> specs = model.inputs();
    for (TensorSpec& spec : specs) {
        if (batch == 1) continue;
        const bool open = !spec.shape.empty() && spec.shape.front() < 0;
        if (!open && (spec.shape.empty() || spec.shape.front() != batch)) {
            throw Error(
                ErrorKind::input, fmt::format("run model '{}' with {} samples at once", model.name(), batch),
                fmt::format("its input '{}' is {}: the first dimension is not open", spec.name, to_text(spec.shape)));
        }
        spec.shape.front() = batch;
    }
    return sample_inputs(specs, 1);
}

std::vector<Platform> contenders_of(const ChoiceRequest& request, const ModelImage& image, const Engines& engines) {
    if (!request.platforms.empty()) return request.platforms;
    std::vector<Platform> all;
    for (const PlatformStatus& status : engines.platforms()) {
        const Platform& platform = status.platform;
        if (!status.available || platform.unit == "auto")
            continue;  // a choice among the others, in a precision of its own
        if (counts_threads(platform) && platform.number > request.threads) continue;
        if (is_tflite(image.bytes) && platform.engine != Engines::cpu_for(image, 1).engine) continue;
        all.push_back(platform);
    }
    // As many threads as asked for, where the machine's own widths leave that out.
    std::vector<Platform> asked;
    for (const Platform& platform : all) {
        if (platform.unit != "cpu") continue;
        Platform widest = platform;
        widest.number = request.threads;
        if (std::ranges::find(all, widest) == all.end() && std::ranges::find(asked, widest) == asked.end()) {
            asked.push_back(widest);
        }
    }
    all.insert(all.end(), asked.begin(), asked.end());
    return all;
}

}  // namespace breakeven
