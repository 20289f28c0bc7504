// q4 and q2: each element as one of a few values (levels.h), as fine as pays, or as about one bit an element allows.
// How far an element's value is from the most used one is coded by decisions whose chances depend on what the
// neighbours are and on how busy the channel has been: what is active in a picture lies together. (The idea of coding
// activations so: Choi & Bajic 2018, "Deep feature compression"; Cohen, Choi & Bajic 2021, arXiv:2105.07102.)
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "breakeven/codec/adaptive_bits.h"
#include "breakeven/codec/levels.h"
#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"

namespace breakeven {
namespace {

/// q4's step: narrower ones gain no accuracy on the test networks (bench/codec.cc).
constexpr double narrow_step = 0.5;  // standard deviations
/// What q2 may take: a bit an element, its frame counted. Few elements may take a little more: there the values
/// themselves weigh, and bytes matter least. Steps for about as much are found in at most so many tries, for contexts
/// save more here, less there.
constexpr double bits_allowed = 1.0;
constexpr double frame_size = 20.0;
constexpr double size_more = 16.0;
constexpr std::size_t few_elements = 2048;
constexpr int tries_max = 3;

/// In a payload's first byte: the values are added to a number of their own.
constexpr unsigned origin_flag = 0x80U;

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

namespace {

std::string coded(const ValueLevels& chosen, const Shape& shape) {
    std::string out;
    const bool has_origin = chosen.origin != 0.0F;
    out.push_back(static_cast<char>(chosen.values.size() | (has_origin ? origin_flag : 0U)));
    out.push_back(static_cast<char>(chosen.most_used));
    for (const std::uint16_t value : chosen.values) {
        out.push_back(static_cast<char>(value));
        out.push_back(static_cast<char>(value >> 8U));
    }
    if (has_origin) {
        const auto bits = std::bit_cast<std::uint32_t>(chosen.origin);
        for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(bits >> shift));
    }
    if (chosen.values.size() == 1) return out;
    AdaptiveBitsWriter writer;
    std::vector<std::uint8_t> levels = chosen.level_of;
    walk(channel_blocks(shape), levels.size(), chosen.most_used, chosen.values.size(), levels,
         [&writer](Chance& chance, bool is) {
             writer.put(chance, is);
             return is;
         });
    return out + writer.take();
}

/// The narrowest steps that q2's length allows, or nearly.
std::string coded_short(const LevelChoice& choice, std::size_t elements, const Shape& shape) {
    std::string best;
    const double extra = elements < few_elements ? size_more : -frame_size;
    const double short_bits = bits_allowed + 8.0 * extra / static_cast<double>(elements);
    double entropy = short_bits;
    for (int i = 0; i < tries_max; ++i) {
        const double step = choice.deviations_for(entropy, narrow_step);
        std::string made = coded(choice.levels(step), shape);
        const double bits = 8.0 * static_cast<double>(made.size()) / static_cast<double>(elements);
        const bool fits = bits <= short_bits;
        const double before = 8.0 * static_cast<double>(best.size()) / static_cast<double>(elements);
        // Of those that fit the longest, whose steps are narrowest; while none does, the shortest.
        if (best.empty() || (fits ? before > short_bits || bits > before : bits < before)) best = std::move(made);
        if ((fits && bits > 0.96 * short_bits) || step == narrow_step) break;
        entropy = std::min(4.0, choice.entropy(step) * 0.98 * short_bits / bits);
    }
    return best;
}

}  // namespace

// Payload: number of values, the most used, the values (2 bytes each), what they are added to (4 bytes, where the flag
// says so), the decisions. One value alone: no decisions.
bool append_levels(const Tensor& tensor, Levels levels, std::string& out) {
    if (tensor.dtype() != DType::float32 || tensor.elements() == 0) return false;
    const std::span<const float> from = tensor.as<float>();
    const LevelChoice choice(from);
    if (!choice.possible()) return false;
    out += levels == Levels::sixteen ? coded(choice.levels(narrow_step), tensor.shape())
                                     : coded_short(choice, from.size(), tensor.shape());
    return true;
}

void read_levels(std::string_view payload, Tensor& tensor) {
    const std::span<float> to = tensor.mutable_as<float>();
    ByteReader reader(payload);
    const std::uint8_t first = reader.byte();
    const bool has_origin = (first & origin_flag) != 0;
    const std::size_t count = first & ~origin_flag;
    const std::size_t most_used = reader.byte();
    if (count == 0 || count > levels_max || most_used >= count) throw UnpackFault("its values cannot be right");
    std::array<float, levels_max> values{};
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint8_t lower = reader.byte();
        values[i] = level_value(static_cast<std::uint16_t>(lower | reader.byte() << 8U));
    }
    if (has_origin) {
        std::uint32_t bits = 0;
        for (unsigned shift = 0; shift < 32; shift += 8) bits |= std::uint32_t{reader.byte()} << shift;
        for (float& value : values) value += std::bit_cast<float>(bits);
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
