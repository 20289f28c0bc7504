// Crossings: see crossings.h.
#include "breakeven/advise/crossings.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/codec/frame.h"
#include "breakeven/engine/parts_runner.h"
#include "breakeven/error.h"
#include "breakeven/files/part_files.h"
#include "breakeven/model/parts.h"
#include "breakeven/stats/summary.h"
#include "breakeven/tensor/npy.h"

namespace breakeven {
namespace {

/// Enough to tell the 90th percentile of a size roughly.
constexpr std::size_t samples_for_bytes = 40;
/// Points of accuracy are told to a few by so many; more take longer than people wait.
constexpr std::size_t samples_for_accuracy = 500;

/// What coding took, sample by sample.
struct CodingRecord {
    std::vector<double> bytes;
    std::vector<double> encode_s;
    std::vector<double> decode_s;
};

/// A network whose inputs are coded and decoded before it runs.
class CodedRunner final : public Runner {
   public:
    CodedRunner(std::unique_ptr<Runner> next, const Codec& codec, const Clock& clock, CodingRecord& record)
        : next_(std::move(next)), codec_(codec), clock_(clock), record_(record) {}

    const std::vector<TensorSpec>& inputs() const override { return next_->inputs(); }
    const std::vector<TensorSpec>& outputs() const override { return next_->outputs(); }

    RunResult run(std::span<const Tensor> tensors) override {
        std::vector<Tensor> decoded;
        Bytes bytes;
        Seconds encoding{0.0}, decoding{0.0};
        for (const Tensor& tensor : tensors) {
            const Seconds begin = clock_.now();
            const Tensor frame = encode_frame(tensor, codec_);
            const Seconds middle = clock_.now();
            decoded.push_back(decode_frame(frame.bytes(), tensor.size()));
            decoding += clock_.now() - middle;
            encoding += middle - begin;
            bytes += frame.size();
        }
        record_.bytes.push_back(static_cast<double>(bytes.count()));
        record_.encode_s.push_back(encoding.count());
        record_.decode_s.push_back(decoding.count());
        return next_->run(decoded);
    }

