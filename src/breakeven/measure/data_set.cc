// DataSet: see data_set.h.
#include "breakeven/measure/data_set.h"

#include <algorithm>

namespace breakeven {

std::vector<std::size_t> evenly_spread(std::size_t total, std::size_t count) {
    if (count == 0 || count > total) count = total;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < count; ++i) places.push_back(i * total / count);
    return places;
}

DataSet::DataSet(const std::filesystem::path& folder, const Preprocess& otherwise)
    : folder_(read_sample_folder(folder)),
      preprocess_(folder_.preprocess.value_or(otherwise)),
      chosen_(evenly_spread(folder_.samples.size(), 0)) {}

DataSet DataSet::limited(std::size_t count) const {
    DataSet fewer = *this;
    fewer.chosen_.clear();
    for (const std::size_t place : evenly_spread(chosen_.size(), count)) fewer.chosen_.push_back(chosen_[place]);
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
