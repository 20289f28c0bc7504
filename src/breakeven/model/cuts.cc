// cuts: one sweep over the layers with the running size of what is alive finds the sizes, a second one the names of
// the cuts that are kept.
#include "breakeven/model/cuts.h"

#include <algorithm>
#include <limits>
#include <set>

#include "breakeven/model/onnx_tensor.h"

namespace breakeven {

namespace {

/// A cut that crosses more is of no use, and a thousand such cuts would be long.
constexpr std::size_t crossing_max = 256;
constexpr std::size_t forever = std::numeric_limits<std::size_t>::max();

/// A tensor that depends on the input. Times count layers: alive after layer k when made <= k < last_needed.
struct Alive {
    std::string_view name;
    std::size_t made = 0;
    std::size_t last_needed = 0;  ///< `forever` for outputs of the graph
    std::optional<std::int64_t> size;
    bool crosses = true;  ///< false: a sequence, map or optional, which no link carries
};

struct Timeline {
    std::vector<Alive> tensors;  ///< in the order they are made
    std::size_t layers = 0;
};

std::optional<std::int64_t> size_of(std::string_view name, const TypeTable& types) {
    const TensorType* type = types.find(name);
    if (type == nullptr || !type->shape) return std::nullopt;
    const auto size = stored_size(type->data_type, *type->shape);
    return size ? std::optional(size->count()) : std::nullopt;
}

Timeline timeline_of(const onnx::GraphProto& graph, const GraphIndex& index, const TypeTable& types,
                     const std::unordered_set<std::string_view>& not_tensors) {
    Timeline timeline;
    std::unordered_map<std::string_view, std::size_t> places;
    const auto add = [&](std::string_view name) {
        places[name] = timeline.tensors.size();
        timeline.tensors.push_back({.name = name,
                                    .made = timeline.layers,
                                    .last_needed = 0,
                                    .size = size_of(name, types),
                                    .crosses = !not_tensors.contains(name)});
    };
    for (const auto* input : index.inputs) add(input->name());
    for (int i = 0; i < graph.node_size(); ++i) {
        const auto node = static_cast<std::size_t>(i);
        if (index.constant[node]) continue;
        ++timeline.layers;
        for (const std::string_view name : index.needs[node]) {
            const auto found = places.find(name);
            if (found != places.end()) timeline.tensors[found->second].last_needed = timeline.layers;
        }
        for (const std::string& output : graph.node(i).output()) {
            if (!output.empty()) add(output);
        }
    }
    for (const auto& output : graph.output()) {
        const auto found = places.find(output.name());
        if (found != places.end()) timeline.tensors[found->second].last_needed = forever;
    }
    return timeline;
}

/// Visits each moment between two layers with what changed since the last: `born` and `dead` index tensors.
template <class Visit>
void sweep(const Timeline& timeline, Visit visit) {
    std::vector<std::vector<std::size_t>> dying(timeline.layers + 1);
    for (std::size_t i = 0; i < timeline.tensors.size(); ++i) {
        const Alive& tensor = timeline.tensors[i];
        if (tensor.last_needed != forever && tensor.last_needed > tensor.made) dying[tensor.last_needed].push_back(i);
    }
    std::size_t next = 0;
    for (std::size_t after = 0; after < timeline.layers; ++after) {
        std::vector<std::size_t> born;
        for (; next < timeline.tensors.size() && timeline.tensors[next].made <= after; ++next) {
            if (timeline.tensors[next].last_needed > after) born.push_back(next);
        }
        visit(after, born, dying[after]);
    }
}

struct Candidate {
    std::size_t after = 0;
    std::optional<Bytes> size;
};

/// What is alive, summed up.
struct Sum {
    std::size_t count = 0;
    std::size_t uncrossable = 0;
    std::size_t unknown = 0;
    __int128 bytes = 0;

    void change(const Alive& tensor, int sign) {
        const auto step = static_cast<std::size_t>(sign);
        count += step;
        if (!tensor.crosses) uncrossable += step;
        if (!tensor.size) unknown += step;
        bytes += sign * static_cast<__int128>(tensor.size.value_or(0));
    }
    std::optional<Bytes> size() const {
        if (unknown > 0 || bytes > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
        return Bytes(static_cast<std::int64_t>(bytes));
    }
};

std::vector<Candidate> candidates_of(const Timeline& timeline) {
    std::vector<Candidate> candidates;
    Sum alive;
    sweep(timeline, [&](std::size_t after, const auto& born, const auto& dead) {
        for (const std::size_t i : born) alive.change(timeline.tensors[i], 1);
        for (const std::size_t i : dead) alive.change(timeline.tensors[i], -1);
        if (after == 0 || alive.count == 0 || alive.count > crossing_max || alive.uncrossable > 0) return;
        candidates.push_back({after, alive.size()});
    });
    return candidates;
}

void keep_smallest(std::vector<Candidate>& candidates) {
    const auto by_size = [](const Candidate& a, const Candidate& b) {
        if (a.size.has_value() != b.size.has_value()) return a.size.has_value();
        return a.size != b.size ? a.size < b.size : a.after < b.after;
    };
    if (candidates.size() > Model::cuts_max) {
        std::nth_element(candidates.begin(), candidates.begin() + Model::cuts_max, candidates.end(), by_size);
        candidates.resize(Model::cuts_max);
    }
    std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.after < b.after; });
}

}  // namespace

std::vector<Cut> prefix_cuts(const onnx::GraphProto& graph, const GraphIndex& index, const TypeTable& types,
                             const std::unordered_set<std::string_view>& not_tensors) {
    const Timeline timeline = timeline_of(graph, index, types, not_tensors);
    std::vector<Candidate> candidates = candidates_of(timeline);
    keep_smallest(candidates);

    std::vector<Cut> cuts;
    std::set<std::size_t> alive;
    auto next = candidates.begin();
    sweep(timeline, [&](std::size_t after, const auto& born, const auto& dead) {
        alive.insert(born.begin(), born.end());
        for (const std::size_t i : dead) alive.erase(i);
        if (next == candidates.end() || next->after != after) return;
        Cut cut{.layers_before = after, .tensors = {}, .size = next->size};
        for (const std::size_t i : alive) cut.tensors.emplace_back(timeline.tensors[i].name);
        cuts.push_back(std::move(cut));
        ++next;
    });
    return cuts;
}

}  // namespace breakeven
