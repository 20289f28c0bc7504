// Adaptive bits: what is put is taken, and takes little more than its entropy.
#include "breakeven/codec/adaptive_bits.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <vector>

#include "breakeven/codec/pack_bytes.h"

namespace breakeven {
namespace {

RC_GTEST_PROP(AdaptiveBits, TakeWhatWasPutUnderAnyChances, ()) {
    const auto decisions = *rc::gen::container<std::vector<std::pair<int, bool>>>(
        rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::arbitrary<bool>()));
    AdaptiveBitsWriter writer;
    std::vector<Chance> chances(5);
    for (const auto& [which, yes] : decisions) writer.put(chances[static_cast<std::size_t>(which)], yes);
    const std::string coded = writer.take();
    AdaptiveBitsReader reader(coded);
    std::vector<Chance> learned(5);
    for (const auto& [which, yes] : decisions) RC_ASSERT(reader.take(learned[static_cast<std::size_t>(which)]) == yes);
    reader.finish();
}

TEST(AdaptiveBits, ComeWithinAFewHundredthsOfTheEntropyOfSteadyChances) {
    std::uint64_t state = 42;
    for (const double chance : {0.5, 0.2, 0.05, 0.01}) {
        AdaptiveBitsWriter writer;
        Chance learned;
        constexpr int count = 100'000;
        for (int i = 0; i < count; ++i) {
            state = state * 6364136223846793005ULL + 1442695040888963407ULL;
            writer.put(learned, static_cast<double>(state >> 11U) * 0x1.0p-53 < chance);
        }
        const double entropy = -chance * std::log2(chance) - (1 - chance) * std::log2(1 - chance);
        const double bits = 8.0 * static_cast<double>(writer.take().size()) / count;
        EXPECT_LT(bits, entropy * 1.04 + 0.005) << chance;
        EXPECT_GT(bits, entropy * 0.97) << chance;
    }
}

TEST(AdaptiveBits, CutShortOrWithRestAreFaults) {
    AdaptiveBitsWriter writer;
    Chance chance;
    for (int i = 0; i < 1000; ++i) writer.put(chance, i % 3 == 0);
    const std::string coded = writer.take();
    const auto read = [](std::string_view bytes) {
        AdaptiveBitsReader reader(bytes);
        Chance learned;
        for (int i = 0; i < 1000; ++i) reader.take(learned);
        reader.finish();
    };
    read(coded);
    EXPECT_THROW(read(coded.substr(0, coded.size() - 2)), UnpackFault);
    EXPECT_THROW(read(coded + "ab"), UnpackFault);
    EXPECT_THROW(read("abc"), UnpackFault);
}

}  // namespace
}  // namespace breakeven
