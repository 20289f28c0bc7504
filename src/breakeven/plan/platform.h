// Platform: what can run a model, as a plain value: `cpu:4`, `openvino:cpu:2`, `cuda:0`, `grpc://host:port`.
#pragma once

#include <string>
#include <string_view>

namespace breakeven {

struct Platform {
    std::string engine;  ///< "onnxruntime", "openvino", ...; "grpc" for a server
    std::string unit;    ///< "cpu", "cuda", ...; "host:port" for a server
    int number = 0;      ///< threads of a CPU, index of any other unit; 0 for a server

    bool is_remote() const { return engine == "grpc"; }
    friend bool operator==(const Platform&, const Platform&) = default;
};

/// Throws Error{usage}, naming the spellings, when the text is none of them.
Platform parse_platform(std::string_view text);
/// The shortest spelling that parse_platform reads back as the same value.
std::string to_text(const Platform& platform);

}  // namespace breakeven
