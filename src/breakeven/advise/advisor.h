// Advisor: one answer being put together, and what all its steps share. Internal to advise/: advise.cc has the steps on
// this device and the end, advisor_links.cc those that cross links.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/advise/advise.h"
#include "breakeven/advise/advisor_plans.h"
#include "breakeven/advise/crossings.h"
#include "breakeven/advise/offload.h"
#include "breakeven/advise/split_times.h"
#include "breakeven/advise/variant_accuracy.h"
#include "breakeven/advise/workbench.h"
#include "breakeven/files/model_file.h"

namespace breakeven {

/// Names in figures what stands on the other side of an emulated or modelled link: this very machine.
inline constexpr const char* embedded_server = "embedded server";

/// One form of the network in weights and numbers, with all that is known of it before a link comes in.
struct AdvisedVariant {
    std::string name;
    ModelFile model;
    Workbench bench;
    Platform fastest;        ///< of this device's platforms
    Seconds fastest_time{};  ///< all of it, there
    std::vector<CutTimes> cuts;
    std::vector<MapPlan> mapped;  ///< for the break-even map
    std::optional<Crossings> crossings;

    AdvisedVariant(std::string as, ModelFile file, const std::optional<Preprocess>& preprocess)
        : name(std::move(as)), model(std::move(file)), bench(model, preprocess) {}
};

class Advisor final {
   public:
    Advisor(const AdviseRequest& request, AdviseTools& tools);
    Advice advise();

   private:
    using Variant = AdvisedVariant;

    // On this device.
    void meet(std::string name, const std::filesystem::path& path);
    void add_local_plans(Variant& variant);
    void time_cuts(Variant& variant);
    void prepare_codecs();

    // Over links.
    void add_embedded_server();
    void emulate(const LinkProfile& link, Variant& variant);
    void emulate_transports(const LinkProfile& link, Variant& variant);
    void model_links(Variant& variant);
    void add_real_server();
    LinkProfile probed_link(Client& client);

    // The end.
    void add_circumstances();
    void draw_map();
    void judge_variants();

    Way way(const LinkProfile& link) const { return {link, tcp_}; }
    PlanMaking making() const {
        return {.power = request_.power, .slowdown = request_.slowdown, .inferences = request_.inferences};
    }
    bool has_room(const Variant& variant, const std::optional<Bytes>& memory, const char* side);
    /// The cuts that pay most over the link, the best first, where so much of what crosses is left.
    std::vector<const CutTimes*> best_cuts(const Variant& variant, const LinkProfile& link, double left = 1.0) const;
    /// Codecs of a cut, or of all of it on the server.
    struct Coded {
        Crossings::Trial* trial = nullptr;
        const CutTimes* cut = nullptr;  ///< none: the input crosses
        Shares shares;                  ///< as expected
        Seconds expected{0.0};
    };
    /// Those within the accuracy floor that are expected to be faster than the same without, at most one for the input
    /// and `splits` for cuts.
    std::vector<Coded> coded_choices(Variant& variant, const LinkProfile& link);
    Shares expected_of(const Variant& variant, const CutTimes* cut) const;
    void measure_coded(Variant& variant, const LinkProfile& link, const std::string& server,
                       const std::function<OffloadMeasurement(const Exchange&)>& measure);
    Exchange exchange_of(const Variant& variant, const CutTimes& cut) const;
    /// Runs `action`; what fails becomes a warning.
    void attempt(const std::string& doing, const std::function<void()>& action);
    void remember(Variant& variant, const OffloadForm& form, const Shares& shares);
    void remember(Variant& variant, const Coded& coded);
    /// What the server must be sent before it can run this form; nothing for the network as given.
    std::optional<Bytes> sent_for(const Variant& variant, const OffloadForm& form) const;
    /// Adds the plan, with what it must bring over the link first.
    void keep(Plan plan, const Variant& variant, const LinkProfile& link, std::optional<Bytes> sent);
    double drop_max() const { return request_.objective.drop_max.value_or(codec_drop_max); }

    /// Where the user names no --max-drop: codecs that lose more are never chosen.
    static constexpr double codec_drop_max = 0.01;

    const AdviseRequest& request_;
    AdviseTools& tools_;
    TcpUse tcp_;
    OffloadOptions offload_;
    std::vector<std::unique_ptr<Variant>> variants_;
    std::optional<VariantJudge> judge_;
    Advice advice_;
};

}  // namespace breakeven
