// PartsSeam: see parts_seam.h.
#include "breakeven/engine/parts_seam.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "breakeven/error.h"

namespace breakeven {
namespace {

std::optional<std::size_t> place_of(const std::vector<TensorSpec>& specs, const std::string& name) {
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const auto& spec) { return spec.name == name; });
    if (found == specs.end()) return std::nullopt;
    return static_cast<std::size_t>(found - specs.begin());
}

}  // namespace

PartsSeam::PartsSeam(const std::string& name, const Ends& ends) {
    const auto source = [&](const std::string& tensor, bool of_tail) -> Source {
        if (of_tail) {
            if (const auto at = place_of(ends.tail.outputs, tensor)) return {Source::From::tail, *at};
        }
        if (const auto at = place_of(ends.head.outputs, tensor)) return {Source::From::head, *at};
        if (const auto at = place_of(ends.whole.inputs, tensor)) return {Source::From::input, *at};
        throw Error(ErrorKind::input, fmt::format("run '{}' in two parts", name),
                    fmt::format("neither part gives '{}': they are not of one cut", tensor));
    };
    for (const TensorSpec& spec : ends.head.inputs) {
        const auto at = place_of(ends.whole.inputs, spec.name);
        if (!at) {
            throw Error(ErrorKind::input, fmt::format("run '{}' in two parts", name),
                        fmt::format("the head takes '{}', which is no input of the network", spec.name));
        }
        head_takes_.push_back({Source::From::input, *at});
    }
    for (const TensorSpec& spec : ends.tail.inputs) tail_takes_.push_back(source(spec.name, false));
    for (const TensorSpec& spec : ends.whole.outputs) gives_.push_back(source(spec.name, true));
}

std::vector<Tensor> PartsSeam::taken(const std::vector<Source>& sources, const Made& made) {
    std::vector<Tensor> result;
    result.reserve(sources.size());
    for (const Source& source : sources) {
        switch (source.from) {
            case Source::From::input: result.push_back(made.inputs[source.index]); break;
            case Source::From::head: result.push_back(made.head[source.index]); break;
            case Source::From::tail: result.push_back(made.tail[source.index]); break;
        }
    }
    return result;
}

std::vector<Tensor> PartsSeam::head_takes(std::span<const Tensor> inputs) const {
    return taken(head_takes_, {.inputs = inputs, .head = {}, .tail = {}});
}

std::vector<Tensor> PartsSeam::tail_takes(std::span<const Tensor> inputs, std::span<const Tensor> head) const {
    return taken(tail_takes_, {.inputs = inputs, .head = head, .tail = {}});
}

std::vector<Tensor> PartsSeam::gives(const Made& made) const {
    return taken(gives_, made);
}

}  // namespace breakeven
