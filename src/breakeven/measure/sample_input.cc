// Sample inputs: see sample_input.h.
#include "breakeven/measure/sample_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "breakeven/error.h"
#include "breakeven/tensor/strings.h"
#include "breakeven/time/random.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using namespace literals;

constexpr Bytes size_limit = 1_GiB;

template <class T, class Draw>
void fill(Tensor& tensor, const Draw& draw) {
    for (T& value : tensor.mutable_as<T>()) value = static_cast<T>(draw());
}

/// The bits of the half nearest to zero from m / 1024: those fit its fraction exactly.
std::uint16_t half_of_1024ths(std::uint64_t m) {
    if (m == 0) return 0;
    const auto single = std::bit_cast<std::uint32_t>(static_cast<float>(m) / 1024.0F);
    const std::uint32_t exponent = ((single >> 23U) & 0xffU) - 112U;
    return static_cast<std::uint16_t>((exponent << 10U) | ((single >> 13U) & 0x3ffU));
}

void fill_numbers(Tensor& tensor, Random& random) {
    const auto small = [&] { return random.below(10); };
    const auto pixel = [&] { return random.uniform(); };
    switch (tensor.dtype()) {
        case DType::boolean: fill<std::uint8_t>(tensor, [&] { return random.below(2); }); break;
        case DType::uint8: fill<std::uint8_t>(tensor, [&] { return random.below(256); }); break;
        case DType::int8: fill<std::int8_t>(tensor, small); break;
        case DType::uint16: fill<std::uint16_t>(tensor, small); break;
        case DType::int16: fill<std::int16_t>(tensor, small); break;
        case DType::uint32: fill<std::uint32_t>(tensor, small); break;
        case DType::int32: fill<std::int32_t>(tensor, small); break;
        case DType::uint64: fill<std::uint64_t>(tensor, small); break;
        case DType::int64: fill<std::int64_t>(tensor, small); break;
        case DType::float16: fill<std::uint16_t>(tensor, [&] { return half_of_1024ths(random.below(1024)); }); break;
        case DType::bfloat16:
            fill<std::uint16_t>(tensor, [&] {
                return std::bit_cast<std::uint32_t>(static_cast<float>(random.below(256)) / 256.0F) >> 16U;
            });
            break;
        case DType::float32:  // 24 bits: rounding must not reach 1
            fill<float>(tensor, [&] { return static_cast<float>(random.below(1U << 24U)) * 0x1p-24F; });
            break;
        case DType::float64: fill<double>(tensor, pixel); break;
        case DType::string: BREAKEVEN_ASSERT(!"strings are not numbers"); break;
    }
}

}  // namespace

Tensor sample_input(const TensorSpec& specification, std::uint64_t seed) {
    Shape shape = specification.shape;
    std::replace_if(
        shape.begin(), shape.end(), [](std::int64_t dimension) { return dimension < 0; }, 1);
    const std::optional<std::int64_t> count = element_count(shape);
    // A word takes some bytes too; what an element of a string block costs at least is its length.
    const auto each = static_cast<std::int64_t>(std::max<std::size_t>(element_size(specification.dtype), 1));
    if (!count || *count > size_limit.count() / each) {
        throw Error(ErrorKind::input,
                    fmt::format("make a sample for input '{}' of shape {}", specification.name, to_text(shape)),
                    fmt::format("it would be larger than {}: is the shape right?", to_text(size_limit)));
    }
    Random random(seed);
    if (specification.dtype == DType::string) {
        if (*count > size_limit.count() / 64) {
            throw Error(ErrorKind::input, fmt::format("make a sample for input '{}'", specification.name),
                        "too many words for a sample: give them with --input");
        }
        std::vector<std::string> words;
        for (std::int64_t i = 0; i < *count; ++i) words.push_back(fmt::format("word{}", random.below(1000)));
        return encode_strings(shape, words);
    }
    Tensor tensor(specification.dtype, std::move(shape));
    fill_numbers(tensor, random);
    return tensor;
}

std::vector<Tensor> sample_inputs(std::span<const TensorSpec> specifications, std::uint64_t seed) {
    std::vector<Tensor> tensors;
    for (std::size_t i = 0; i < specifications.size(); ++i) {
        tensors.push_back(sample_input(specifications[i], seed + i));  // an input keeps its values when others change
    }
    return tensors;
}

}  // namespace breakeven
