// parts_names: see parts_names.h. Names are compared by edit distance (Levenshtein 1966), which finds slips.
#include "breakeven/model/parts_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "breakeven/model/onnx_text.h"

namespace breakeven {

namespace {

/// Longer names are compared by their beginnings: the work is the product of both lengths.
constexpr std::size_t compared_length_max = 80;
constexpr std::size_t suggestions_max = 3;
constexpr std::size_t listed_max = 5;

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row[b.size()];
}

struct Near {
    std::string_view name;
    std::size_t distance = 0;
};

std::vector<Near> nearest(const onnx::GraphProto& graph, const GraphIndex& index, std::string_view wanted) {
    const std::string_view short_wanted = wanted.substr(0, compared_length_max);
    const std::size_t distance_max = std::max<std::size_t>(2, short_wanted.size() / 3);
    std::vector<Near> near;
    const auto consider = [&](std::string_view name) {
        const std::string_view candidate = name.substr(0, compared_length_max);
        const bool contains = short_wanted.size() > 2 && candidate.find(short_wanted) != std::string_view::npos;
        const std::size_t lengths =
            std::max(candidate.size(), short_wanted.size()) - std::min(candidate.size(), short_wanted.size());
        if (name.empty() || (!contains && lengths > distance_max)) return;
        const std::size_t distance = contains ? 1 : edit_distance(candidate, short_wanted);
        if (distance <= distance_max) near.push_back({name, distance});
    };
    for (const auto* input : index.inputs) consider(input->name());
    for (int i = 0; i < graph.node_size(); ++i) {
        if (index.constant[static_cast<std::size_t>(i)]) continue;
        for (const std::string& output : graph.node(i).output()) consider(output);
    }
    std::stable_sort(near.begin(), near.end(), [](const Near& a, const Near& b) { return a.distance < b.distance; });
    if (near.size() > suggestions_max) near.resize(suggestions_max);
    return near;
}

}  // namespace

std::string near_names(const onnx::GraphProto& graph, const GraphIndex& index, std::string_view wanted) {
    for (std::size_t i = 0; i < index.names.size(); ++i) {
        const onnx::NodeProto& node = graph.node(static_cast<int>(i));
        if (index.names[i] == wanted && !wanted.empty() && node.output_size() > 0) {
            return fmt::format("; it is a node, which makes '{}'", printable(node.output(0), 80));
        }
    }
    std::string text;
    const std::vector<Near> near = nearest(graph, index, wanted);
    for (std::size_t i = 0; i < near.size(); ++i) {
        text += fmt::format("{}'{}'",
                            i == 0                ? "; did you mean "
                            : i + 1 < near.size() ? ", "
                                                  : " or ",
                            printable(near[i].name, 80));
    }
    return text.empty() ? "; `inspect` lists where it can be cut" : text + "?";
}

std::string listed(const std::vector<std::string_view>& names) {
    std::string text;
    const std::size_t shown = std::min(names.size(), listed_max);
    for (std::size_t i = 0; i < shown; ++i) {
        const bool last = i + 1 == names.size();
        text += fmt::format("{}'{}'", i == 0 ? "" : last ? " and " : ", ", printable(names[i], 80));
    }
    return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

}  // namespace breakeven
