// Preprocess: see preprocess.h. Here: from a picture to a tensor; preprocess_json.cc reads the file.
#include "breakeven/tensor/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "breakeven/error.h"

namespace breakeven {
namespace {

[[noreturn]] void refuse(const TensorSpec& spec, const std::string& reason) {
    throw Error(ErrorKind::input, fmt::format("prepare input '{}' {}", spec.name, to_text(spec.shape)), reason);
}

ImageLayout layout_of(const Shape& picture) {
    const auto is_channels = [](std::int64_t n) { return n == 1 || n == 3; };
    if (is_channels(picture[2]) && !is_channels(picture[0])) return ImageLayout::nhwc;
    return ImageLayout::nchw;  // also where both could be: ONNX's own operators are NCHW
}

/// The input's height and width, closed with what the preprocessing says; the two must not contradict one another.
ImageSize size_wanted(const TensorSpec& spec, ImageSize taken, const Preprocess& preprocess) {
    std::optional<ImageSize> made = preprocess.crop ? preprocess.crop : preprocess.size;
    if (!made && preprocess.short_side)
        made = ImageSize{.height = *preprocess.short_side, .width = *preprocess.short_side};
    if (!made) return taken;
    if ((taken.height > 0 && taken.height != made->height) || (taken.width > 0 && taken.width != made->width)) {
        refuse(spec, fmt::format("preprocessing makes pictures of {} x {} (height x width), which it does not take",
                                 made->height, made->width));
    }
    return *made;
}

/// Resized so that the short side has `length`, the long one in proportion, rounded down.
Tensor resize_short_side(const Tensor& image, std::int64_t length) {
    const ImageSize from = image_size(image);
    const std::int64_t short_side = std::min(from.height, from.width);
    const std::int64_t long_side = std::max(from.height, from.width);
    const std::int64_t stretched = std::max<std::int64_t>(long_side * length / short_side, length);
    if (stretched > image_pixels_max / length) {
        throw Error(ErrorKind::input, "resize an image", "it is too long and narrow to resize its short side");
    }
    return resize_bilinear(image, from.height < from.width ? ImageSize{.height = length, .width = stretched}
                                                           : ImageSize{.height = stretched, .width = length});
}

Tensor resize_and_crop(Tensor image, ImageSize wanted, const Preprocess& preprocess) {
    if (preprocess.crop_fraction) {
        const ImageSize from = image_size(image);
        const auto part = [&](std::int64_t n) {
            return std::max<std::int64_t>(std::llround(static_cast<double>(n) * *preprocess.crop_fraction), 1);
        };
        image = crop_centre(image, {.height = part(from.height), .width = part(from.width)});
    }
    if (!preprocess.crop) return resize_bilinear(image, wanted);
    if (preprocess.size) {
        image = resize_bilinear(image, *preprocess.size);
    } else if (preprocess.short_side) {
        image = resize_short_side(image, *preprocess.short_side);
    }
    const ImageSize from = image_size(image);
    if (wanted.height > from.height || wanted.width > from.width) {
        throw Error(ErrorKind::input, fmt::format("crop an image to {} x {}", wanted.height, wanted.width),
                    fmt::format("it has only {} x {} pixels; give preprocessing a `size` to resize to first",
                                from.height, from.width));
    }
    return crop_centre(image, wanted);
}

Tensor with_order(const Tensor& image, const ImageInput& input) {
    const Tensor pixels = with_channels(image, input.channel_count);
    const bool swapped = input.channels == ChannelOrder::bgr;
    if (input.layout == ImageLayout::nhwc && !swapped) return pixels.reshaped(input.shape());
    Tensor result(DType::uint8, input.shape());
    const auto from = pixels.as<std::uint8_t>();
    const auto to = result.mutable_as<std::uint8_t>();
    const auto channels = static_cast<std::size_t>(input.channel_count);
    const std::size_t area = from.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
        const std::size_t source = swapped ? channels - 1 - c : c;
        if (input.layout == ImageLayout::nchw) {
            for (std::size_t i = 0; i < area; ++i) to[c * area + i] = from[i * channels + source];
        } else {
            for (std::size_t i = 0; i < area; ++i) to[i * channels + c] = from[i * channels + source];
        }
    }
    return result;
}

/// For each channel the value of each of the 256 pixels: exact, and quicker than arithmetic for types that round.
template <class T>
std::vector<std::array<T, 256>> value_tables(const ChannelScaling& scaling, double first_pixel) {
    std::vector<std::array<T, 256>> tables(scaling.scale.size());
    for (std::size_t c = 0; c < tables.size(); ++c) {
        for (std::size_t i = 0; i < 256; ++i) {
            const double pixel = first_pixel + static_cast<double>(i);
            double value = pixel * scaling.scale[c] + scaling.offset[c];
            if constexpr (std::is_integral_v<T>) {
                value = std::clamp(std::nearbyint(value), static_cast<double>(std::numeric_limits<T>::min()),
                                   static_cast<double>(std::numeric_limits<T>::max()));
            }
            tables[c][i] = static_cast<T>(value);
        }
    }
    return tables;
}

template <class T>
Tensor scale_pixels(const Tensor& pixels, const ImageInput& input, const ChannelScaling& scaling, DType dtype) {
    Tensor result(dtype, pixels.shape());
    const auto from = pixels.as<std::uint8_t>();
    const auto to = result.mutable_as<T>();
    const auto tables = value_tables<T>(scaling, 0.0);
    const std::size_t channels = tables.size();
    const std::size_t area = from.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
        const auto& table = tables[c];
        const bool planar = input.layout == ImageLayout::nchw;
        const std::size_t first = planar ? c * area : c;
        const std::size_t step = planar ? 1 : channels;
        for (std::size_t i = 0, at = first; i < area; ++i, at += step) to[at] = table[from[at]];
    }
    return result;
}

