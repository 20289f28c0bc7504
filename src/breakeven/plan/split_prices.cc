// Prices times sums; and prices spread over the nodes and tensors that make up the sums.
#include "breakeven/plan/split_prices.h"

namespace breakeven {
namespace {

double number(Bytes size) {
    return static_cast<double>(size.count());
}

}  // namespace

double SplitPrices::of(const SplitSums& sums) const {
    return device_second * sums.device.count() + server_second * sums.server.count() +
           device_joule * sums.device_energy.in(joules) + byte_up * number(sums.up) + byte_down * number(sums.down) +
           device_weight_byte * number(sums.device_weights) + server_weight_byte * number(sums.server_weights) +
           (sums.offloads() ? offload : 0.0);
}

SplitPrices operator+(const SplitPrices& a, const SplitPrices& b) {
    return {.device_second = a.device_second + b.device_second,
            .server_second = a.server_second + b.server_second,
            .device_joule = a.device_joule + b.device_joule,
            .byte_up = a.byte_up + b.byte_up,
            .byte_down = a.byte_down + b.byte_down,
            .device_weight_byte = a.device_weight_byte + b.device_weight_byte,
            .server_weight_byte = a.server_weight_byte + b.server_weight_byte,
            .offload = a.offload + b.offload};
}

SplitPrices operator*(double factor, const SplitPrices& prices) {
    return {.device_second = factor * prices.device_second,
            .server_second = factor * prices.server_second,
            .device_joule = factor * prices.device_joule,
            .byte_up = factor * prices.byte_up,
            .byte_down = factor * prices.byte_down,
            .device_weight_byte = factor * prices.device_weight_byte,
            .server_weight_byte = factor * prices.server_weight_byte,
            .offload = factor * prices.offload};
}

void boundary_costs(const SplitGraph& graph, const SplitPrices& prices, BoundaryCosts& costs) {
    costs.near.resize(graph.node_count());
    costs.far.resize(graph.node_count());
    costs.tensor.resize(graph.tensor_count());
    costs.offload = prices.offload;
    for (std::size_t i = 0; i < graph.node_count(); ++i) {
        const SplitNode& node = graph.nodes()[i];
        const double weights = number(node.weights);
        costs.near[i] = prices.device_second * node.device.count() +
                        prices.device_joule * node.device_energy.in(joules) + prices.device_weight_byte * weights;
        costs.far[i] = prices.server_second * node.server.count() + prices.byte_down * number(graph.downloads()[i]) +
                       prices.server_weight_byte * weights;
    }
    for (std::size_t i = 0; i < graph.tensor_count(); ++i) {
        const SplitTensor& tensor = graph.tensors()[i];
        costs.tensor[i] = prices.byte_up * number(tensor.size) + prices.device_second * tensor.encode.count() +
                          prices.server_second * tensor.decode.count() +
                          prices.device_joule * tensor.encode_energy.in(joules);
    }
}

BoundaryCosts boundary_costs(const SplitGraph& graph, const SplitPrices& prices) {
    BoundaryCosts costs;
    boundary_costs(graph, prices, costs);
    return costs;
}

}  // namespace breakeven
