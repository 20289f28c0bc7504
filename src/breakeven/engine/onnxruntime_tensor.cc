// Tensors into ONNX Runtime's values and back: see onnxruntime_tensor.h.
#include "breakeven/engine/onnxruntime_tensor.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "breakeven/error.h"
#include "breakeven/tensor/strings.h"

namespace breakeven {
namespace {

constexpr std::array<std::pair<DType, ONNXTensorElementDataType>, 14> types{{
    {DType::boolean, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DType::uint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DType::int8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DType::uint16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DType::int16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DType::uint32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DType::int32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DType::uint64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64},
    {DType::int64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DType::float16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16},
    {DType::bfloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16},
    {DType::float32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DType::float64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DType::string, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING},
}};

ONNXTensorElementDataType type_of(DType dtype) {
    for (const auto& [ours, theirs] : types) {
        if (ours == dtype) return theirs;
    }
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

}  // namespace

DType dtype_of(ONNXTensorElementDataType type) {
    for (const auto& [ours, theirs] : types) {
        if (theirs == type) return ours;
    }
    throw Error(ErrorKind::unsupported, "run the model",
                fmt::format("an input or output has ONNX Runtime's element type {}, which cannot be sent or received",
                            static_cast<int>(type)));
}

Ort::Value to_ort(const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    if (tensor.dtype() == DType::string) {
        const std::vector<std::string> strings = decode_strings(tensor);
        std::vector<const char*> pointers;
        for (const std::string& text : strings) pointers.push_back(text.c_str());
        Ort::AllocatorWithDefaultOptions allocator;
        Ort::Value value =
            Ort::Value::CreateTensor(allocator, shape.data(), shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
        value.FillStringTensor(pointers.data(), pointers.size());
        return value;
    }
    static const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeCPU);
    // ONNX Runtime takes inputs as mutable and does not write to them.
    return Ort::Value::CreateTensor(memory, const_cast<std::byte*>(tensor.bytes().data()), tensor.bytes().size(),
                                    shape.data(), shape.size(), type_of(tensor.dtype()));
}

Tensor from_ort(Ort::Value value) {
    const auto info = value.GetTensorTypeAndShapeInfo();
    const DType dtype = dtype_of(info.GetElementType());
    const Shape shape = info.GetShape();
    if (dtype == DType::string) {
        std::vector<std::string> strings;
        for (std::size_t i = 0; i < info.GetElementCount(); ++i) strings.push_back(value.GetStringTensorElement(i));
        return encode_strings(shape, strings);
    }
    const std::size_t size = info.GetElementCount() * element_size(dtype);
    auto* data = static_cast<std::byte*>(value.GetTensorMutableRawData());
    auto owner = std::make_shared<Ort::Value>(std::move(value));
    return Tensor(dtype, shape, {data, size}, std::move(owner));
}

}  // namespace breakeven
