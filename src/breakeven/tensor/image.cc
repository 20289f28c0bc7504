// Image: see image.h. The decoders' own errors end here.
#include "breakeven/tensor/image.h"

#include <fmt/format.h>
#include <png.h>
#include <turbojpeg.h>

#include <csetjmp>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// Ancillary chunks (text, profiles) may hold this much when unpacked: we read none of them.
constexpr png_alloc_size_t png_chunk_bytes_max = 1U << 20U;

[[noreturn]] void refuse(std::string_view format, const std::string& reason) {
    throw Error(ErrorKind::input, fmt::format("decode a {} image", format), reason);
}

void check_size(std::string_view format, ImageSize size) {
    if (size.height <= 0 || size.width <= 0) refuse(format, "it has no pixels");
    if (size.height > image_pixels_max / size.width) {
        refuse(format, fmt::format("{} x {} pixels are more than the {} Mi allowed; shrink it first", size.width,
                                   size.height, image_pixels_max >> 20U));
    }
}

Tensor decode_jpeg(std::span<const std::byte> bytes) {
    const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
    if (!decoder) throw Error(ErrorKind::internal, "start the JPEG decoder", tjGetErrorStr2(nullptr));
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto length = static_cast<unsigned long>(bytes.size());
    int width = 0, height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(decoder.get(), data, length, &width, &height, &subsampling, &colours) != 0) {
        refuse("JPEG", tjGetErrorStr2(decoder.get()));
    }
    check_size("JPEG", {.height = height, .width = width});
    if (colours == TJCS_CMYK || colours == TJCS_YCCK)
        refuse("JPEG", "its four colours (CMYK) are for printing; use RGB");
    const bool grey = colours == TJCS_GRAY;
    Tensor image(DType::uint8, {height, width, grey ? 1 : 3});
    // A limit on scans: a small hostile progressive file can otherwise keep the decoder busy for hours.
    const int status = tjDecompress2(decoder.get(), data, length, image.mutable_as<unsigned char>().data(), width, 0,
                                     height, grey ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
    if (status != 0) {
        // Odd bytes between segments are common and harmless. Everything else leaves wrong pixels; the library's error
        // code cannot be used: it stays at "warning" when a fatal error follows one.
        const std::string reason = tjGetErrorStr2(decoder.get());
        if (reason.find("extraneous bytes before marker") == std::string::npos) refuse("JPEG", reason);
    }
    return image;
}

/// What libpng calls back with: where to read, and the error it met.
struct PngSource {
    std::span<const std::byte> rest;
    std::string error;
};

void read_png(png_structp png, png_bytep to, png_size_t count) {
    auto* source = static_cast<PngSource*>(png_get_io_ptr(png));
    if (count > source->rest.size()) png_error(png, "the file ends too early");
    std::memcpy(to, source->rest.data(), count);
    source->rest = source->rest.subspan(count);
}

void fail_png(png_structp png, png_const_charp message) {
    static_cast<PngSource*>(png_get_error_ptr(png))->error = message;
    png_longjmp(png, 1);
}

void ignore_png_warning(png_structp /*png*/, png_const_charp /*message*/) {}

struct Png {
    explicit Png(PngSource& source)
        : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail_png, ignore_png_warning)),
          info(png == nullptr ? nullptr : png_create_info_struct(png)) {
        if (info == nullptr) throw Error(ErrorKind::internal, "start the PNG decoder", "out of memory");
    }
    Png(const Png&) = delete;
    Png& operator=(const Png&) = delete;
    ~Png() { png_destroy_read_struct(&png, &info, nullptr); }
    png_structp png;
    png_infop info;
};

/// Reads the header and asks for 8-bit grey or RGB rows. False on an error: libpng leaves by longjmp, so that nothing
/// with a destructor may live in this function or the next.
bool read_png_header(Png& file, PngSource& source) {
    if (setjmp(png_jmpbuf(file.png)) != 0) return false;
    png_set_read_fn(file.png, &source, read_png);
    png_set_user_limits(file.png, PNG_USER_WIDTH_MAX, PNG_USER_HEIGHT_MAX);
    png_set_chunk_malloc_max(file.png, png_chunk_bytes_max);
    png_read_info(file.png, file.info);
    png_set_expand(file.png);
    png_set_strip_16(file.png);
    png_set_strip_alpha(file.png);
    png_set_interlace_handling(file.png);
    png_read_update_info(file.png, file.info);
    return true;
}