Tensor scaled(const Tensor& pixels, const ImageInput& input, const ChannelScaling& scaling, const TensorSpec& spec) {
    switch (spec.dtype) {
        case DType::float32: return scale_pixels<float>(pixels, input, scaling, spec.dtype);
        case DType::int8: return scale_pixels<std::int8_t>(pixels, input, scaling, spec.dtype);
        case DType::uint8: return pixels;
        default: break;
    }
    refuse(spec, fmt::format("pictures become float32, uint8 or int8, and it takes {}; give it a .npy file",
                             name(spec.dtype)));
}

/// The spec's shape with an open first dimension closed to 1: what one sample has.
Shape sample_shape(const TensorSpec& spec) {
    Shape shape = spec.shape;
    if (!shape.empty() && shape[0] < 0) shape[0] = 1;
    if (!element_count(shape)) refuse(spec, "the shape is open beyond the batch dimension; give it a .npy file");
    return shape;
}

}  // namespace

Shape ImageInput::shape() const {
    Shape result = layout == ImageLayout::nchw ? Shape{channel_count, size.height, size.width}
                                               : Shape{size.height, size.width, channel_count};
    if (batched) result.insert(result.begin(), 1);
    return result;
}

ImageInput image_input(const TensorSpec& spec, const Preprocess& preprocess) {
    if (spec.shape.size() != 3 && spec.shape.size() != 4) {
        refuse(spec, "this is no picture (height, width and channels); give it a .npy or .bin file");
    }
    ImageInput input;
    input.batched = spec.shape.size() == 4;
    if (input.batched && spec.shape[0] > 1)
        refuse(spec, "it takes a fixed batch of several pictures; give it a .npy file");
    const Shape picture(spec.shape.end() - 3, spec.shape.end());
    input.layout = preprocess.layout.value_or(layout_of(picture));
    const bool planar = input.layout == ImageLayout::nchw;
    input.channel_count = planar ? picture[0] : picture[2];
    if (input.channel_count < 0) input.channel_count = preprocess.channels == ChannelOrder::grey ? 1 : 3;
    if (input.channel_count != 1 && input.channel_count != 3) {
        refuse(spec, fmt::format("{} channels in layout {} are no picture; give it a .npy file, or another layout",
                                 input.channel_count, planar ? "NCHW" : "NHWC"));
    }
    input.channels = preprocess.channels.value_or(input.channel_count == 1 ? ChannelOrder::grey : ChannelOrder::rgb);
    if ((input.channels == ChannelOrder::grey) != (input.channel_count == 1)) {
        refuse(spec, fmt::format("it takes {} channel(s), which the preprocessing's `channels` contradicts",
                                 input.channel_count));
    }
    input.size = size_wanted(
        spec, {.height = planar ? picture[1] : picture[0], .width = planar ? picture[2] : picture[1]}, preprocess);
    if (input.size.height <= 0 || input.size.width <= 0) refuse(spec, "its size is open: give preprocessing a `size`");
    if (input.size.height > image_pixels_max / input.size.width) refuse(spec, "the picture is too large");
    return input;
}

bool ChannelScaling::is_identity() const {
    return std::ranges::all_of(scale, [](double x) { return x == 1.0; }) &&
           std::ranges::all_of(offset, [](double x) { return x == 0.0; });
}

