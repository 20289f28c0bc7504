// rans_tables: which tables code a run of bytes best, and how the tables themselves are written.
// Weights of one layer often differ from channel to channel (each has its own scale), so channels may have tables of
// their own, shared by those that are alike.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/rans.h"

namespace breakeven {

/// Tables for so many bytes: few bytes have few, so that reading tables never takes longer than what they are for.
constexpr std::size_t tables_max(std::size_t size) {
    return size / 512 < 15 ? 1 + size / 512 : 16;
}

struct TableChoice {
    TableOrder order;
    std::vector<Frequencies> tables;
    std::string written;  ///< what read_tables() reads
};

/// The cheapest found, for at least one byte. `dimensions` of the tensor whose elements the bytes are; empty: unknown.
TableChoice choose_tables(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions);

/// For as many bytes as `size`. Throws UnpackFault. `written` is left empty.
TableChoice read_tables(ByteReader& reader, std::size_t size);

/// Bits that these many bytes take by the best code that has no memory (Shannon's entropy).
double entropy_bits(const Histogram& counts);

}  // namespace breakeven
