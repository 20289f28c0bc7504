// What the server's tests share: requests, and a client that nobody here wrote: gRPC's generated stub.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "open_inference.grpc.pb.h"
#include "serve/world.h"

namespace breakeven::fakes {

inline Tensor counting(std::int64_t n) {
    std::vector<float> values(static_cast<std::size_t>(n));
    std::iota(values.begin(), values.end(), 0.0F);
    return Tensor::of<float>(DType::float32, {1, n}, values);
}

inline Request request_for(const std::string& model, const Tensor& tensor) {
    return {.model = model, .version = {}, .id = "7", .parameters = {}, .inputs = {{"x", tensor}}, .outputs = {}};
}

template <class T>
std::string refusal(const Outcome<T>& outcome) {
    const auto* refused = std::get_if<Refused>(&outcome);
    return refused == nullptr ? "not refused" : refused->reason;
}

/// The generated stub and a world with one float32 model "same" of shape [-1, 4].
struct Foreign {
    explicit Foreign(ServerOptions options = ServerOptions()) : world(std::move(options)) {
        world.serve("same", identity({{"x", DType::float32, {-1, 4}}}));
        world.start();
        channel = grpc::CreateChannel(world.address, grpc::InsecureChannelCredentials());
        stub = inference::GRPCInferenceService::NewStub(channel);
    }
    inference::ModelInferRequest good() const {
        inference::ModelInferRequest request;
        request.set_model_name("same");
        auto* input = request.add_inputs();
        input->set_name("x");
        input->set_datatype("FP32");
        input->add_shape(1);
        input->add_shape(4);
        request.add_raw_input_contents(std::string(16, '\1'));
        return request;
    }
    grpc::Status infer(const inference::ModelInferRequest& request) {
        grpc::ClientContext context;
        return stub->ModelInfer(&context, request, &reply);
    }
    /// "INVALID_ARGUMENT: reason", as numbers and text.
    std::string status(const inference::ModelInferRequest& request) {
        const grpc::Status status = infer(request);
        return std::to_string(status.error_code()) + " " + status.error_message();
    }
    World world;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<inference::GRPCInferenceService::Stub> stub;
    inference::ModelInferResponse reply;
};

}  // namespace breakeven::fakes
