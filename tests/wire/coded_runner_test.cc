// Coded inputs go only to servers that say they take them; every other server gets plain tensors.
#include "breakeven/wire/coded_runner.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "breakeven/codec/frame.h"
#include "breakeven/wire/coded_inputs.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {
namespace {

/// Serves "same", which gives back its four numbers, and keeps the last request.
class Recorder final : public inference::GRPCInferenceService::Service {
   public:
    explicit Recorder(std::vector<std::string> extensions) : extensions_(std::move(extensions)) {
        grpc::ServerBuilder builder;
        int port = 0;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
        address = "127.0.0.1:" + std::to_string(port);
    }
    ~Recorder() override { server_->Shutdown(std::chrono::system_clock::now()); }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    std::string address;
    inference::ModelInferRequest last() const {
        const std::scoped_lock lock(mutex_);
        return last_;
    }

    grpc::Status ServerMetadata(grpc::ServerContext*, const inference::ServerMetadataRequest*,
                                inference::ServerMetadataResponse* out) override {
        for (const std::string& extension : extensions_) out->add_extensions(extension);
        return grpc::Status::OK;
    }
    grpc::Status ModelMetadata(grpc::ServerContext*, const inference::ModelMetadataRequest*,
                               inference::ModelMetadataResponse* out) override {
        for (auto* spec : {out->add_inputs(), out->add_outputs()}) {
            spec->set_name("x");
            spec->set_datatype("FP32");
            spec->add_shape(4);
        }
        return grpc::Status::OK;
    }
    grpc::Status ModelInfer(grpc::ServerContext*, const inference::ModelInferRequest* in,
                            inference::ModelInferResponse* out) override {
        {
            const std::scoped_lock lock(mutex_);
            last_ = *in;
        }
        auto* output = out->add_outputs();
        output->set_name("x");
        output->set_datatype("FP32");
        output->add_shape(4);
        out->add_raw_output_contents(std::string(16, '\0'));
        return grpc::Status::OK;
    }

   private:
    mutable std::mutex mutex_;
    inference::ModelInferRequest last_;
    std::vector<std::string> extensions_;
    std::unique_ptr<grpc::Server> server_;
};

inference::ModelInferRequest request_to(const std::vector<std::string>& extensions) {
    Recorder server(extensions);
    const auto runner = load_coded(std::make_shared<Client>(server.address), "same", {.kind = CodecKind::lossless});
    const std::vector<float> numbers{1, 2, 3, 4};
    const std::vector<Tensor> inputs{Tensor::of<float>(DType::float32, {4}, numbers)};
    EXPECT_EQ(runner->run(inputs).outputs.size(), 1U);
    return server.last();
}

TEST(CodedRunner, SendsPlainTensorsToAServerThatDoesNotOfferCodecs) {
    const auto request = request_to({"model_repository", "breakeven_probe"});
    EXPECT_EQ(request.parameters().count(std::string(codecs_parameter)), 0U);
    ASSERT_EQ(request.inputs_size(), 1);
    EXPECT_EQ(request.inputs(0).datatype(), "FP32");
    EXPECT_EQ(request.raw_input_contents(0).size(), 16U);
}

TEST(CodedRunner, SendsFramesToOneThatDoes) {
    const auto request = request_to({std::string(codecs_extension)});
    EXPECT_TRUE(request.parameters().at(std::string(codecs_parameter)).bool_param());
    ASSERT_EQ(request.inputs_size(), 1);
    EXPECT_EQ(request.inputs(0).datatype(), "UINT8");
    const std::string& frame = request.raw_input_contents(0);
    const Tensor tensor = decode_frame(std::as_bytes(std::span(frame.data(), frame.size())), Bytes(100));
    EXPECT_EQ(to_doubles(tensor), (std::vector<double>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace breakeven
