// parts: a network cut in two at named tensors. The head makes what crosses, the tail takes it; one after the
// other they give what the whole gives. Both are ordinary models.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "breakeven/model/model.h"

namespace breakeven {

struct Parts {
    Model head;
    Model tail;
    /// What the tail takes, each once, in the order of its inputs. An output of the head; or an input of the network,
    /// which the head then does not hand on: whoever runs the parts has it already.
    std::vector<TensorSpec> crossing;
};

/// Head: all that the named tensors are made from. Tail: all that the outputs still need beyond that. Outputs of the
/// network that the head makes stay outputs of the head; weights and constants go wherever they are needed.
/// The metadata stay, but how pictures become inputs goes with the head alone. Types of what crosses are inferred; a
/// batch that is open stays open.
/// Throws Error{input} for a name that is no tensor (with the names like it), a constant, a cut that leaves one side
/// nothing to do, and one that does not separate the network (with what else would have to cross); {unsupported} for
/// a tensor that cannot cross because it is a sequence or its shape cannot be inferred.
Parts split_at(const Model& model, std::span<const std::string> tensors);

/// The tensors of a layer that depend on the network's inputs: what a search for cuts works on. Constants never cross.
struct LayerFlow {
    std::vector<std::string> needs;
    std::vector<std::string> makes;
};

/// In the order of Model::layers().
std::vector<LayerFlow> flow_of(const Model& model);

/// The bytes of weights that lie beside the model, as many as `size_needed`.
using WeightsReader = std::function<std::string(const ExternalWeights&)>;

/// The model with all weights in it: one file to move. Nothing when it would outgrow ONNX's 2 GiB. Throws what `read`
/// throws, and Error{input} for weights whose size is not known.
std::optional<Model> with_weights_inside(const Model& model, const WeightsReader& read);

}  // namespace breakeven
