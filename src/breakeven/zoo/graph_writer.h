// GraphWriter: an ONNX graph under construction: nodes, stored tensors, inputs and outputs, in ONNX's own words.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "breakeven/model/model.h"

namespace breakeven {

/// An attribute of a node: "axis" = 1, "pads" = {0, 0, 1, 1}.
struct NodeAttribute {
    std::string_view name;
    std::variant<std::int64_t, std::vector<std::int64_t>, float> value;
};

class GraphWriter final {
   public:
    explicit GraphWriter(std::string name);
    ~GraphWriter();
    GraphWriter(const GraphWriter&) = delete;
    GraphWriter& operator=(const GraphWriter&) = delete;

    /// Stores a tensor; gives its name back.
    std::string store(const std::string& tensor, const Shape& shape, std::span<const float> values);
    std::string store(const std::string& tensor, const Shape& shape, const std::vector<std::int64_t>& values);

    /// Adds a node; its first output has its name, which comes back. Further outputs are NAME_1, NAME_2, ...
    std::string node(const std::string& name, std::string_view op, const std::vector<std::string>& inputs,
                     const std::vector<NodeAttribute>& attributes = {}, std::int64_t outputs = 1);

    /// Shapes without the batch dimension, which stays open.
    void input(const std::string& name, const Shape& shape);
    /// `tensor` leaves the network as `name`.
    void output(const std::string& name, const std::string& tensor, DType dtype, const Shape& shape);
    void metadata(std::string_view key, const std::string& value);

    /// The whole; the writer is empty afterwards.
    Model finish();

   private:
    std::string name_;
    std::unique_ptr<onnx::ModelProto> proto_;
};

}  // namespace breakeven
