// rans: entropy coding of bytes by static tables (range asymmetric numeral systems; Duda 2013, arXiv:1311.2540),
// integers only, so that every machine decodes alike. Four states take turns, which a processor runs side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakeven {

inline constexpr unsigned rans_bits = 12;
inline constexpr std::uint32_t rans_total = 1U << rans_bits;

/// How often each byte is expected, in parts of rans_total: they sum to it, a byte that does not occur has none.
using Frequencies = std::array<std::uint16_t, 256>;
using Histogram = std::array<std::uint32_t, 256>;

/// Which table codes which byte: byte i has tables[(i / run) % tables.size()]. One table: all of them.
struct TableOrder {
    std::size_t run = 1;
    std::vector<std::uint8_t> tables{0};
};
/// Short runs repeat within this many bytes, so that a decoder can look one turn ahead.
inline constexpr std::size_t short_run = 64;
inline constexpr std::size_t short_turn_max = std::size_t{1} << 16U;

/// Every byte must have a frequency in its table.
std::string rans_encode(std::span<const std::uint8_t> bytes, const TableOrder& order,
                        std::span<const Frequencies> tables);

/// Fills `out`. Throws UnpackFault where `coded` is not what rans_encode made for as many bytes.
void rans_decode(std::string_view coded, const TableOrder& order, std::span<const Frequencies> tables,
                 std::span<std::uint8_t> out);

}  // namespace breakeven
