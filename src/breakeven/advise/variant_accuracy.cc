// How right a variant is: see variant_accuracy.h.
#include "breakeven/advise/variant_accuracy.h"

#include <fmt/format.h>

#include "breakeven/error.h"
#include "breakeven/model/input_codec.h"

namespace breakeven {

VariantJudge::VariantJudge(const ModelFile& given, const std::filesystem::path& data,
                           const std::optional<Preprocess>& preprocess, const Platform& platform, AdviseTools& tools)
    : data_(data, preprocess ? *preprocess : preprocess_of(given.model)),
      agreement_(!data_.is_labelled() || is_untrained(given.model)),
      platform_(platform),
      tools_(tools),
      given_(tools.engines.load(given.image, platform, {})) {}

PlanAccuracy VariantJudge::accuracy_of(const ModelImage& variant) {
    const auto runner = tools_.engines.load(variant, platform_, {});
    return accuracy_of(*runner, fmt::format("'{}'", variant.name), 0);
}

PlanAccuracy VariantJudge::accuracy_of(Runner& runner, const std::string& what, std::size_t samples_max) {
    const DataSet data = data_.limited(samples_max);
    const AccuracyTask task = data.task(5, agreement_ ? DataSet::Labels::left_out : DataSet::Labels::used);
    const Evaluation found = evaluate(task, *given_, &runner, [&](std::size_t done, const Evaluation&) {
        tools_.progress(fmt::format("how right is {}: {} of {} samples", what, done, data.size()));
        return tools_.stop != nullptr && *tools_.stop ? Onwards::stop : Onwards::go_on;
    });
    if (found.accuracy.n == 0) {
        throw Error(ErrorKind::unavailable, fmt::format("tell how right {} is", what), "it was interrupted");
    }
    PlanAccuracy accuracy{.n = found.accuracy.n, .is_agreement = agreement_};
    if (agreement_) {
        accuracy.top1 = share(found.comparison->agreement).in(of_one);
        accuracy.drop = 1.0 - accuracy.top1;
    } else {
        accuracy.top1 = share(*found.comparison->second.top1).in(of_one);
        doubt_ = doubt_of_labels(found.accuracy, task.label_offset);
        accuracy.drop = share(*found.accuracy.top1).in(of_one)-accuracy.top1;
    }
    return accuracy;
}

}  // namespace breakeven
