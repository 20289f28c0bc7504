// Parts of random graphs: every prefix cut separates them, and any other says what it lacks.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "breakeven/error.h"
#include "breakeven/model/parts.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using fakes::TinyGraph;
using Names = std::vector<std::string>;

/// A random graph of one-input and two-input operators; some tensors are outputs, the last always.
std::string random_graph() {
    const auto nodes = *rc::gen::inRange(2, 14);
    TinyGraph graph;
    graph.input("x0", DType::float32, {-1, 3})
        .input("x1", DType::float32, {-1, 3})
        .weights("w", {1}, std::vector{1.0F});
    Names tensors{"x0", "x1", "w"};
    const auto pick = [&] { return tensors[*rc::gen::inRange<std::size_t>(0, tensors.size())]; };
    for (int i = 0; i < nodes; ++i) {
        const std::string made = "t" + std::to_string(i);
        if (*rc::gen::arbitrary<bool>()) {
            graph.node("Relu", {pick()}, {made});
        } else {
            graph.node("Add", {pick(), pick()}, {made});
        }
        tensors.push_back(made);
        if (i + 1 == nodes || *rc::gen::inRange(0, 5) == 0) graph.output(made, DType::float32, {-1, 3});
    }
    return graph.model();
}

RC_GTEST_PROP(Parts, EveryPrefixCutSeparates, ()) {
    const Model model = Model::parse(random_graph(), "test");
    const std::set<std::string> whole_outputs = [&] {
        std::set<std::string> names;
        for (const TensorSpec& spec : model.outputs()) names.insert(spec.name);
        return names;
    }();
    for (const Cut& cut : model.cuts()) {
        std::optional<Parts> found;
        try {
            found = split_at(model, cut.tensors);
        } catch (const Error& error) {
            const std::string said = error.what();
            RC_ASSERT(said.find("nothing would") != std::string::npos);  // an end of the network, but no skipped tensor
            continue;
        }
        const Parts& parts = *found;
        std::set<std::string> outputs;
        for (const TensorSpec& spec : parts.tail.outputs()) RC_ASSERT(outputs.insert(spec.name).second);
        std::set<std::string> head_gives = {"x0", "x1"};
        for (const TensorSpec& spec : parts.head.outputs()) {
            head_gives.insert(spec.name);
            if (whole_outputs.contains(spec.name)) RC_ASSERT(outputs.insert(spec.name).second);
        }
        RC_ASSERT(outputs == whole_outputs);
        for (const TensorSpec& spec : parts.crossing) {
            RC_ASSERT(head_gives.contains(spec.name));
            RC_ASSERT(std::find(cut.tensors.begin(), cut.tensors.end(), spec.name) != cut.tensors.end());
            RC_ASSERT(spec.shape == (Shape{-1, 3}));
        }
        RC_ASSERT(parts.head.layers().size() <= cut.layers_before);
        RC_ASSERT(parts.tail.layers().size() <= model.layers().size() - cut.layers_before);
    }
}

RC_GTEST_PROP(Parts, ACutEitherSeparatesOrSaysWhatIsMissing, ()) {
    const Model model = Model::parse(random_graph(), "test");
    Names all{"x0", "x1"};
    for (const LayerFlow& layer : flow_of(model)) all.insert(all.end(), layer.makes.begin(), layer.makes.end());
    Names cut = *rc::gen::container<Names>(rc::gen::elementOf(all));
    for (int i = 0; i < 100; ++i) {
        std::string said;
        try {
            split_at(model, cut);
            return;
        } catch (const Error& error) {
            said = error.what();
        }
        const std::size_t at = said.find("also needs '");
        if (at == std::string::npos) return;  // an end of the network
        const std::size_t from = at + 12;
        cut.push_back(said.substr(from, said.find('\'', from) - from));
    }
    RC_FAIL("adding what is missing never ends");
}

}  // namespace
}  // namespace breakeven
