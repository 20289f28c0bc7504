// pack_bytes: see pack_bytes.h.
#include "breakeven/codec/pack_bytes.h"

#include <bit>
#include <utility>

namespace breakeven {

namespace {
constexpr const char* cut_short = "it ends too early; was it cut short?";
}

void append_number(std::string& out, std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) out.push_back(static_cast<char>((value & 0x7fU) | 0x80U));
    out.push_back(static_cast<char>(value));
}

std::uint8_t ByteReader::byte() {
    return static_cast<std::uint8_t>(bytes(1).front());
}

std::uint64_t ByteReader::number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
        const std::uint8_t next = byte();
        value |= static_cast<std::uint64_t>(next & 0x7fU) << shift;
        if ((next & 0x80U) == 0) return value;
    }
    throw UnpackFault("a number in it is too long");
}

std::size_t ByteReader::number_up_to(std::size_t max, const char* what) {
    const std::uint64_t value = number();
    if (value > max) throw UnpackFault(std::string(what) + " cannot be right");
    return static_cast<std::size_t>(value);
}

std::string_view ByteReader::bytes(std::size_t size) {
    if (size > rest_.size()) throw UnpackFault(cut_short);
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

void BitWriter::bits(std::uint32_t value, unsigned count) {
    pending_ |= static_cast<std::uint64_t>(value) << count_;
    for (count_ += count; count_ >= 8; count_ -= 8, pending_ >>= 8U) out_.push_back(static_cast<char>(pending_));
}

void BitWriter::gamma(std::uint32_t value) {
    const auto more = static_cast<unsigned>(std::bit_width(value)) - 1;
    bits(1U << more, more + 1);  // zeros, then a one
    bits(value - (1U << more), more);
}

std::string BitWriter::take() {
    if (count_ > 0) out_.push_back(static_cast<char>(pending_));
    pending_ = count_ = 0;
    return std::exchange(out_, {});
}

std::uint32_t BitReader::bits(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
        if (at_ / 8 >= bytes_.size()) throw UnpackFault(cut_short);
        const auto bit = static_cast<unsigned>(static_cast<unsigned char>(bytes_[at_ / 8])) >> (at_ % 8) & 1U;
        value |= bit << i;
    }
    return value;
}

std::uint32_t BitReader::gamma() {
    unsigned more = 0;
    while (bits(1) == 0) {
        if (++more > 24) throw UnpackFault("a code in it is too long");
    }
    return (1U << more) + bits(more);
}

}  // namespace breakeven
