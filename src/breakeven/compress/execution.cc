// execution: see execution.h.
#include "breakeven/compress/execution.h"

#include <fmt/format.h>

#include "breakeven/compress/network.h"
#include "breakeven/error.h"
#include "breakeven/model/onnx_tensor.h"
#include "breakeven/model/onnx_text.h"

namespace breakeven {

Model with_outputs(const Model& model, std::span<const std::string> tensors) {
    Network network(model);
    network.graph().clear_output();
    for (const std::string& name : tensors) {
        const auto specification = model.tensor(name);
        if (!specification) {
            throw Error(ErrorKind::input, fmt::format("look at tensor '{}'", printable(name, 120)),
                        "the model has no tensor of that name, or its shape cannot be inferred");
        }
        auto& output = *network.graph().add_output();
        output.set_name(name);
        output.mutable_type()->mutable_tensor_type()->set_elem_type(onnx_type_of(specification->dtype));
    }
    return network.finish();
}

}  // namespace breakeven
