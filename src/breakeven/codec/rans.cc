// rans: states of 32 bits, refilled 16 bits at a time.
#include "breakeven/codec/rans.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

constexpr std::size_t lanes = 4;
constexpr std::uint32_t state_min = 1U << 16U;
constexpr std::uint32_t slot_mask = rans_total - 1;

using States = std::array<std::uint32_t, lanes>;

/// A slot of a decoding table: its byte (8 bits), that byte's frequency less one (12), the slot's place in it (12).
using Slots = std::array<std::uint32_t, rans_total>;

Slots slots_of(const Frequencies& frequencies) {
    Slots slots{};
    std::size_t at = 0;
    for (std::uint32_t symbol = 0; symbol < 256; ++symbol) {
        const std::uint32_t frequency = frequencies[symbol];
        for (std::uint32_t place = 0; place < frequency; ++place) {
            if (at == slots.size()) throw UnpackFault("a table in it is too full");
            slots[at++] = symbol | (frequency - 1) << 8U | place << 20U;
        }
    }
    if (at != slots.size()) throw UnpackFault("a table in it is not full");
    return slots;
}

/// The lower byte first, on every machine.
std::uint32_t word_at(const char* at) {
    std::uint16_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) {
        word = static_cast<std::uint16_t>(word << 8U | word >> 8U);
    }
    return word;
}

/// Needs two readable bytes at `in`.
inline std::uint8_t step(std::uint32_t& state, const std::uint32_t* slots, const char*& in) {
    const std::uint32_t slot = slots[state & slot_mask];
    const std::uint32_t next = ((slot >> 8U & slot_mask) + 1) * (state >> rans_bits) + (slot >> 20U);
    // Whether to refill is what a processor cannot guess: masks, no branch.
    const std::uint32_t refill = 0U - static_cast<std::uint32_t>(next < state_min);
    state = next ^ ((next ^ (next << 16U | word_at(in))) & refill);
    in += refill & 2U;
    return static_cast<std::uint8_t>(slot);
}

/// Decodes bytes [from, to); `table_of(i)` points at the slots of byte i.
template <class TableOf>
void decode_range(States& states, const char*& in, const char* in_end, std::span<std::uint8_t> out, std::size_t from,
                  std::size_t to, TableOf table_of) {
    const auto careful = [&](std::size_t i) {
        static constexpr char nothing[2] = {};
        std::uint32_t& state = states[i % lanes];
        const char* at = in_end - in >= 2 ? in : nothing;
        const char* const before = at;
        out[i] = step(state, table_of(i), at);
        if (at == before) return;
        if (before == nothing) throw UnpackFault("it ends too early; was it cut short?");
        in = at;
    };
    std::size_t i = from;
    for (; i < to && i % lanes != 0; ++i) careful(i);
    States fast = states;
    const char* at = in;
    std::uint8_t* const bytes = out.data();
    for (; i + lanes <= to && in_end - at >= static_cast<std::ptrdiff_t>(2 * lanes); i += lanes) {
        bytes[i] = step(fast[0], table_of(i), at);
        bytes[i + 1] = step(fast[1], table_of(i + 1), at);
        bytes[i + 2] = step(fast[2], table_of(i + 2), at);
        bytes[i + 3] = step(fast[3], table_of(i + 3), at);
    }
    states = fast;
    in = at;
    for (; i < to; ++i) careful(i);
}

struct Start {
    std::uint32_t frequency;
    std::uint32_t first;  ///< slot
};

}  // namespace

std::string rans_encode(std::span<const std::uint8_t> bytes, const TableOrder& order,
                        std::span<const Frequencies> tables) {
    std::vector<std::array<Start, 256>> starts(tables.size());
    for (std::size_t t = 0; t < tables.size(); ++t) {
        std::uint32_t first = 0;
        for (std::size_t s = 0; s < 256; ++s) {
            starts[t][s] = {.frequency = tables[t][s], .first = first};
            first += tables[t][s];
        }
        BREAKEVEN_ASSERT(first == rans_total);
    }
    States states;
    states.fill(state_min);
    std::vector<std::uint16_t> words;
    words.reserve(bytes.size() / 2);
    for (std::size_t i = bytes.size(); i-- > 0;) {
        const Start start = starts[order.tables[i / order.run % order.tables.size()]][bytes[i]];
        BREAKEVEN_ASSERT(start.frequency > 0);
        std::uint32_t& state = states[i % lanes];
        if (state >= static_cast<std::uint64_t>(start.frequency) << (32 - rans_bits)) {
            words.push_back(static_cast<std::uint16_t>(state));
            state >>= 16U;
        }
        state = (state / start.frequency << rans_bits) + state % start.frequency + start.first;
    }
    std::string out;
    out.reserve(4 * lanes + 2 * words.size());
    for (const std::uint32_t state : states) {
        for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(state >> shift));
    }
    for (auto word = words.rbegin(); word != words.rend(); ++word) {
        out.push_back(static_cast<char>(*word));
        out.push_back(static_cast<char>(*word >> 8U));
    }
    return out;
}

void rans_decode(std::string_view coded, const TableOrder& order, std::span<const Frequencies> tables,
                 std::span<std::uint8_t> out) {
    if (coded.size() < 4 * lanes) throw UnpackFault("it ends too early; was it cut short?");
    std::vector<Slots> slots;
    slots.reserve(tables.size());
    for (const Frequencies& frequencies : tables) slots.push_back(slots_of(frequencies));
    States states;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        states[lane] = word_at(coded.data() + 4 * lane) | word_at(coded.data() + 4 * lane + 2) << 16U;
        if (states[lane] < state_min) throw UnpackFault("a coder's state in it cannot be right");
    }
    const char* in = coded.data() + 4 * lanes;
    const char* const in_end = coded.data() + coded.size();
    const std::size_t turns = order.tables.size();
    if (turns == 1) {
        const std::uint32_t* const only = slots[order.tables[0]].data();
        decode_range(states, in, in_end, out, 0, out.size(), [only](std::size_t) { return only; });
    } else if (order.run >= short_run) {
        std::size_t group = 0;
        for (std::size_t from = 0; from < out.size(); from += order.run, group = group + 1 == turns ? 0 : group + 1) {
            const std::uint32_t* const one = slots[order.tables[group]].data();
            const std::size_t to = out.size() - from < order.run ? out.size() : from + order.run;
            decode_range(states, in, in_end, out, from, to, [one](std::size_t) { return one; });
        }
    } else {
        std::vector<const std::uint32_t*> ahead(order.run * turns);
        for (std::size_t i = 0; i < ahead.size(); ++i) ahead[i] = slots[order.tables[i / order.run]].data();
        for (std::size_t from = 0; from < out.size(); from += ahead.size()) {
            const std::size_t to = std::min(out.size(), from + ahead.size());
            const std::uint32_t* const* const turn = ahead.data();
            decode_range(states, in, in_end, out, from, to, [turn, from](std::size_t i) { return turn[i - from]; });
        }
    }
    const bool ended = std::ranges::all_of(states, [](std::uint32_t state) { return state == state_min; });
    if (!ended || in != in_end) throw UnpackFault("a coder in it does not end where it should");
}

}  // namespace breakeven
