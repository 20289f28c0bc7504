// Preprocess: how a picture (or a raw recording) becomes a network's input, as preprocess.json states it:
//   size    n or [height, width] to resize to; what the network takes unless told
//   crop    n or [height, width] cut from the middle after resizing (then `size` n means the short side), or a fraction
//           below 1, cut before resizing
//   layout  "NCHW" or "NHWC"      channels  "rgb", "bgr" or "grey"      label_offset  output index of label 0
//   range   [lo, hi]: what 0 and 255 become (default [0, 255]); then mean is taken off and std divides, each one number
//           or one for each channel in the order the network takes them
//   dtype   element type of .bin files where it isn't the input's own, such as "int8"; the value then goes through
//           range, mean and std as a pixel would
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/tensor/image.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// The key under which a model's metadata_props may carry this JSON.
inline constexpr std::string_view preprocess_metadata_key = "breakeven.preprocess";

enum class ImageLayout { nchw, nhwc };
enum class ChannelOrder { rgb, bgr, grey };

struct Preprocess {
    std::optional<std::int64_t> short_side;  ///< `size` as one number
    std::optional<ImageSize> size;           ///< `size` as two
    std::optional<ImageSize> crop;
    std::optional<double> crop_fraction;
    std::optional<ImageLayout> layout;
    std::optional<ChannelOrder> channels;
    std::optional<DType> dtype;
    std::vector<double> range{0.0, 255.0};
    std::vector<double> mean{0.0};
    std::vector<double> deviation{1.0};
    std::int64_t label_offset = 0;
    friend bool operator==(const Preprocess&, const Preprocess&) = default;
};

/// `subject` names the text in messages, such as its file. Throws Error{input}, also for keys it does not know.
Preprocess parse_preprocess(std::string_view json, std::string_view subject);

/// Where an input takes pictures: its layout and sizes after the spec and the preprocessing are put together.
struct ImageInput {
    ImageLayout layout = ImageLayout::nhwc;
    ChannelOrder channels = ChannelOrder::rgb;
    std::int64_t channel_count = 3;
    ImageSize size;
    bool batched = true;  ///< the shape starts with a batch dimension
    Shape shape() const;  ///< closed, batch 1
};

/// Throws Error{input} when the input is no picture of 1 or 3 channels, or the two contradict one another.
ImageInput image_input(const TensorSpec& spec, const Preprocess& preprocess);

/// value = pixel * scale + offset, one of each for every channel, in the network's order.
struct ChannelScaling {
    std::vector<double> scale;
    std::vector<double> offset;
    bool is_identity() const;
};
ChannelScaling channel_scaling(const Preprocess& preprocess, std::int64_t channels);

/// The pixels that the network looks at, uint8, in its layout, size and channel order: what codec `u8` sends.
Tensor fit_image(const Tensor& image, const ImageInput& input, const Preprocess& preprocess);

/// The network's input from a decoded picture: fit_image and the scaling as float32, or rounded and clamped to int8. A
/// uint8 input takes the pixels as they are: its scaling is the network's own business (codec `u8`).
Tensor preprocess_image(const Tensor& image, const TensorSpec& spec, const Preprocess& preprocess);

/// The network's input from an array, with or without its batch dimension: of the spec's type, of preprocess.dtype
/// (then through range, mean and std), or of another float type where the spec takes float32. Throws Error{input}
/// otherwise.
Tensor preprocess_array(const Tensor& array, const TensorSpec& spec, const Preprocess& preprocess);

/// The network's input from a file of raw little-endian numbers, of the spec's type or of preprocess.dtype, with or
/// without its batch dimension. Throws Error{input} where the length does not fit.
Tensor preprocess_raw(std::span<const std::byte> bytes, const TensorSpec& spec, const Preprocess& preprocess);

}  // namespace breakeven
