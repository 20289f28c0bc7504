// Pictures as tensors: JPEG and PNG bytes to 8-bit pixels, and resizing with the arithmetic of Pillow's filters.
// An image here is a uint8 tensor [height, width, channels], channels 1 (grey) or 3 (red, green, blue).
// Orientation tags (EXIF) are not applied, as in the pipelines that networks are trained with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

struct ImageSize {
    std::int64_t height = 0;
    std::int64_t width = 0;
    friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

/// More than any camera that networks are fed from; checked on the header, before memory is taken.
inline constexpr std::int64_t image_pixels_max = std::int64_t{1} << 26U;

enum class ImageFormat { none, jpeg, png };
/// By the first bytes, not by a name.
ImageFormat image_format(std::span<const std::byte> bytes);

/// Throws Error{input} for anything that is no whole JPEG or PNG of at most image_pixels_max. Alpha is dropped,
/// palettes are looked up, 16 bits become 8, a grey picture keeps its one channel.
Tensor decode_image(std::span<const std::byte> bytes);

ImageSize image_size(const Tensor& image);

/// Bilinear with antialiasing: when shrinking, the triangle covers all pixels that fall into one.
Tensor resize_bilinear(const Tensor& image, ImageSize to);

/// The middle of the image; `to` must fit into it.
Tensor crop_centre(const Tensor& image, ImageSize to);

/// One channel from three by ITU-R 601 luma in 16-bit fixed point, as Pillow's mode "L"; or three equal ones from one.
Tensor with_channels(const Tensor& image, std::int64_t channels);

}  // namespace breakeven
