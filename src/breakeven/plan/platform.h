// Platform: what can run a model, as a plain value: `cpu:4`, `openvino:cpu:2`, `cuda:0`, `grpc://host:port`; the
// engine's own options may follow: `cuda:0,cudnn_conv_algo_search=HEURISTIC`.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace breakeven {

struct Platform {
    std::string engine;        ///< "onnxruntime", "openvino", ...; "grpc" for a server
    std::string unit;          ///< "cpu", "cuda", ...; "host:port" for a server
    int number = 0;            ///< threads of a CPU, index of any other unit; 0 for a server
    std::string options = {};  ///< "key=value,key=value", sorted by key; the engine knows what they mean

    bool is_remote() const { return engine == "grpc"; }
    friend bool operator==(const Platform&, const Platform&) = default;
};

/// Of Platform::options, in their order.
std::vector<std::pair<std::string, std::string>> options_of(const Platform& platform);

/// Throws Error{usage}, naming the spellings, when the text is none of them.
Platform parse_platform(std::string_view text);
/// The shortest spelling that parse_platform reads back as the same value.
std::string to_text(const Platform& platform);

}  // namespace breakeven
