// A real server on the loopback that takes networks, with a real engine, and a small network to run.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/measure/steady_clock.h"
#include "breakeven/model/model.h"
#include "breakeven/serve/server.h"
#include "breakeven/session/session.h"
#include "breakeven/time/random.h"
#include "fakes/tiny_models.h"

namespace breakeven::fakes {

/// A few convolutions that shrink: [1, 3, 32, 32] -> [1, 16, 1, 1]. Some 0.1 ms; cuts that send less than the input.
inline std::string shrinking_network() {
    TinyGraph graph("shrinking");
    graph.input("x", DType::float32, {1, 3, 32, 32}).output("y", DType::float32, {1, 16, 1, 1});
    Random random(1);
    std::int64_t channels = 3;
    std::string from = "x";
    for (int layer = 0; layer < 4; ++layer) {
        const std::int64_t filters = 16;
        std::vector<float> values(static_cast<std::size_t>(filters * channels * 9));
        for (float& value : values) value = static_cast<float>(random.normal()) * 0.1F;
        const std::string n = std::to_string(layer);
        graph.weights("w" + n, {filters, channels, 3, 3}, values);
        graph.node("Conv", {from, "w" + n}, {"c" + n},
                   {ints_attribute("pads", {1, 1, 1, 1}), ints_attribute("strides", {2, 2})});
        graph.node("Relu", {"c" + n}, {"r" + n});
        from = "r" + n;
        channels = filters;
    }
    graph.node("GlobalAveragePool", {from}, {"y"});
    return graph.model();
}

inline const std::filesystem::path& engine_library() {
    static const std::filesystem::path path = BREAKEVEN_ONNXRUNTIME_LIBRARY;
    return path;
}

inline std::unique_ptr<Engine> real_engine() {
    return make_onnxruntime({.libraries = {engine_library()}});
}

/// What the network makes of an input, without a session.
inline std::vector<float> reference(const std::string& network, const Tensor& input) {
    static const std::unique_ptr<Engine> engine = real_engine();
    const auto runner = engine->load(image_of(Model::parse(network, "reference")), {"onnxruntime", "cpu", 1}, {});
    const std::vector<Tensor> outputs = runner->run(std::vector<Tensor>{input}).outputs;
    return {outputs[0].as<float>().begin(), outputs[0].as<float>().end()};
}

inline Tensor random_input(std::uint64_t seed) {
    Tensor tensor(DType::float32, {1, 3, 32, 32});
    Random random(seed);
    for (float& value : tensor.mutable_as<float>()) value = static_cast<float>(random.uniform());
    return tensor;
}

class Loopback {
   public:
    explicit Loopback(LoadRequests loads = LoadRequests::allowed) : loads_(loads) { start("127.0.0.1:0"); }
    void stop() { server_.reset(); }
    /// At the same address, with nothing of what it was sent.
    void restart() {
        server_.reset();
        start(address);
    }
    Server& server() { return *server_; }
    std::string address;

   private:
    void start(const std::string& listen) {
        ServerOptions options;
        options.listen = listen;
        options.repository.platform = {"onnxruntime", "cpu", 1};
        options.repository.sent_loader = [](SentBytes sent) { return check_sent_model(std::move(sent)); };
        options.load_requests = loads_;
        options.stop_within = Seconds(0.1);
        server_ = std::make_unique<Server>(
            *engine_, [](const std::filesystem::path&) { return ModelImage{}; }, clock_, std::move(options));
        address = server_->start();
    }

    LoadRequests loads_;
    SteadyClock clock_;
    std::unique_ptr<Engine> engine_ = real_engine();
    std::unique_ptr<Server> server_;
};

/// Plans whose figures make the wanted one the fastest.
inline std::string plans_that_prefer(const std::string& name) {
    const auto time = [&](const std::string& plan) { return plan == name ? "1us" : "10s"; };
    return std::string(R"({"plans": [{"name": "local", "device": ")") + (name == "local" ? "1us" : "10s") +
           R"("}, {"name": "offload", "server": ")" + time("offload") +
           R"(", "up": "12288B", "down": "64B"}, {"name": "split", "cut": ["r0"], "device": "1us", "server": ")" +
           time("split") + R"(", "up": "16384B", "down": "64B", "rest_on_device": "10s"}]})";
}

inline SessionOptions options_for(const std::string& server) {
    SessionOptions options;
    options.server = server;
    options.onnxruntime = {engine_library()};
    options.answer_within = Seconds(2.0);
    return options;
}

}  // namespace breakeven::fakes
