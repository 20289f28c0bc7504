// wire_scan: what a serialized model would take in memory, found without building it.
// Protobuf gives every empty message of two bytes a few hundred, so a small file can ask for all memory there is.
#pragma once

#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

/// An upper estimate of the memory that parsing takes. Not ONNX at all: nothing is thrown, the parser will say.
Bytes memory_to_parse(std::string_view model);

}  // namespace breakeven
