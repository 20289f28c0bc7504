// PartsSeam: which tensor goes where between the two parts of a network: what the head takes, what the tail takes of
// the inputs and of the head, and what the outputs are put together from. No part is run here.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Inputs and outputs of a network or a part.
struct PartEnds {
    std::vector<TensorSpec> inputs;
    std::vector<TensorSpec> outputs;
};

class PartsSeam final {
   public:
    struct Ends {
        PartEnds whole;
        PartEnds head;
        PartEnds tail;
    };
    /// `name` of the network, for messages. Throws Error{input} where the parts are not of one cut.
    PartsSeam(const std::string& name, const Ends& ends);

    std::vector<Tensor> head_takes(std::span<const Tensor> inputs) const;
    std::vector<Tensor> tail_takes(std::span<const Tensor> inputs, std::span<const Tensor> head) const;

    struct Made {
        std::span<const Tensor> inputs;
        std::span<const Tensor> head;
        std::span<const Tensor> tail;
    };
    std::vector<Tensor> gives(const Made& made) const;

   private:
    /// Where a tensor comes from: an input of the network, or an output of a part.
    struct Source {
        enum class From { input, head, tail } from = From::input;
        std::size_t index = 0;
    };
    static std::vector<Tensor> taken(const std::vector<Source>& sources, const Made& made);

    std::vector<Source> head_takes_;
    std::vector<Source> tail_takes_;
    std::vector<Source> gives_;
};

}  // namespace breakeven
