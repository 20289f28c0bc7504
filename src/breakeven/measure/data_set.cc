// DataSet: see data_set.h.
#include "breakeven/measure/data_set.h"

#include <algorithm>
#include <numeric>

namespace breakeven {

DataSet::DataSet(const std::filesystem::path& folder, const Preprocess& otherwise)
    : folder_(read_sample_folder(folder)),
      preprocess_(folder_.preprocess.value_or(otherwise)),
      chosen_(folder_.samples.size()) {
    std::iota(chosen_.begin(), chosen_.end(), std::size_t{0});
}

DataSet DataSet::limited(std::size_t count) const {
    DataSet fewer = *this;
    if (count == 0 || count >= chosen_.size()) return fewer;
    fewer.chosen_.clear();
    for (std::size_t i = 0; i < count; ++i) fewer.chosen_.push_back(chosen_[i * chosen_.size() / count]);
    return fewer;
}

DataSet DataSet::without(const DataSet& other) const {
    DataSet rest = *this;
    if (folder_.folder != other.folder_.folder) return rest;
    std::erase_if(rest.chosen_, [&](std::size_t index) { return std::ranges::binary_search(other.chosen_, index); });
    return rest;
}

Tensor DataSet::input(std::size_t index, const TensorSpec& spec) const {
    return read_sample(folder_, folder_.samples[chosen_[index]], spec, preprocess_);
}

AccuracyTask DataSet::task(std::int64_t top, Labels labels) const {
    AccuracyTask task{.labels = {},
                      .input = [this](std::size_t index, const TensorSpec& spec) { return input(index, spec); },
                      .label_offset = preprocess_.label_offset,
                      .top = top};
    for (const std::size_t index : chosen_) {
        task.labels.push_back(labels == Labels::used ? folder_.samples[index].label : std::nullopt);
    }
    return task;
}

bool is_untrained(const Model& model) {
    return model.metadata("breakeven.weights") == "seeded";
}

}  // namespace breakeven
