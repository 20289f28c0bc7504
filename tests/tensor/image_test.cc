// Images: decoding what others encoded, refusing what is broken, and resizing to the pixel as Pillow does.
#include "breakeven/tensor/image.h"

#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>

#include <random>
#include <string>
#include <vector>

#include "breakeven/error.h"

namespace breakeven {
namespace {

/// The pattern that the golden values below were made from.
Tensor pattern(ImageSize size, std::int64_t channels = 3) {
    Tensor image(DType::uint8, {size.height, size.width, channels});
    std::uint8_t* out = image.mutable_as<std::uint8_t>().data();
    for (std::int64_t y = 0; y < size.height; ++y) {
        for (std::int64_t x = 0; x < size.width; ++x) {
            for (std::int64_t c = 0; c < channels; ++c) {
                *out++ = static_cast<std::uint8_t>((x * 37 + y * 91 + c * 53 + x * y * 7) % 256);
            }
        }
    }
    return image;
}

std::vector<int> pixels(const Tensor& image) {
    const auto values = image.as<std::uint8_t>();
    return {values.begin(), values.end()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

std::string png_of(const Tensor& image, std::uint32_t format) {
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png.width = static_cast<png_uint_32>(image.shape()[1]);
    png.height = static_cast<png_uint_32>(image.shape()[0]);
    png.format = format;
    png_alloc_size_t size = 0;
    png_image_write_to_memory(&png, nullptr, &size, 0, image.bytes().data(), 0, nullptr);
    std::string out(size, '\0');
    png_image_write_to_memory(&png, out.data(), &size, 0, image.bytes().data(), 0, nullptr);
    out.resize(size);
    return out;
}

std::string jpeg_of(const Tensor& image, int flags = 0) {
    tjhandle encoder = tjInitCompress();
    unsigned char* out = nullptr;
    unsigned long size = 0;
    const bool grey = image.shape()[2] == 1;
    tjCompress2(encoder, image.as<unsigned char>().data(), static_cast<int>(image.shape()[1]), 0,
                static_cast<int>(image.shape()[0]), grey ? TJPF_GRAY : TJPF_RGB, &out, &size,
                grey ? TJSAMP_GRAY : TJSAMP_444, 95, flags);
    std::string text(reinterpret_cast<char*>(out), size);
    tjFree(out);
    tjDestroy(encoder);
    return text;
}

std::string refusal(std::span<const std::byte> bytes) {
    try {
        (void)decode_image(bytes);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

TEST(Image, PngIsLossless) {
    const Tensor colour = pattern({.height = 7, .width = 5});
    EXPECT_EQ(pixels(decode_image(bytes_of(png_of(colour, PNG_FORMAT_RGB)))), pixels(colour));
    const Tensor grey = pattern({.height = 7, .width = 5}, 1);
    const Tensor decoded = decode_image(bytes_of(png_of(grey, PNG_FORMAT_GRAY)));
    EXPECT_EQ(decoded.shape(), (Shape{7, 5, 1}));
    EXPECT_EQ(pixels(decoded), pixels(grey));
}

TEST(Image, PngAlphaIsDroppedAndNotBlended) {
    Tensor translucent(DType::uint8, {1, 2, 4});
    const std::vector<std::uint8_t> values{10, 20, 30, 128, 40, 50, 60, 0};
    std::ranges::copy(values, translucent.mutable_as<std::uint8_t>().begin());
    EXPECT_EQ(pixels(decode_image(bytes_of(png_of(translucent, PNG_FORMAT_RGBA)))),
              (std::vector<int>{10, 20, 30, 40, 50, 60}));
}

TEST(Image, JpegOfASmoothPictureIsClose) {
    Tensor smooth(DType::uint8, {16, 16, 3});
    for (std::size_t i = 0; i < 16 * 16 * 3; ++i) {
        smooth.mutable_as<std::uint8_t>()[i] = static_cast<std::uint8_t>(i / 48 * 10 + 30 * (i % 3));
    }
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
        const Tensor decoded = decode_image(bytes_of(jpeg_of(smooth, flags)));
        ASSERT_EQ(decoded.shape(), smooth.shape());
        for (std::size_t i = 0; i < 16 * 16 * 3; ++i) {
            EXPECT_NEAR(decoded.as<std::uint8_t>()[i], smooth.as<std::uint8_t>()[i], 4);
        }
    }
}

TEST(Image, GreyJpegHasOneChannel) {
    EXPECT_EQ(decode_image(bytes_of(jpeg_of(pattern({.height = 9, .width = 8}, 1)))).shape(), (Shape{9, 8, 1}));
}

TEST(Image, EveryTruncationIsRefused) {
    for (const std::string& whole : {jpeg_of(pattern({.height = 12, .width = 10})),
                                     jpeg_of(pattern({.height = 12, .width = 10}), TJFLAG_PROGRESSIVE),
                                     png_of(pattern({.height = 12, .width = 10}), PNG_FORMAT_RGB)}) {
        // A JPEG without its last two bytes (the end marker) has all of its pixels.
        for (std::size_t length = 0; length + 2 < whole.size(); ++length) {
            EXPECT_NE(refusal(bytes_of(whole.substr(0, length))), "") << length << " of " << whole.size();
        }
    }
}

TEST(Image, RandomDamageIsDecodedOrRefusedButNeverCrashes) {
    std::mt19937 random(7);
    const std::vector<std::string> originals{jpeg_of(pattern({.height = 12, .width = 10})),
                                             png_of(pattern({.height = 12, .width = 10}), PNG_FORMAT_RGB)};
    int refused = 0;
    for (int i = 0; i < 4000; ++i) {
        std::string damaged = originals[static_cast<std::size_t>(i) % originals.size()];
        for (int k = 0; k < 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
        refused += refusal(bytes_of(damaged)).empty() ? 0 : 1;
    }
    EXPECT_GT(refused, 1000);
}

TEST(Image, AHugeHeaderIsRefusedBeforeMemoryIsTaken) {
    std::string bomb = jpeg_of(pattern({.height = 12, .width = 10}));
    const std::size_t frame = bomb.find(std::string("\xff\xc0", 2));
    ASSERT_NE(frame, std::string::npos);
    bomb.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);
    EXPECT_NE(refusal(bytes_of(bomb)).find("more than"), std::string::npos);
}

TEST(Image, OtherFilesAreNoImages) {
    EXPECT_NE(refusal(bytes_of("GIF89a")), "");
    EXPECT_NE(refusal({}), "");
}

// Golden values: Pillow 10's Image.resize(..., BILINEAR) of the pattern.
TEST(Resize, ShrinksAsPillowDoes) {
    EXPECT_EQ(pixels(resize_bilinear(pattern({.height = 13, .width = 11}), {.height = 4, .width = 5})),
              (std::vector<int>{109, 132, 140, 129, 130, 142, 129, 138, 130, 118, 125, 137, 122, 127, 135,
                                119, 143, 125, 131, 134, 124, 144, 134, 121, 129, 132, 122, 135, 130, 113,
                                133, 113, 133, 141, 119, 141, 119, 135, 119, 133, 123, 133, 123, 131, 129,
                                152, 118, 130, 138, 118, 113, 102, 150, 113, 109, 121, 168, 146, 127, 138}));
}

TEST(Resize, EnlargesAsPillowDoes) {
    EXPECT_EQ(pixels(resize_bilinear(pattern({.height = 2, .width = 3}), {.height = 4, .width = 5})),
              (std::vector<int>{0,  53,  106, 15,  68,  121, 37,  90,  143, 59,  112, 165, 74,  127, 180,
                                23, 76,  129, 39,  92,  145, 62,  115, 168, 85,  138, 152, 100, 153, 142,
                                68, 121, 174, 86,  139, 192, 111, 164, 217, 136, 189, 127, 153, 206, 67,
                                91, 144, 197, 109, 162, 215, 135, 188, 241, 161, 214, 114, 179, 232, 29}));
}

TEST(Resize, ShrinksOneSideAndEnlargesTheOtherAsPillowDoes) {
    EXPECT_EQ(
        pixels(resize_bilinear(pattern({.height = 9, .width = 4}), {.height = 3, .width = 6})),
        (std::vector<int>{82,  135, 124, 105, 126, 147, 124, 124, 161, 112, 155, 127, 132, 137, 126, 155, 112, 133,
                          108, 161, 129, 112, 151, 119, 122, 137, 115, 146, 124, 139, 129, 139, 121, 104, 157, 96,
                          134, 123, 144, 129, 102, 139, 121, 94,  136, 113, 150, 150, 121, 142, 147, 131, 120, 141}));
}

TEST(Resize, ToItsOwnSizeChangesNothing) {
    const Tensor image = pattern({.height = 6, .width = 9});
    EXPECT_EQ(pixels(resize_bilinear(image, {.height = 6, .width = 9})), pixels(image));
}

TEST(Resize, AFlatPictureStaysFlat) {
    Tensor flat(DType::uint8, {31, 17, 1});
    std::ranges::fill(flat.mutable_as<std::uint8_t>(), std::uint8_t{201});
    for (const std::int64_t side : {1, 2, 5, 16, 40, 200}) {
        for (const int value : pixels(resize_bilinear(flat, {.height = side, .width = side}))) ASSERT_EQ(value, 201);
    }
}

TEST(Crop, TakesTheMiddle) {
    const Tensor cropped = crop_centre(pattern({.height = 5, .width = 4}, 1), {.height = 1, .width = 2});
    EXPECT_EQ(pixels(cropped), (std::vector<int>{(37 + 182 + 14) % 256, (74 + 182 + 28) % 256}));
}

TEST(Channels, GreyFollowsPillowsLuma) {
    EXPECT_EQ(pixels(with_channels(pattern({.height = 2, .width = 3}), 1)),
              (std::vector<int>{43, 80, 117, 134, 178, 193}));
}

TEST(Channels, GreyBecomesThreeEqualOnes) {
    const Tensor grey = pattern({.height = 1, .width = 2}, 1);
    EXPECT_EQ(pixels(with_channels(grey, 3)), (std::vector<int>{0, 0, 0, 37, 37, 37}));
}

}  // namespace
}  // namespace breakeven
