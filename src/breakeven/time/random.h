// Random: a seeded stream, the same on every machine and compiler (std distributions are not).
#pragma once

#include <array>
#include <cstdint>

namespace breakeven {

/// xoshiro256++ (Blackman & Vigna 2019, "Scrambled linear pseudorandom number generators"), seeded by splitmix64.
/// One seed a dimension (arrivals, inputs, losses), so that one can change alone.
class Random final {
   public:
    explicit Random(std::uint64_t seed);

    std::uint64_t next();
    /// Uniform in [0, 1).
    double uniform();
    /// Uniform in [0, n); n must not be 0.
    std::uint64_t below(std::uint64_t n);
    /// Mean 0, variance 1 (Box & Muller 1958).
    double normal();
    /// Mean 1.
    double exponential();

   private:
    std::array<std::uint64_t, 4> state_;
    bool has_spare_ = false;
    double spare_ = 0.0;
};

}  // namespace breakeven
