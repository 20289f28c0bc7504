// DataSet: the samples of a folder as a network takes them, for calibration and for accuracy.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "breakeven/files/samples.h"
#include "breakeven/measure/accuracy.h"
#include "breakeven/model/model.h"
#include "breakeven/tensor/preprocess.h"

namespace breakeven {

/// The places of at most `count` of `total` samples, spread evenly: folders are often sorted by class. 0: all.
std::vector<std::size_t> evenly_spread(std::size_t total, std::size_t count);

class DataSet final {
   public:
    /// `otherwise`: how pictures become inputs where the folder does not say. Throws what read_sample_folder throws.
    DataSet(const std::filesystem::path& folder, const Preprocess& otherwise);

    std::size_t size() const { return chosen_.size(); }
    bool is_labelled() const { return folder_.labelled; }
    const Preprocess& preprocess() const { return preprocess_; }

    /// At most `count` of its samples, spread evenly; 0: all.
    DataSet limited(std::size_t count) const;
    /// Without the samples of `other`, where that is a part of the same folder.
    DataSet without(const DataSet& other) const;

    Tensor input(std::size_t index, const TensorSpec& spec) const;
    /// Its file, for messages.
    const std::string& name(std::size_t index) const { return folder_.samples[chosen_[index]].file; }
    /// Keeps a reference to this data set. Labels are left out for an `untrained` network: they would mean nothing.
    enum class Labels { used, left_out };
    AccuracyTask task(std::int64_t top, Labels labels) const;

   private:
    SampleFolder folder_;
    Preprocess preprocess_;
    std::vector<std::size_t> chosen_;  ///< of the folder's samples
};

/// Whether the model's weights are seeded, not trained: then agreement is all that means something, never accuracy.
bool is_untrained(const Model& model);

}  // namespace breakeven
