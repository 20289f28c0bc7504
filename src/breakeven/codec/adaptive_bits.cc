// Adaptive bits: see adaptive_bits.h. One state of 32 bits, refilled 16 bits at a time.
#include "breakeven/codec/adaptive_bits.h"

#include "breakeven/codec/pack_bytes.h"

namespace breakeven {
namespace {

constexpr std::uint32_t state_min = 1U << 16U;

void append_word(std::string& out, std::uint32_t word) {
    out.push_back(static_cast<char>(word));
    out.push_back(static_cast<char>(word >> 8U));
}

std::uint32_t word_of(std::string_view bytes) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1])
                                                                                 << 8U);
}

}  // namespace

std::string AdaptiveBitsWriter::take() {
    std::uint32_t state = state_min;
    std::vector<std::uint16_t> words;
    words.reserve(steps_.size() / 16);
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
        const bool yes = (*step & 1U) != 0;
        const std::uint32_t chance = *step >> 1U;
        const std::uint32_t frequency = yes ? chance : (1U << Chance::bits) - chance;
        if (state >= static_cast<std::uint64_t>(frequency) << (32 - Chance::bits)) {
            words.push_back(static_cast<std::uint16_t>(state));
            state >>= 16U;
        }
        state = (state / frequency << Chance::bits) + state % frequency + (yes ? 0 : chance);
    }
    steps_.clear();
    std::string out;
    out.reserve(4 + 2 * words.size());
    append_word(out, state);
    append_word(out, state >> 16U);
    for (auto word = words.rbegin(); word != words.rend(); ++word) append_word(out, *word);
    return out;
}

AdaptiveBitsReader::AdaptiveBitsReader(std::string_view coded) : rest_(coded) {
    if (coded.size() < 4) throw UnpackFault("it ends too early; was it cut short?");
    state_ = word_of(rest_) | word_of(rest_.substr(2)) << 16U;
    if (state_ < state_min) throw UnpackFault("a coder's state in it cannot be right");
    rest_.remove_prefix(4);
}

void AdaptiveBitsReader::refill() {
    if (rest_.size() < 2) throw UnpackFault("it ends too early; was it cut short?");
    state_ = state_ << 16U | word_of(rest_);
    rest_.remove_prefix(2);
}

void AdaptiveBitsReader::finish() const {
    if (state_ != state_min || !rest_.empty()) throw UnpackFault("a coder in it does not end where it should");
}

}  // namespace breakeven
