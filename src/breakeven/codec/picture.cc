// jpeg: pictures of 8-bit pixels, or of floats that are whole numbers 0 to 255, by libjpeg-turbo; the one lossy codec
// that offloading the input itself has as a rival.
#include <turbojpeg.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/payload.h"
#include "breakeven/error.h"
#include "breakeven/tensor/image.h"

namespace breakeven {
namespace {

/// libjpeg's own limit.
constexpr std::int64_t side_max = 65500;

struct Layout {
    ImageSize size;
    std::int64_t channels = 3;
    bool channels_last = true;
};

std::optional<Layout> layout_of(const Shape& shape) {
    const std::size_t rank = shape.size();
    if (rank < 3 || rank > 4 || (rank == 4 && shape[0] != 1)) return {};
    const std::int64_t* const last = shape.data() + rank - 3;
    const auto are_channels = [](std::int64_t count) { return count == 1 || count == 3; };
    Layout layout;
    if (are_channels(last[2])) {
        layout = {.size = {.height = last[0], .width = last[1]}, .channels = last[2]};
    } else if (are_channels(last[0])) {
        layout = {.size = {.height = last[1], .width = last[2]}, .channels = last[0], .channels_last = false};
    } else {
        return {};
    }
    const auto fits = [](std::int64_t side) { return side >= 1 && side <= side_max; };
    if (!fits(layout.size.height) || !fits(layout.size.width)) return {};
    if (layout.size.height > image_pixels_max / layout.size.width) return {};
    return layout;
}

/// Where pixel (position, channel) of a picture lies in the tensor.
template <class Work>
void each_value(const Layout& layout, Work work) {
    const std::int64_t pixels = layout.size.height * layout.size.width;
    for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < layout.channels; ++c) {
            const std::int64_t at = p * layout.channels + c;
            work(static_cast<std::size_t>(at), static_cast<std::size_t>(layout.channels_last ? at : c * pixels + p));
        }
    }
}

bool take_pixels(const Tensor& tensor, const Layout& layout, std::span<std::uint8_t> to) {
    if (tensor.dtype() == DType::uint8) {
        const auto from = tensor.as<std::uint8_t>();
        each_value(layout, [&](std::size_t pixel, std::size_t at) { to[pixel] = from[at]; });
        return true;
    }
    if (tensor.dtype() != DType::float32) return false;
    const auto from = tensor.as<float>();
    bool whole = true;
    each_value(layout, [&](std::size_t pixel, std::size_t at) {
        const float value = from[at];
        const bool fits = value >= 0.0F && value <= 255.0F;
        to[pixel] = fits ? static_cast<std::uint8_t>(value) : std::uint8_t{0};
        whole = whole && fits && static_cast<float>(to[pixel]) == value;
    });
    return whole;
}

}  // namespace

bool append_picture(const Tensor& tensor, int quality, std::string& out) {
    const auto layout = layout_of(tensor.shape());
    if (!layout) return false;
    Tensor pixels(DType::uint8, {layout->size.height, layout->size.width, layout->channels});
    if (!take_pixels(tensor, *layout, pixels.mutable_as<std::uint8_t>())) return false;
    const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
    if (!encoder) throw Error(ErrorKind::internal, "start the JPEG encoder", tjGetErrorStr2(nullptr));
    unsigned char* made = nullptr;
    unsigned long size = 0;
    const int status =
        tjCompress2(encoder.get(), pixels.as<std::uint8_t>().data(), static_cast<int>(layout->size.width), 0,
                    static_cast<int>(layout->size.height), layout->channels == 1 ? TJPF_GRAY : TJPF_RGB, &made, &size,
                    layout->channels == 1 ? TJSAMP_GRAY : TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(made, tjFree);
    if (status != 0) throw Error(ErrorKind::internal, "code a picture", tjGetErrorStr2(encoder.get()));
    out.append(reinterpret_cast<const char*>(made), size);
    return true;
}

void read_picture(std::string_view payload, Tensor& tensor) {
    const auto layout = layout_of(tensor.shape());
    if (!layout) throw UnpackFault("its shape is no picture's");
    const auto bytes = std::as_bytes(std::span(payload.data(), payload.size()));
    if (image_format(bytes) != ImageFormat::jpeg) throw UnpackFault("it holds no JPEG");
    std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
    if (!decoder) throw Error(ErrorKind::internal, "start the JPEG decoder", tjGetErrorStr2(nullptr));
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(decoder.get(), reinterpret_cast<const unsigned char*>(payload.data()),
                            static_cast<unsigned long>(payload.size()), &width, &height, &subsampling, &colours) != 0) {
        throw UnpackFault("its JPEG cannot be read");
    }
    // Before memory is taken for what the JPEG says of itself.
    if (ImageSize{.height = height, .width = width} != layout->size) {
        throw UnpackFault("its JPEG has another size than the tensor");
    }
    Tensor pixels;
    try {
        pixels = decode_image(bytes);
    } catch (const Error&) {
        throw UnpackFault("its JPEG cannot be read");
    }
    if (pixels.shape().back() != layout->channels) throw UnpackFault("its JPEG has other channels than the tensor");
    const auto from = pixels.as<std::uint8_t>();
    if (tensor.dtype() == DType::uint8) {
        const auto to = tensor.mutable_as<std::uint8_t>();
        each_value(*layout, [&](std::size_t pixel, std::size_t at) { to[at] = from[pixel]; });
    } else {
        const auto to = tensor.mutable_as<float>();
        each_value(*layout, [&](std::size_t pixel, std::size_t at) { to[at] = static_cast<float>(from[pixel]); });
    }
}

}  // namespace breakeven
