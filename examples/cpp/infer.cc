// Runs a network again and again, wherever it is fastest at that moment:  infer net.onnx [SERVER [DEADLINE_MS]]
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "breakeven/session/session.h"

int main(int argc, char** argv) try {
    if (argc < 2) return std::fprintf(stderr, "usage: infer net.onnx [host:port [deadline in ms]]\n"), 2;
    breakeven::SessionOptions options;
    if (argc > 2) options.server = argv[2];
    if (argc > 3) options.deadline = breakeven::Seconds(std::stod(argv[3]) / 1000.0);
    breakeven::Session session = breakeven::Session::open(argv[1], options);

    std::vector<breakeven::Tensor> inputs;
    for (const breakeven::TensorSpec& spec : session.inputs()) {  // zeros; a real program has a picture here
        breakeven::Shape shape = spec.shape;
        for (std::int64_t& size : shape) size = std::max<std::int64_t>(size, 1);
        inputs.emplace_back(spec.dtype, shape);
    }
    for (int i = 0; i < 10; ++i) {
        const breakeven::Inferred result = session.infer(inputs);  // always answers, with or without a server
        std::printf("%-6s %7.2f ms  %s\n", std::string(name(result.where)).c_str(), result.took.total.count() * 1e3,
                    result.why.c_str());
    }
    return 0;
} catch (const std::exception& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
}