bool read_png_rows(Png& file, png_bytepp rows) {
    if (setjmp(png_jmpbuf(file.png)) != 0) return false;
    png_read_image(file.png, rows);
    png_read_end(file.png, nullptr);
    return true;
}

Tensor decode_png(std::span<const std::byte> bytes) {
    PngSource source{.rest = bytes, .error = {}};
    Png file(source);
    if (!read_png_header(file, source)) refuse("PNG", source.error);
    const ImageSize size{.height = png_get_image_height(file.png, file.info),
                         .width = png_get_image_width(file.png, file.info)};
    check_size("PNG", size);
    const std::int64_t channels = png_get_channels(file.png, file.info);
    BREAKEVEN_ASSERT(channels == 1 || channels == 3);
    Tensor image(DType::uint8, {size.height, size.width, channels});
    std::vector<png_bytep> rows;
    for (std::int64_t y = 0; y < size.height; ++y) {
        rows.push_back(image.mutable_as<unsigned char>().data() + y * size.width * channels);
    }
    BREAKEVEN_ASSERT(png_get_rowbytes(file.png, file.info) == static_cast<std::size_t>(size.width * channels));
    if (!read_png_rows(file, rows.data())) refuse("PNG", source.error);
    return image;
}

}  // namespace

ImageFormat image_format(std::span<const std::byte> bytes) {
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (start.starts_with("\xff\xd8\xff")) return ImageFormat::jpeg;
    if (start.starts_with("\x89PNG\r\n\x1a\n")) return ImageFormat::png;
    return ImageFormat::none;
}

Tensor decode_image(std::span<const std::byte> bytes) {
    switch (image_format(bytes)) {
        case ImageFormat::jpeg: return decode_jpeg(bytes);
        case ImageFormat::png: return decode_png(bytes);
        case ImageFormat::none: break;
    }
    throw Error(ErrorKind::input, "decode an image", "it is neither JPEG nor PNG");
}

ImageSize image_size(const Tensor& image) {
    BREAKEVEN_ASSERT(image.dtype() == DType::uint8 && image.shape().size() == 3);
    return {.height = image.shape()[0], .width = image.shape()[1]};
}

Tensor crop_centre(const Tensor& image, ImageSize to) {
    const ImageSize from = image_size(image);
    BREAKEVEN_ASSERT(to.height > 0 && to.width > 0 && to.height <= from.height && to.width <= from.width);
    if (to == from) return image;
    const std::int64_t channels = image.shape()[2];
    const std::int64_t top = (from.height - to.height) / 2;
    const std::int64_t left = (from.width - to.width) / 2;
    Tensor result(DType::uint8, {to.height, to.width, channels});
    for (std::int64_t y = 0; y < to.height; ++y) {
        std::memcpy(result.mutable_as<std::uint8_t>().data() + y * to.width * channels,
                    image.as<std::uint8_t>().data() + ((top + y) * from.width + left) * channels,
                    static_cast<std::size_t>(to.width * channels));
    }
    return result;
}

Tensor with_channels(const Tensor& image, std::int64_t channels) {
    const ImageSize size = image_size(image);
    if (image.shape()[2] == channels) return image;
    Tensor result(DType::uint8, {size.height, size.width, channels});
    const std::uint8_t* from = image.as<std::uint8_t>().data();
    std::uint8_t* to = result.mutable_as<std::uint8_t>().data();
    const std::int64_t pixels = size.height * size.width;
    if (channels == 1) {
        for (std::int64_t i = 0; i < pixels; ++i, from += 3) {
            to[i] = static_cast<std::uint8_t>((from[0] * 19595U + from[1] * 38470U + from[2] * 7471U + 0x8000U) >> 16U);
        }
    } else {
        BREAKEVEN_ASSERT(channels == 3);
        for (std::int64_t i = 0; i < pixels; ++i, to += 3) to[0] = to[1] = to[2] = from[i];
    }
    return result;
}

}  // namespace breakeven
