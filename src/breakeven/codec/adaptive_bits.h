// Adaptive bits: entropy coding of yes-or-no decisions whose chances are learned on the way, the same by both sides
// (binary asymmetric numeral systems; Duda 2013, arXiv:1311.2540, "rABS"). No tables travel, so that a few hundred
// decisions pay already; integers only, so that every machine decodes alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

namespace detail {
/// How far a chance moves towards a decision, in 1/65536, by how many it has seen.
struct ChanceRates {
    static constexpr std::uint32_t count = 64;
    constexpr ChanceRates() {
        for (std::uint32_t i = 0; i < count; ++i) of[i] = 131072 / (2 * i + 5);
    }
    std::uint32_t of[count]{};
};
inline constexpr ChanceRates chance_rates;
}  // namespace detail

/// The chance of a yes, learned from each decision: quickly at first, then over the last 64 or so.
class Chance {
   public:
    static constexpr unsigned bits = 15;
    std::uint32_t of_yes() const { return yes_; }
    void learn(bool yes) {
        const std::uint32_t rate = detail::chance_rates.of[seen_];
        yes_ = yes ? yes_ + ((highest_ - yes_) * rate >> 16U) : yes_ - ((yes_ - lowest_) * rate >> 16U);
        seen_ = seen_ + 1 < detail::ChanceRates::count ? seen_ + 1 : seen_;
    }

   private:
    static constexpr std::uint32_t lowest_ = 24;
    static constexpr std::uint32_t highest_ = (1U << bits) - lowest_;

    std::uint32_t yes_ = 1U << (bits - 1);
    std::uint32_t seen_ = 0;
};

/// Takes decisions in their order; codes them, last first, at the end.
class AdaptiveBitsWriter final {
   public:
    void put(Chance& chance, bool yes) {
        steps_.push_back(chance.of_yes() << 1U | (yes ? 1U : 0U));
        chance.learn(yes);
    }
    std::string take();

   private:
    std::vector<std::uint32_t> steps_;
};

class AdaptiveBitsReader final {
   public:
    /// Throws UnpackFault where `coded` is too short for the coder's state.
    explicit AdaptiveBitsReader(std::string_view coded);

    bool take(Chance& chance) {
        constexpr std::uint32_t mask = (1U << Chance::bits) - 1;
        const std::uint32_t slot = state_ & mask;
        const std::uint32_t yes = chance.of_yes();
        const bool decided = slot < yes;
        state_ = (decided ? yes : mask + 1 - yes) * (state_ >> Chance::bits) + slot - (decided ? 0 : yes);
        if (state_ < (1U << 16U)) refill();
        chance.learn(decided);
        return decided;
    }
    /// Throws UnpackFault unless all was read, and ended as a writer begins.
    void finish() const;

   private:
    void refill();

    std::uint32_t state_ = 0;
    std::string_view rest_;
};

}  // namespace breakeven
