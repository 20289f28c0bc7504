// Crossings: what the codecs make of a network's tensors where they cross, on samples: how many bytes, how much time,
// and how right the network behind them still is. Bytes and times take few samples; how right takes many, so it is
// found only for what would be chosen.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "breakeven/advise/advise.h"
#include "breakeven/advise/variant_accuracy.h"
#include "breakeven/advise/workbench.h"
#include "breakeven/codec/codec.h"
#include "breakeven/files/model_file.h"
#include "breakeven/plan/advice.h"

namespace breakeven {

class Crossings final {
   public:
    struct Setting {
        const std::string& variant;
        const ModelFile& network;
        const Workbench& bench;
        const Platform& platform;  ///< that runs both parts
        VariantJudge& judge;
        AdviseTools& tools;
        /// Those to try; empty: all.
        const std::vector<Codec>& codecs;
    };
    explicit Crossings(const Setting& setting) : setting_(setting) {}

    /// A codec at a place.
    struct Trial {
        CodecTrial told;
        Codec codec;
        const OffloadForm* form = nullptr;  ///< whose input crosses; of a cut: as given
        std::size_t typical = 0;            ///< the sample whose frames are as long as half of all are at most
    };

    /// Every codec at a cut, or for the network's input where it is empty: as pixels where the network can take them.
    /// Tried once. A codec that cannot take what crosses is left out. Throws what the engine and the samples do.
    const std::vector<Trial*>& at(const std::vector<std::string>& cut);

    /// How right the network is behind it: found once.
    const PlanAccuracy& judge(Trial& trial);

    /// The sample, as the network or the form takes it, in a file on the bench.
    std::filesystem::path typical_input(const Trial& trial) const;

    /// In the order they were tried.
    std::vector<CodecTrial> told() const;

   private:
    struct Chain;
    Chain chain_of(const std::vector<std::string>& cut, const OffloadForm& form, const Codec& codec) const;
    void try_one(const std::vector<std::string>& cut, const OffloadForm& form, const Codec& codec);

    Setting setting_;
    std::deque<Trial> trials_;
    std::map<std::vector<std::string>, std::vector<Trial*>> by_cut_;
};

}  // namespace breakeven
