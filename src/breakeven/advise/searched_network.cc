// The network as the split search sees it: see searched_network.h.
#include "breakeven/advise/searched_network.h"

#include <algorithm>
#include <unordered_map>

#include "breakeven/error.h"
#include "breakeven/model/parts.h"

namespace breakeven {
namespace {

/// What cannot cross (a sequence, a tensor of unknown size) is given a size that no cut can afford.
constexpr Bytes uncrossable{std::int64_t{1} << 44};

/// Each layer's share of the whole network's time: that of its multiply-adds; alike where there are none.
std::vector<double> shares_of(const Model& model) {
    std::vector<double> shares;
    double total = 0.0;
    for (const Layer& layer : model.layers()) {
        shares.push_back(static_cast<double>(layer.macs.value_or(0)));
        total += shares.back();
    }
    for (double& share : shares) share = total > 0.0 ? share / total : 1.0 / static_cast<double>(shares.size());
    return shares;
}

}  // namespace

std::optional<Bytes> size_of_tensor(const Model& model, const std::string& name) {
    const auto spec = model.tensor(name);
    return spec ? size_of(with_batch(*spec, 1)) : std::nullopt;
}

SearchedNetwork searched_network(const Model& model, const SearchedAs& as) {
    SearchedNetwork result;
    std::unordered_map<std::string, SplitTensorId> ids;
    const auto tensor = [&](const std::string& name) {
        return SplitTensor{.size = std::min(size_of_tensor(model, name).value_or(uncrossable), uncrossable)};
    };
    for (const TensorSpec& input : model.inputs()) {
        const bool is_private = std::ranges::find(as.private_inputs, input.name) != as.private_inputs.end();
        ids[input.name] = result.graph.add_input(tensor(input.name), is_private ? Privacy::on_device : Privacy::open);
        result.tensors.push_back(input.name);
    }
    const std::vector<LayerFlow> layers = flow_of(model);
    const std::vector<double> shares = shares_of(model);
    BREAKEVEN_ASSERT(layers.size() == shares.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
        std::vector<SplitTensorId> needs;
        for (const std::string& name : layers[i].needs) {
            if (const auto found = ids.find(name); found != ids.end()) needs.push_back(found->second);
        }
        std::vector<SplitTensor> makes;
        for (const std::string& name : layers[i].makes) makes.push_back(tensor(name));
        const Seconds device = as.whole * (as.slowdown * shares[i]);
        const SplitNode node{.device = device,
                             .server = as.whole * shares[i],
                             .cloud = as.cloud * shares[i],
                             .device_energy = as.active ? device * *as.active : Joules{},
                             .weights = model.layers()[i].weight_size};
        const SplitNodeId id = result.graph.add_node(node, needs, makes);
        for (std::size_t k = 0; k < makes.size(); ++k) {
            ids[layers[i].makes[k]] = static_cast<SplitTensorId>(index(result.graph.made_first(id)) + k);
            result.tensors.push_back(layers[i].makes[k]);
        }
        result.makes.push_back(layers[i].makes);
    }
    for (const TensorSpec& output : model.outputs()) {
        if (const auto found = ids.find(output.name); found != ids.end()) result.graph.mark_output(found->second);
    }
    return result;
}

}  // namespace breakeven