   private:
    std::unique_ptr<Runner> next_;
    Codec codec_;
    const Clock& clock_;
    CodingRecord& record_;
};

std::vector<Codec> codecs_for(const OffloadForm& form, bool is_cut, const std::vector<Codec>& wanted) {
    const bool pixels = !is_cut && form.codec == "u8";
    const auto fits = [&](const Codec& codec) {
        if (codec.kind == CodecKind::raw) return false;  // measured anyway
        if (codec.kind == CodecKind::lossless) return true;
        return pixels == (codec.kind == CodecKind::jpeg);
    };
    std::vector<Codec> codecs;
    if (!wanted.empty()) {
        std::ranges::copy_if(wanted, std::back_inserter(codecs), fits);
        return codecs;
    }
    std::ranges::copy_if(all_codecs(), std::back_inserter(codecs),
                         [&](const Codec& codec) { return codec.kind != CodecKind::jpeg && fits(codec); });
    if (pixels) {
        for (const int quality : {95, 90, 75}) codecs.push_back({.kind = CodecKind::jpeg, .quality = quality});
    }
    return codecs;
}

/// "q4"; "u8 lossless"; "jpeg:90", which is of pixels anyway.
std::string plan_codec(const OffloadForm& form, bool is_cut, const Codec& codec) {
    const bool says_pixels = !is_cut && form.codec == "u8" && codec.kind != CodecKind::jpeg;
    return says_pixels ? "u8 " + name(codec) : name(codec);
}

}  // namespace

struct Crossings::Chain {
    std::unique_ptr<CodingRecord> record = std::make_unique<CodingRecord>();
    std::unique_ptr<Runner> runner;
};

Crossings::Chain Crossings::chain_of(const std::vector<std::string>& cut, const OffloadForm& form,
                                     const Codec& codec) const {
    Chain chain;
    AdviseTools& tools = setting_.tools;
    const auto coded = [&](std::unique_ptr<Runner> next) {
        return std::make_unique<CodedRunner>(std::move(next), codec, tools.clock, *chain.record);
    };
    if (cut.empty()) {
        chain.runner = coded(tools.engines.load(load_model(form.path).image, setting_.platform, {}));
        return chain;
    }
    const Parts parts = split_at(setting_.network.model, cut);
    auto head = tools.engines.load(image_of_part(parts.head, setting_.network), setting_.platform, {});
    auto tail = coded(tools.engines.load(image_of_part(parts.tail, setting_.network), setting_.platform, {}));
    chain.runner = std::make_unique<PartsRunner>(setting_.network.model, std::move(head), std::move(tail), tools.clock);
    return chain;
}

void Crossings::try_one(const std::vector<std::string>& cut, const OffloadForm& form, const Codec& codec) {
    const Chain chain = chain_of(cut, form, codec);
    const DataSet data = setting_.judge.data().limited(samples_for_bytes);
    for (std::size_t i = 0; i < data.size(); ++i) {
        const std::vector<Tensor> input{data.input(i, chain.runner->inputs().front())};
        (void)chain.runner->run(input);
    }
    const CodingRecord& record = *chain.record;
    const auto bytes = summarize(record.bytes);
    const auto whole = [](double number) { return Bytes(static_cast<std::int64_t>(number)); };
    Trial trial{.told = {.variant = setting_.variant,
                         .cut = cut,
                         .codec = plan_codec(form, !cut.empty(), codec),
                         .up_p50 = whole(bytes->p50),
                         .up_p90 = whole(bytes->p90),
                         .encode = Seconds(summarize(record.encode_s)->p50),
                         .decode = Seconds(summarize(record.decode_s)->p50),
                         .accuracy = {}},
                .codec = codec,
                .form = &form};
    const auto nearest = std::ranges::min_element(record.bytes, {}, [&](double b) { return std::abs(b - bytes->p50); });
    trial.typical = static_cast<std::size_t>(nearest - record.bytes.begin());
    by_cut_[cut].push_back(&trials_.emplace_back(std::move(trial)));
}

const std::vector<Crossings::Trial*>& Crossings::at(const std::vector<std::string>& cut) {
    const auto known = by_cut_.find(cut);
    if (known != by_cut_.end()) return known->second;
    std::vector<Trial*>& trials = by_cut_[cut];
    const OffloadForm& form = cut.empty() ? setting_.bench.forms().back() : setting_.bench.forms().front();
    for (const Codec& codec : codecs_for(form, !cut.empty(), setting_.codecs)) {
        setting_.tools.progress(
            fmt::format("coding {} as {}", cut.empty() ? "the input" : cut_title(cut), name(codec)));
        try {
            try_one(cut, form, codec);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::usage) throw;  // else: it cannot take what crosses
        }
    }
    return trials;
}

const PlanAccuracy& Crossings::judge(Trial& trial) {
    if (!trial.told.accuracy) {
        const Chain chain = chain_of(trial.told.cut, *trial.form, trial.codec);
        const std::string what =
            fmt::format("{} as {}", trial.told.cut.empty() ? "the input" : cut_title(trial.told.cut), trial.told.codec);
        trial.told.accuracy = setting_.judge.accuracy_of(*chain.runner, what, samples_for_accuracy);
    }
    return *trial.told.accuracy;
}

std::filesystem::path Crossings::typical_input(const Trial& trial) const {
    const DataSet data = setting_.judge.data().limited(samples_for_bytes);
    const Tensor input = data.input(trial.typical, trial.form->inputs.front());
    return setting_.bench.write(fmt::format("sample-{}-{}.npy", trial.form->codec, trial.typical), to_npy(input));
}

std::vector<CodecTrial> Crossings::told() const {
    std::vector<CodecTrial> told;
    for (const Trial& trial : trials_) told.push_back(trial.told);
    return told;
}

}  // namespace breakeven