ChannelScaling channel_scaling(const Preprocess& preprocess, std::int64_t channels) {
    const auto of_channel = [&](const std::vector<double>& values, std::size_t c, std::string_view key) {
        if (values.size() != 1 && values.size() != static_cast<std::size_t>(channels)) {
            throw Error(ErrorKind::input, "read preprocessing",
                        fmt::format("`{}` has {} numbers; the input has {} channel(s)", key, values.size(), channels));
        }
        return values.size() == 1 ? values[0] : values[c];
    };
    ChannelScaling scaling;
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
        const double mean = of_channel(preprocess.mean, c, "mean");
        const double deviation = of_channel(preprocess.deviation, c, "std");
        scaling.scale.push_back((preprocess.range[1] - preprocess.range[0]) / 255.0 / deviation);
        scaling.offset.push_back((preprocess.range[0] - mean) / deviation);
    }
    return scaling;
}

Tensor fit_image(const Tensor& image, const ImageInput& input, const Preprocess& preprocess) {
    return with_order(resize_and_crop(image, input.size, preprocess), input);
}

Tensor preprocess_image(const Tensor& image, const TensorSpec& spec, const Preprocess& preprocess) {
    const ImageInput input = image_input(spec, preprocess);
    const ChannelScaling scaling = channel_scaling(preprocess, input.channel_count);
    return scaled(fit_image(image, input, preprocess), input, scaling, spec);
}

Tensor preprocess_array(const Tensor& array, const TensorSpec& spec, const Preprocess& preprocess) {
    Shape shape = array.shape();
    if (!admits(spec.shape, shape)) {
        if (shape.size() + 1 == spec.shape.size()) {
            shape.insert(shape.begin(), 1);
        } else if (shape.size() == spec.shape.size() + 1 && shape.front() == 1) {
            shape.erase(shape.begin());
        }
        if (!admits(spec.shape, shape))
            refuse(spec, fmt::format("an array of {} does not fit", to_text(array.shape())));
    }
    if (array.dtype() == spec.dtype) return array.reshaped(shape);
    if (preprocess.dtype == array.dtype()) {
        return preprocess_raw(array.bytes(), {.name = spec.name, .dtype = spec.dtype, .shape = shape}, preprocess);
    }
    const bool is_float = array.dtype() == DType::float64 || array.dtype() == DType::float16;
    if (spec.dtype != DType::float32 || !is_float) {
        refuse(spec, fmt::format("an array of {} is not {}; save it with numpy's .astype('{}')", name(array.dtype()),
                                 name(spec.dtype), name(spec.dtype)));
    }
    Tensor result(DType::float32, shape);
    const std::vector<double> values = to_doubles(array);
    std::ranges::transform(values, result.mutable_as<float>().begin(), [](double x) { return static_cast<float>(x); });
    return result;
}

Tensor preprocess_raw(std::span<const std::byte> bytes, const TensorSpec& spec, const Preprocess& preprocess) {
    const Shape shape = sample_shape(spec);
    const DType dtype = preprocess.dtype.value_or(spec.dtype);
    const auto count = static_cast<std::size_t>(*element_count(shape));
    if (element_size(dtype) == 0 || bytes.size() % element_size(dtype) != 0 ||
        bytes.size() / element_size(dtype) != count) {
        refuse(spec, fmt::format("{} bytes are not {} elements of {}; name the type in preprocessing's `dtype`",
                                 bytes.size(), count, name(dtype)));
    }
    if (dtype == spec.dtype) {
        Tensor result(dtype, shape);
        std::memcpy(result.mutable_bytes().data(), bytes.data(), bytes.size());
        return result;
    }
    if (spec.dtype != DType::float32 || (dtype != DType::int8 && dtype != DType::uint8)) {
        refuse(spec, fmt::format("{} does not become {} here; give it a .npy file", name(dtype), name(spec.dtype)));
    }
    // One scaling for all elements: a recording has no channels that we know of.
    const ChannelScaling scaling = channel_scaling(preprocess, 1);
    const bool is_signed = dtype == DType::int8;
    const auto table = value_tables<float>(scaling, is_signed ? -128.0 : 0.0).front();
    Tensor result(DType::float32, shape);
    const auto to = result.mutable_as<float>();
    for (std::size_t i = 0; i < count; ++i) {
        const unsigned raw = std::to_integer<unsigned>(bytes[i]);
        to[i] = table[is_signed ? raw ^ 0x80U : raw];
    }
    return result;
}

}  // namespace breakeven
