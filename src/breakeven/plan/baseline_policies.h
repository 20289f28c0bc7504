// What an adaptive policy must beat, behind the same interface: one plan for ever, a linear bandit, and two that see
// the future.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "breakeven/plan/policy.h"

namespace breakeven {

/// One plan, always: always-local, always-offload, the best fixed plan in hindsight, or the static best plan (below).
class FixedPolicy final : public Policy {
   public:
    FixedPolicy(std::size_t plan, std::string_view why) : plan_(plan), why_(why) {}
    Choice choose(const Situation&) override;
    void observe(const Observation&) override {}

   private:
    std::size_t plan_;
    std::string_view why_;
};

/// The plan with the least time under conditions taken for constant, as Neurosurgeon (Kang et al. 2017) computes it
/// from the layers' times and a link's rate.
std::size_t static_best(const PlanTable& table, const Conditions& conditions);

/// The offload that keeps the least on the device; the local plan if there is no other.
std::size_t full_offload(const PlanTable& table);

/// ANS (Zhang et al. 2021, "Autodidactic Neurosurgeon", µLinUCB): what a plan takes beyond the device's known share is
/// linear in (1, bytes up, bytes down, server's time); ridge regression that discounts the past, optimistic by alpha
/// standard deviations, and an offload is forced now and then, because a local run teaches nothing.
class LinearBandit final : public Policy {
   public:
    struct Options {
        double discount = 0.98;     ///< weight of the past at each answer; smaller forgets sooner
        double optimism = 0.1;      ///< seconds of optimism for each standard deviation; larger explores more
        double forced_power = 0.5;  ///< an offload is forced at the requests 1, ceil(2^(1/m)), ceil(3^(1/m)), ...
    };
    LinearBandit(const PlanTable& table, const Options& options);
    Choice choose(const Situation&) override;
    void observe(const Observation& observation) override;

   private:
    static constexpr std::size_t feature_count = 4;
    using Features = std::array<double, feature_count>;
    Features features(std::size_t plan) const;
    Features solve(const Features& right) const;

    PlanTable table_;
    Options options_;
    std::array<Features, feature_count> gram_{};
    Features target_{};
    std::int64_t requests_ = 0;
    std::int64_t forced_ = 0;
};

/// Sees what each plan would take, and takes the fastest.
class Oracle final : public Policy {
   public:
    using Foresight = std::function<Seconds(std::size_t plan, Seconds now)>;
    Oracle(const PlanTable& table, Foresight foresight) : table_(table), foresight_(std::move(foresight)) {}
    Choice choose(const Situation& situation) override;
    void observe(const Observation&) override {}

   private:
    PlanTable table_;
    Foresight foresight_;
};

/// Sees the link's mean rates over the second that begins now, and believes that they last.
class CurrentRate final : public Policy {
   public:
    using Foresight = std::function<Conditions(Seconds now)>;
    CurrentRate(const PlanTable& table, Foresight foresight) : table_(table), foresight_(std::move(foresight)) {}
    Choice choose(const Situation& situation) override;
    void observe(const Observation&) override {}

   private:
    PlanTable table_;
    Foresight foresight_;
};

}  // namespace breakeven
