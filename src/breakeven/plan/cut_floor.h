// A floor under every answer to a cut problem, and what a choice adds to it at least: costs are moved along tensors
// from makers to consumers, as flow, until they meet. What met is paid by every answer; what is left, on nodes and
// tensors, is what a choice can still add. One pass against the order asks for flow and one along it sends: not the
// most there is (that is the minimum cut), but most of it, in linear time.
//
// Why it is a floor: sending f of a tensor's cost w to consumer c charges f to c if c is far. A tensor that crosses
// still pays its rest, for rest and charges of its far consumers together are at most w; where its maker is far, all
// its consumers are far too, and the maker's own charge went down by what was sent.
#pragma once

#include "breakeven/plan/cut_problem.h"

namespace breakeven {

struct CutFloor {
    double paid = 0;
    std::vector<double> near;    ///< by node: added at least if it is near, with the dearest path that comes along
    std::vector<double> far;     ///< by node: added at least if it is far, likewise
    std::vector<double> tensor;  ///< by tensor: added at least if it crosses, with its maker near and a consumer far
};

CutFloor floor_of(const CutProblem& problem);

}  // namespace breakeven
