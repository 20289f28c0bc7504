// Coded inputs: see coded_inputs.h.
#include "breakeven/wire/coded_inputs.h"

#include <algorithm>

#include "breakeven/codec/frame.h"

namespace breakeven {

Request coded(Request request, const Codec& codec) {
    for (NamedTensor& input : request.inputs) input.tensor = encode_frame(input.tensor, codec);
    request.parameters.push_back({std::string(codecs_parameter), true});
    return request;
}

bool is_coded(const ParsedMessage& request) {
    return std::ranges::any_of(request.parameters, [](const Parameter& parameter) {
        const bool* value = std::get_if<bool>(&parameter.value);
        return parameter.name == codecs_parameter && value != nullptr && *value;
    });
}

}  // namespace breakeven
