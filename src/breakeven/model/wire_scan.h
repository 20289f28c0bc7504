// wire_scan: what a serialized model would take in memory, found without building it.
// Protobuf gives every empty message of two bytes a few hundred, so a small file can ask for all memory there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

/// An upper estimate of the memory that parsing takes. Not ONNX at all: nothing is thrown, the parser will say.
Bytes memory_to_parse(std::string_view model);

/// Where a tensor's elements lie in a serialized model, one after another at fixed width, as they would in memory.
struct StoredElements {
    std::string_view name;                 ///< of the tensor
    std::int32_t data_type = 0;            ///< as ONNX numbers them; nobody has checked it
    std::vector<std::int64_t> dimensions;  ///< nor these
    std::size_t offset = 0;
    std::size_t size = 0;
};

/// In the order of the bytes, none overlapping. Of what is not ONNX: what looked like tensors up to the first fault.
std::vector<StoredElements> stored_elements(std::string_view model);

}  // namespace breakeven
