// A world whose server takes networks from clients, and networks to send: the first line names the script that a
// network is, the rest makes it as long as a test needs.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "breakeven/wire/deploy.h"
#include "serve/foreign.h"

namespace breakeven::fakes {

inline ServerOptions allowing() {
    ServerOptions options;
    options.load_requests = LoadRequests::allowed;
    return options;
}

/// y = x * factor, for float32 x [1, n].
inline Script times(float factor) {
    Script script = identity({{"x", DType::float32, {1, -1}}});
    script.run = [factor](std::span<const Tensor> inputs) {
        std::vector<float> values(inputs[0].as<float>().begin(), inputs[0].as<float>().end());
        for (float& value : values) value *= factor;
        return std::vector<Tensor>{Tensor::of<float>(DType::float32, inputs[0].shape(), values)};
    };
    return script;
}

class DeployWorld : public World {
   public:
    explicit DeployWorld(ServerOptions options = allowing()) : World(std::move(options)) {
        engine.scripts["twice"] = times(2);
        engine.scripts["thrice"] = times(3);
        start();
    }
    Outcome<Deployed> send(const std::string& name, const ModelImage& image, const DeployOptions& options = {}) {
        return deploy(*client, clock, name, image, options);
    }
    /// What the network answers to 1, 2, 3: the factor, if it is one; else what went wrong.
    std::string factor(const std::string& name, const std::string& sha256 = {}) {
        Request request = request_for(name, counting(4));
        if (!sha256.empty()) request.parameters.push_back({std::string(sha256_parameter), sha256});
        const auto outcome = client->infer(request);
        if (const auto* refused = std::get_if<Refused>(&outcome)) return refused->reason;
        const auto* reply = std::get_if<InferReply>(&outcome);
        return reply == nullptr ? "lost" : fmt::format("{:g}", reply->outputs.at(0).tensor.as<float>()[1]);
    }
};

inline ModelImage image(const std::string& script, std::size_t length = 100) {
    std::string bytes = script + "\n";
    for (std::size_t i = 0; bytes.size() < length; ++i) bytes += static_cast<char>('a' + i % 23);
    return {.name = script, .bytes = std::move(bytes), .path = {}, .sha256 = {}};
}

inline std::string hash_of(const ModelImage& image) {
    return sha256(image.bytes);
}

}  // namespace breakeven::fakes
