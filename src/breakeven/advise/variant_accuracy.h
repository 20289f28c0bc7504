// How right a variant is against the network as given, on the same samples; of untrained networks, or without labels,
// how often both agree.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "breakeven/advise/advise.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/data_set.h"
#include "breakeven/plan/plan.h"

namespace breakeven {

class VariantJudge final {
   public:
    /// Throws what DataSet throws, and what the engine says of the network.
    VariantJudge(const ModelFile& given, const std::filesystem::path& data, const std::optional<Preprocess>& preprocess,
                 const Platform& platform, AdviseTools& tools);

    /// Throws what the engine says of the variant; what was counted until a stop is the result.
    PlanAccuracy accuracy_of(const ModelImage& variant);
    /// Of anything that runs like the network, on at most so many samples, spread evenly; 0: all. `what` is for
    /// progress.
    PlanAccuracy accuracy_of(Runner& runner, const std::string& what, std::size_t samples_max);

    const DataSet& data() const { return data_; }
    /// Why the labels may not be what the network as given was trained with; known after the first judgement.
    const std::optional<std::string>& doubt() const { return doubt_; }

   private:
    DataSet data_;
    bool agreement_;
    Platform platform_;
    AdviseTools& tools_;
    std::unique_ptr<Runner> given_;
    std::optional<std::string> doubt_;
};

}  // namespace breakeven
