// rans_tables: see rans_tables.h.
#include "breakeven/codec/rans_tables.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {

namespace {

/// More groups of bytes than this are merged before tables are sought for them.
constexpr std::size_t groups_max = 4096;
/// Tables with fewer bits behind each frequency's leading one are shorter and fit less well; 11 keep all.
constexpr std::array<unsigned, 4> precisions{1, 2, 4, 11};

std::uint64_t sum_of(const Histogram& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

/// Makes them sum to rans_total: in proportion, nothing that occurs vanishes, the most frequent takes the rest.
Frequencies settled(const Histogram& counts) {
    const std::uint64_t sum = sum_of(counts);
    Frequencies out{};
    std::uint32_t total = 0;
    for (std::size_t s = 0; s < 256; ++s) {
        if (counts[s] == 0) continue;
        const std::uint64_t share = (counts[s] * std::uint64_t{rans_total} + sum / 2) / sum;
        out[s] = static_cast<std::uint16_t>(std::clamp<std::uint64_t>(share, 1, rans_total));
        total += out[s];
    }
    while (total != rans_total) {
        const auto largest = std::ranges::max_element(out);
        // In steps, so that what is above does not all fall on one.
        const std::uint32_t step = std::max(1U, *largest / 64U);
        if (total > rans_total) {
            const std::uint32_t less = std::min({total - rans_total, step, *largest - 1U});
            *largest = static_cast<std::uint16_t>(*largest - less);
            total -= less;
        } else {
            *largest = static_cast<std::uint16_t>(*largest + (rans_total - total));
            total = rans_total;
        }
    }
    return out;
}

/// Keeps the leading one and `precision` bits behind it.
std::uint32_t coarse(std::uint32_t value, unsigned precision) {
    const auto length = static_cast<unsigned>(std::bit_width(value));
    const unsigned dropped = length > precision + 1 ? length - precision - 1 : 0;
    return value >> dropped << dropped;
}

/// With the dropped bits at the middle of what they may have been: what a decoder sees.
Frequencies coarsened(const Frequencies& frequencies, unsigned precision) {
    Histogram seen{};
    for (std::size_t s = 0; s < 256; ++s) {
        if (frequencies[s] == 0) continue;
        const std::uint32_t kept = coarse(frequencies[s], precision);
        const auto length = static_cast<unsigned>(std::bit_width(kept));
        seen[s] = length > precision + 1 ? kept + (1U << (length - precision - 2)) : kept;
    }
    return settled(seen);
}

void write_frequencies(BitWriter& out, const Frequencies& frequencies, unsigned precision) {
    std::size_t s = 0;
    unsigned before = 4;
    for (std::uint32_t left = static_cast<std::uint32_t>(256 - std::ranges::count(frequencies, 0)); left > 0;) {
        std::size_t first = s;
        while (frequencies[first] == 0) ++first;
        std::size_t end = first;
        while (end < 256 && frequencies[end] != 0) ++end;
        out.gamma(static_cast<std::uint32_t>(first - s + 1));
        out.gamma(static_cast<std::uint32_t>(end - first));
        for (s = first; s < end; ++s, --left) {
            const auto length = static_cast<unsigned>(std::bit_width(unsigned{frequencies[s]}));
            out.gamma(length >= before ? 2 * (length - before) + 1 : 2 * (before - length));
            const unsigned kept = std::min(length - 1, precision);
            const unsigned shown = frequencies[s] >> (length - 1 - kept);
            out.bits(shown & ((1U << kept) - 1), kept);
            before = length;
        }
        out.bits(left > 0 ? 1 : 0, 1);
    }
}

Frequencies read_frequencies(BitReader& in, unsigned precision) {
    Frequencies frequencies{};
    std::size_t s = 0;
    unsigned before = 4;
    do {
        s += in.gamma() - 1;
        const std::size_t end = s + in.gamma();
        if (end > 256) throw UnpackFault("a table in it has too many symbols");
        for (; s < end; ++s) {
            const std::uint32_t move = in.gamma();
            const unsigned length = move % 2 == 1 ? before + move / 2 : before - move / 2;
            if (length < 1 || length > rans_bits + 1) throw UnpackFault("a table in it cannot be right");
            const unsigned kept = std::min(length - 1, precision);
            const std::uint32_t value = (1U << kept | in.bits(kept)) << (length - 1 - kept);
            frequencies[s] = static_cast<std::uint16_t>(value);
            before = length;
        }
    } while (in.bits(1) != 0);
    return coarsened(frequencies, precision);
}

/// Bits that bytes counted so take by this table; infinite where one of them has no place in it.
double cost_bits(const Histogram& counts, const std::array<float, 256>& bits) {
    double sum = 0;
    for (std::size_t s = 0; s < 256; ++s) {
        if (counts[s] > 0) sum += counts[s] * static_cast<double>(bits[s]);
    }
    return sum;
}

std::array<float, 256> bits_of(const Frequencies& frequencies) {
    std::array<float, 256> bits;
    for (std::size_t s = 0; s < 256; ++s) {
        bits[s] = frequencies[s] == 0 ? INFINITY : static_cast<float>(rans_bits) - std::log2(float{1} * frequencies[s]);
    }
    return bits;
}

struct CodedTable {
    Frequencies frequencies{};
    unsigned precision = 0;
    double bits = INFINITY;  ///< of the bytes, and of the table
};

CodedTable best_table(const Histogram& counts) {
    CodedTable best;
    const Frequencies exact = settled(counts);
    for (const unsigned precision : precisions) {
        const Frequencies seen = coarsened(exact, precision);
        BitWriter out;
        write_frequencies(out, exact, precision);
        const double bits = cost_bits(counts, bits_of(seen)) + 8.0 * static_cast<double>(out.take().size());
        if (bits < best.bits) best = {.frequencies = exact, .precision = precision, .bits = bits};
    }
    return best;
}

/// Bytes counted by group: the groups of a TableOrder.
struct Grouping {
    std::size_t run = 1;
    std::vector<Histogram> counts;
};

struct Clusters {
    std::vector<std::uint8_t> of;  ///< by group
    std::vector<Histogram> counts;
    double bits = INFINITY;  ///< estimate of everything
};

double estimate(const Clusters& clusters) {
    double bits =
        static_cast<double>(clusters.of.size()) * static_cast<double>(std::bit_width(clusters.counts.size() - 1));
    for (const Histogram& counts : clusters.counts) {
        if (sum_of(counts) > 0) bits += best_table(counts).bits;
    }
    return bits;
}

/// A table that has a place for everything, so that any group can be priced by it.
std::array<float, 256> smoothed_bits(const Histogram& counts, const Histogram& all) {
    const auto sum = static_cast<double>(sum_of(counts));
    const auto sum_all = static_cast<double>(sum_of(all));
    std::array<float, 256> bits;
    for (std::size_t s = 0; s < 256; ++s) {
        const double share = (counts[s] + all[s] / sum_all) / (sum + 1.0);
        bits[s] = share > 0 ? static_cast<float>(-std::log2(share)) : INFINITY;
    }
    return bits;
}

/// Lloyd's step: each group to the table that codes it shortest, each table to what came to it.
void reassign(const Grouping& grouping, const Histogram& all, Clusters& clusters) {
    std::vector<std::array<float, 256>> bits;
    for (const Histogram& counts : clusters.counts) bits.push_back(smoothed_bits(counts, all));
    std::vector<Histogram> next(clusters.counts.size(), Histogram{});
    for (std::size_t g = 0; g < grouping.counts.size(); ++g) {
        std::size_t best = 0;
        double least = INFINITY;
        for (std::size_t t = 0; t < bits.size(); ++t) {
            const double cost = cost_bits(grouping.counts[g], bits[t]);
            if (cost < least) least = cost, best = t;
        }
        clusters.of[g] = static_cast<std::uint8_t>(best);
        for (std::size_t s = 0; s < 256; ++s) next[best][s] += grouping.counts[g][s];
    }
    clusters.counts = std::move(next);
}

/// The group that pays most for sharing its table: the seed of the next one.
std::size_t worst_served(const Grouping& grouping, const Histogram& all, const Clusters& clusters) {
    std::vector<std::array<float, 256>> bits;
    for (const Histogram& counts : clusters.counts) bits.push_back(smoothed_bits(counts, all));
    std::size_t worst = 0;
    double most = -1;
    for (std::size_t g = 0; g < grouping.counts.size(); ++g) {
        const double waste = cost_bits(grouping.counts[g], bits[clusters.of[g]]) - entropy_bits(grouping.counts[g]);
        if (waste > most) most = waste, worst = g;
    }
    return worst;
}

/// Adds tables one by one while that makes everything shorter.
Clusters clustered(const Grouping& grouping, const Histogram& all) {
    const std::size_t most = std::min<std::size_t>(tables_max(sum_of(all)), grouping.counts.size());
    Clusters now{.of = std::vector<std::uint8_t>(grouping.counts.size(), 0), .counts = {all}};
    now.bits = estimate(now);
    Clusters best = now;
    int in_vain = 0;
    while (now.counts.size() < most && in_vain < 3) {
        now.counts.push_back(grouping.counts[worst_served(grouping, all, now)]);
        for (int i = 0; i < 2; ++i) reassign(grouping, all, now);
        now.bits = estimate(now);
        in_vain = now.bits < best.bits ? 0 : in_vain + 1;
        if (in_vain == 0) best = now;
    }
    return best;
}

Grouping grouped(std::span<const std::uint8_t> bytes, std::size_t run, std::size_t turns) {
    const std::size_t merged = (turns + groups_max - 1) / groups_max;
    Grouping grouping{.run = run * merged,
                      .counts = std::vector<Histogram>((turns + merged - 1) / merged, Histogram{})};
    std::size_t at = 0;
    for (std::size_t group = 0; at < bytes.size(); group = group + 1 == grouping.counts.size() ? 0 : group + 1) {
        Histogram& counts = grouping.counts[group];
        const std::size_t end = std::min(bytes.size(), at + grouping.run);
        for (; at < end; ++at) ++counts[bytes[at]];
    }
    return grouping;
}

/// By first dimension (output channels of a convolution) and by last (of a product with the weights on the right).
std::vector<Grouping> groupings(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions) {
    std::vector<Grouping> out;
    std::size_t elements = 1;
    for (const std::int64_t dimension : dimensions) {
        if (dimension < 1 || static_cast<std::uint64_t>(dimension) > bytes.size() / elements) return out;
        elements *= static_cast<std::size_t>(dimension);
    }
    if (dimensions.size() < 2 || elements != bytes.size()) return out;
    const auto first = static_cast<std::size_t>(dimensions.front());
    const auto last = static_cast<std::size_t>(dimensions.back());
    const std::size_t row = elements / first;
    if (first > 1 && (row >= short_run || elements + short_run <= short_turn_max))
        out.push_back(grouped(bytes, row, first));
    if (last > 1 && last <= groups_max && row > 1) out.push_back(grouped(bytes, 1, last));
    return out;
}

std::string written(const Clusters& clusters, std::size_t run, std::span<const CodedTable> tables) {
    std::string out;
    append_number(out, tables.size());
    if (tables.size() > 1) {
        append_number(out, run);
        append_number(out, clusters.of.size());
    }
    BitWriter bits;
    for (const CodedTable& table : tables) {
        bits.bits(static_cast<std::uint32_t>(std::ranges::find(precisions, table.precision) - precisions.begin()), 2);
        write_frequencies(bits, table.frequencies, table.precision);
    }
    if (tables.size() > 1) {
        const auto width = static_cast<unsigned>(std::bit_width(tables.size() - 1));
        for (const std::uint8_t table : clusters.of) bits.bits(table, width);
    }
    const std::string body = bits.take();
    append_number(out, body.size());
    return out + body;
}

}  // namespace

double entropy_bits(const Histogram& counts) {
    const auto sum = static_cast<double>(sum_of(counts));
    double bits = 0;
    for (const std::uint32_t count : counts) {
        if (count > 0) bits += count * std::log2(sum / count);
    }
    return bits;
}

TableChoice choose_tables(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions) {
    BREAKEVEN_ASSERT(!bytes.empty());
    Histogram all{};
    for (const std::uint8_t byte : bytes) ++all[byte];
    Clusters best{.of = {0}, .counts = {all}};
    best.bits = estimate(best);
    std::size_t run = 1;
    for (const Grouping& grouping : groupings(bytes, dimensions)) {
        Clusters clusters = clustered(grouping, all);
        if (clusters.bits >= best.bits) continue;
        best = std::move(clusters);
        run = grouping.run;
    }
    // Tables that nothing came to are not written.
    std::vector<CodedTable> tables;
    std::vector<std::uint8_t> place(best.counts.size(), 0);
    for (std::size_t t = 0; t < best.counts.size(); ++t) {
        if (sum_of(best.counts[t]) == 0) continue;
        place[t] = static_cast<std::uint8_t>(tables.size());
        tables.push_back(best_table(best.counts[t]));
    }
    for (std::uint8_t& table : best.of) table = place[table];
    if (tables.size() == 1) best.of = {0}, run = 1;
    TableChoice choice{.order = {.run = run, .tables = best.of}, .tables = {}, .written = written(best, run, tables)};
    for (const CodedTable& table : tables) choice.tables.push_back(coarsened(table.frequencies, table.precision));
    return choice;
}

TableChoice read_tables(ByteReader& reader, std::size_t size) {
    TableChoice choice;
    const std::size_t tables = reader.number_up_to(tables_max(size), "a number of tables in it");
    if (tables == 0) throw UnpackFault("a table in it is missing");
    std::size_t turns = 1;
    if (tables > 1) {
        choice.order.run = reader.number_up_to(size, "a table's run in it");
        turns = reader.number_up_to(std::min(size, groups_max), "a number of groups in it");
        if (choice.order.run == 0 || turns == 0) throw UnpackFault("a table's order in it is empty");
        if (choice.order.run < short_run && choice.order.run * turns > short_turn_max) {
            throw UnpackFault("a table's order in it is too fine");
        }
    }
    BitReader bits(reader.bytes(reader.number_up_to(reader.rest().size(), "the size of tables in it")));
    for (std::size_t t = 0; t < tables; ++t) {
        const unsigned precision = precisions[bits.bits(2)];
        choice.tables.push_back(read_frequencies(bits, precision));
    }
    choice.order.tables.assign(turns, 0);
    if (tables > 1) {
        const auto width = static_cast<unsigned>(std::bit_width(tables - 1));
        for (std::uint8_t& table : choice.order.tables) {
            table = static_cast<std::uint8_t>(bits.bits(width));
            if (table >= tables) throw UnpackFault("a table that it names is missing");
        }
    }
    return choice;
}

}  // namespace breakeven
