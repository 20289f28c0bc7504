// q4 and q2: each element as one of a few values (levels.h). How far an element's value is from the most used one is
// coded by decisions whose chances depend on what the neighbours are and on how busy the channel has been: what is
// active in a picture lies together. (The idea of coding activations so: Choi & Bajic 2018, "Deep feature compression";
// Cohen, Choi & Bajic 2021, arXiv:2105.07102.)
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "breakeven/codec/adaptive_bits.h"
#include "breakeven/codec/levels.h"
#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"

namespace breakeven {
namespace {

constexpr std::size_t levels_max = 16;

/// What a bit may cost, in variances: a compromise of accuracy and length found on the test networks (bench/codec.cc).
constexpr LevelTask four_levels{.levels_max = 4, .length_weight = 0.02};
constexpr LevelTask sixteen_levels{.levels_max = 16, .length_weight = 0.002};

/// The distances of a row's elements from the most used level, and the row's before, with room at both ends.
class Neighbours {
   public:
    explicit Neighbours(std::size_t width) : row_(width + 2, 0), above_(width + 2, 0) {}

    void begin_channel() {
        std::ranges::fill(row_, std::int8_t{0});
        std::ranges::fill(above_, std::int8_t{0});
        active_ = 0;
        seen_ = 0;
    }
    void begin_row() {
        std::swap(row_, above_);
        row_[0] = 0;
    }
    void put(std::size_t x, int distance) {
        row_[x + 1] = static_cast<std::int8_t>(distance);
        active_ += distance != 0 ? 1U : 0U;
        ++seen_;
    }

    /// 0 to 6: how active left, above, and above at the right are.
    std::size_t activity(std::size_t x) const {
        const int near = std::min(2, std::abs(int{row_[x]})) + std::min(2, std::abs(int{above_[x + 1]}));
        return static_cast<std::size_t>(near + (above_[x + 2] != 0 ? 1 : 0) + (above_[x] != 0 ? 1 : 0));
    }
    /// 0 to 4: which way left and above lean.
    std::size_t lean(std::size_t x) const {
        const auto sign = [](int value) { return (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0); };
        return static_cast<std::size_t>(2 + sign(row_[x]) + sign(above_[x + 1]));
    }
    /// 0 to 4: how much of the channel was active so far; 0: nothing is known.
    std::size_t channel() const {
        if (seen_ < 8) return 0;
        const std::uint32_t share = 16 * active_ / seen_;
        return share < 1 ? 1 : share < 4 ? 2 : share < 9 ? 3 : 4;
    }

   private:
    std::vector<std::int8_t> row_;
    std::vector<std::int8_t> above_;
    std::uint32_t active_ = 0;
    std::uint32_t seen_ = 0;
};

struct Chances {
    std::array<std::array<Chance, 7>, 5> active;
    std::array<Chance, 5> above;
    std::array<std::array<std::array<Chance, levels_max>, 3>, 2> further;
};

/// One walk for both directions: `decide(chance, is)` codes whether `is`, or tells what was coded. `level` of an
/// element is read and written through `at`.
template <class Decide>
void walk(const ChannelBlocks& blocks, std::size_t elements, std::size_t most_used, std::size_t values,
          std::span<std::uint8_t> levels, Decide decide) {
    Chances chances;
    const bool is_map = blocks.height > 1;
    const std::size_t width = is_map ? blocks.width : blocks.size;
    Neighbours near(width);
    const auto mode = static_cast<int>(most_used);
    const int ways_up = static_cast<int>(values) - 1 - mode;
    for (std::size_t i = 0, x = 0, in_block = 0; i < elements; ++i) {
        if (in_block == 0) near.begin_channel();
        if (x == 0) near.begin_row();
        const int told = static_cast<int>(levels[i]) - mode;
        const std::size_t activity = near.activity(x);
        int distance = 0;
        if (decide(chances.active[near.channel()][activity], told != 0)) {
            // Where there is one way only, nothing is asked.
            bool up = mode == 0;
            if (mode > 0 && ways_up > 0) up = decide(chances.above[near.lean(x)], told > 0);
            const int furthest = up ? ways_up : mode;
            auto& further = chances.further[up ? 1 : 0][activity < 2 ? 0 : activity < 5 ? 1 : 2];
            int steps = 1;
            while (steps < furthest && decide(further[static_cast<std::size_t>(steps - 1)], std::abs(told) > steps)) {
                ++steps;
            }
            distance = up ? steps : -steps;
        }
        levels[i] = static_cast<std::uint8_t>(mode + distance);
        near.put(x, distance);
        x = x + 1 == width ? 0 : x + 1;
        if (++in_block == blocks.size) in_block = x = 0;
    }
}

}  // namespace

// Payload: number of values, the most used, the values (2 bytes each), the decisions. One value alone: no decisions.
bool append_levels(const Tensor& tensor, Levels levels, std::string& out) {
    if (tensor.dtype() != DType::float32 || tensor.elements() == 0) return false;
    const std::span<const float> from = tensor.as<float>();
    const ValueLevels chosen = choose_levels(from, levels == Levels::four ? four_levels : sixteen_levels);
    if (chosen.values.empty()) return false;
    out.push_back(static_cast<char>(chosen.values.size()));
    out.push_back(static_cast<char>(chosen.most_used));
    for (const std::uint16_t value : chosen.values) {
        out.push_back(static_cast<char>(value));
        out.push_back(static_cast<char>(value >> 8U));
    }
    if (chosen.values.size() == 1) return true;
    std::vector<std::uint8_t> level_of(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) level_of[i] = chosen.level_of(from[i]);
    AdaptiveBitsWriter writer;
    walk(channel_blocks(tensor.shape()), from.size(), chosen.most_used, chosen.values.size(), level_of,
         [&writer](Chance& chance, bool is) {
             writer.put(chance, is);
             return is;
         });
    out += writer.take();
    return true;
}

void read_levels(std::string_view payload, Tensor& tensor) {
    const std::span<float> to = tensor.mutable_as<float>();
    ByteReader reader(payload);
    const std::size_t count = reader.byte();
    const std::size_t most_used = reader.byte();
    if (count == 0 || count > levels_max || most_used >= count) throw UnpackFault("its values cannot be right");
    std::array<float, levels_max> values{};
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t lower = reader.byte();
        values[i] = level_value(static_cast<std::uint16_t>(lower | reader.byte() << 8U));
    }
    if (count == 1) {
        if (!reader.rest().empty()) throw UnpackFault("it is longer than it should be");
        std::ranges::fill(to, values[0]);
        return;
    }
    AdaptiveBitsReader bits(reader.rest());
    std::vector<std::uint8_t> level_of(to.size(), 0);
    walk(channel_blocks(tensor.shape()), to.size(), most_used, count, level_of,
         [&bits](Chance& chance, bool) { return bits.take(chance); });
    bits.finish();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = values[level_of[i]];
}

}  // namespace breakeven
