// What crosses the cuts of a network, coded four ways, beside its picture as PNG and as JPEG: mean bytes over pictures.
#pragma once

#include <onnx/onnx_pb.h>
#include <png.h>
#include <turbojpeg.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/samples.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/model/model.h"
#include "breakeven/tensor/preprocess.h"
#include "fakes/shared_data.h"

namespace breakeven::bench {

inline constexpr int zstd_level = 3;  // zstd's own default
/// 8-bit tensors carry the least value and the step, a float each.
inline constexpr double scale_bytes = 8.0;

inline double zstd_size(std::span<const std::byte> bytes) {
    static std::vector<char> out;
    out.resize(ZSTD_compressBound(bytes.size()));
    return static_cast<double>(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), zstd_level));
}

/// The four bytes of all floats in four planes: exponents beside exponents, which zstd can do more with.
inline double zstd_float_size(std::span<const std::byte> bytes) {
    static std::vector<std::byte> planes;
    planes.resize(bytes.size());
    const std::size_t count = bytes.size() / 4;
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < 4; ++k) planes[k * count + i] = bytes[4 * i + k];
    }
    return std::min(zstd_size(bytes), zstd_size(planes));
}

/// 8 bits an element between the tensor's least and greatest value.
inline std::vector<std::byte> as_8_bits(std::span<const float> values) {
    const auto [least, most] = std::ranges::minmax(values);
    const float scale = most > least ? 255.0F / (most - least) : 0.0F;
    std::vector<std::byte> result(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        result[i] = static_cast<std::byte>(std::lround((values[i] - least) * scale));
    }
    return result;
}

inline double png_size(const Tensor& pixels) {
    const ImageSize size = image_size(pixels);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(size.width);
    image.height = static_cast<png_uint_32>(size.height);
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t bytes = 0;
    if (png_image_write_to_memory(&image, nullptr, &bytes, 0, pixels.bytes().data(), 0, nullptr) == 0) {
        throw Error(ErrorKind::internal, "code a PNG", image.message);
    }
    return static_cast<double>(bytes);
}

inline double jpeg_size(const Tensor& pixels, int quality) {
    const ImageSize size = image_size(pixels);
    const tjhandle handle = tjInitCompress();
    unsigned char* out = nullptr;
    unsigned long bytes = 0;
    const int status =
        tjCompress2(handle, reinterpret_cast<const unsigned char*>(pixels.bytes().data()), static_cast<int>(size.width),
                    0, static_cast<int>(size.height), TJPF_RGB, &out, &bytes, TJSAMP_420, quality, 0);
    tjFree(out);
    tjDestroy(handle);
    if (status != 0) throw Error(ErrorKind::internal, "code a JPEG", tjGetErrorStr());
    return static_cast<double>(bytes);
}

enum Coding { raw, lossless, bits8, bits8_zstd, codings };
inline constexpr const char* coding_names[] = {"float", "float+zstd", "8-bit", "8-bit+zstd"};
using Sizes = std::array<double, codings>;

enum Picture { png, jpeg90, jpeg75, pictures };
inline constexpr const char* picture_names[] = {"PNG", "JPEG 90", "JPEG 75"};

/// Mean bytes: of each tensor inside, and of the picture.
struct Bytesizes {
    std::map<std::string, Sizes> tensors;
    std::array<double, pictures> picture{};
    int samples = 0;
};

/// The network with all these tensors as outputs.
inline ModelImage with_outputs(const Model& model, const std::vector<std::string>& names) {
    onnx::ModelProto proto = model.proto();
    proto.mutable_graph()->clear_output();
    for (const std::string& name : names) {
        onnx::ValueInfoProto* output = proto.mutable_graph()->add_output();
        output->set_name(name);
        output->mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    }
    return {.name = model.name(), .bytes = proto.SerializeAsString(), .path = {}, .sha256 = ""};
}

inline bool is_float(const Model& model, const std::string& name) {
    const auto spec = model.tensor(name);
    return spec && spec->dtype == DType::float32;
}

inline Sizes sizes_of(const Tensor& tensor) {
    const auto values =
        std::span(reinterpret_cast<const float*>(tensor.bytes().data()), static_cast<std::size_t>(tensor.elements()));
    const std::vector<std::byte> coded = as_8_bits(values);
    Sizes sizes{};
    sizes[raw] = static_cast<double>(tensor.bytes().size());
    sizes[lossless] = std::min(sizes[raw], zstd_float_size(tensor.bytes()));
    sizes[bits8] = static_cast<double>(coded.size()) + scale_bytes;
    sizes[bits8_zstd] = std::min(sizes[bits8], zstd_size(coded) + scale_bytes);
    return sizes;
}

inline Bytesizes measure_bytes(const Model& model, const std::vector<std::string>& names, const Preprocess& preprocess,
                               int count) {
    const auto engine = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
    const auto runner = engine->load(with_outputs(model, names), parse_platform("cpu:1"), {});
    const TensorSpec& input = model.inputs().front();
    const ImageInput picture = image_input(input, preprocess);
    const SampleFolder folder = read_sample_folder(fakes::shared_data() / "images/imagenet-500");
    Bytesizes result;
    // Spread over the folder: it is in the order of the classes.
    const std::size_t stride = std::max<std::size_t>(1, folder.samples.size() / static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < folder.samples.size() && result.samples < count; i += stride) {
        const std::string bytes = read_file(folder.folder / folder.samples[i].file, Bytes(100'000'000));
        const Tensor decoded = with_channels(decode_image(std::as_bytes(std::span(bytes))), 3);
        const Tensor pixels = image_size(decoded) == picture.size ? decoded : resize_bilinear(decoded, picture.size);
        result.picture[png] += png_size(pixels);
        result.picture[jpeg90] += jpeg_size(pixels, 90);
        result.picture[jpeg75] += jpeg_size(pixels, 75);
        const std::vector<Tensor> inputs{preprocess_image(decoded, input, preprocess)};
        const RunResult run = runner->run(inputs);
        for (std::size_t k = 0; k < names.size(); ++k) {
            const Sizes sizes = sizes_of(run.outputs[k]);
            Sizes& sum = result.tensors[names[k]];
            for (std::size_t c = 0; c < codings; ++c) sum[c] += sizes[c];
        }
        ++result.samples;
    }
    for (auto& [name, sizes] : result.tensors) {
        for (double& size : sizes) size /= result.samples;
    }
    for (double& size : result.picture) size /= result.samples;
    return result;
}

/// What crosses a cut; nothing where a tensor was not measured (it is no float).
inline std::optional<Sizes> sizes_of(const Bytesizes& bytes, const std::vector<std::string>& tensors) {
    Sizes sum{};
    for (const std::string& name : tensors) {
        const auto found = bytes.tensors.find(name);
        if (found == bytes.tensors.end()) return std::nullopt;
        for (std::size_t c = 0; c < codings; ++c) sum[c] += found->second[c];
    }
    return sum;
}

}  // namespace breakeven::bench
