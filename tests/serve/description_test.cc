// What a server tells about itself and its models: metadata, configuration, statistics, reflection, health.
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include "health.grpc.pb.h"
#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::Foreign;
using fakes::identity;

TEST(Server, DescribesItsModelsAsClientsNeedIt) {
    Foreign foreign;
    foreign.world.serve("fixed", identity({{"x", DType::int64, {2, -1}}}));
    grpc::ClientContext one, two, three;
    inference::ModelMetadataRequest which;
    which.set_name("same");
    inference::ModelMetadataResponse metadata;
    ASSERT_TRUE(foreign.stub->ModelMetadata(&one, which, &metadata).ok());
    EXPECT_EQ(metadata.platform(), "onnx_onnxv1");
    EXPECT_EQ(metadata.versions(0), "1");
    EXPECT_EQ(metadata.inputs(0).shape(0), -1);
    EXPECT_EQ(metadata.inputs(0).datatype(), "FP32");
    inference::ModelConfigRequest config_of;
    config_of.set_name("same");
    inference::ModelConfigResponse config;
    ASSERT_TRUE(foreign.stub->ModelConfig(&two, config_of, &config).ok());
    EXPECT_GT(config.config().max_batch_size(), 0);
    ASSERT_EQ(config.config().input(0).dims_size(), 1);
    EXPECT_EQ(config.config().input(0).dims(0), 4);
    EXPECT_EQ(config.config().input(0).data_type(), inference::TYPE_FP32);
    config_of.set_name("fixed");
    ASSERT_TRUE(foreign.stub->ModelConfig(&three, config_of, &config).ok());
    EXPECT_EQ(config.config().max_batch_size(), 0);
    EXPECT_EQ(config.config().input(0).dims_size(), 2);
}

TEST(Server, CountsWhatItDid) {
    Foreign foreign;
    inference::ModelInferRequest batch = foreign.good();
    batch.mutable_inputs(0)->set_shape(0, 3);
    batch.set_raw_input_contents(0, std::string(48, '\1'));
    ASSERT_TRUE(foreign.infer(foreign.good()).ok());
    ASSERT_TRUE(foreign.infer(batch).ok());
    batch.set_raw_input_contents(0, "wrong");
    ASSERT_FALSE(foreign.infer(batch).ok());
    grpc::ClientContext context;
    inference::ModelStatisticsRequest request;
    inference::ModelStatisticsResponse statistics;
    ASSERT_TRUE(foreign.stub->ModelStatistics(&context, request, &statistics).ok());
    ASSERT_EQ(statistics.model_stats_size(), 1);
    const inference::ModelStatistics& model = statistics.model_stats(0);
    EXPECT_EQ(model.version(), "1");
    EXPECT_EQ(model.inference_count(), 4U);
    EXPECT_EQ(model.execution_count(), 2U);
    EXPECT_EQ(model.inference_stats().success().count(), 2U);
    EXPECT_EQ(model.inference_stats().queue().count(), 2U);
    EXPECT_EQ(model.inference_stats().fail().count(), 1U);
    EXPECT_GT(model.last_inference(), 1'600'000'000'000U);
    ASSERT_EQ(model.batch_stats_size(), 2);
    EXPECT_EQ(model.batch_stats(1).batch_size(), 3U);
}

TEST(Server, ReflectionListsItsServices) {
    Foreign foreign;
    grpc::ClientContext context;
    const grpc::internal::RpcMethod method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                           grpc::internal::RpcMethod::BIDI_STREAMING);
    const std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
        grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(foreign.channel.get(),
                                                                                              method, &context));
    const grpc::Slice list_services("\x3a\x01*");  // ServerReflectionRequest.list_services = 7
    ASSERT_TRUE(stream->Write(grpc::ByteBuffer(&list_services, 1)));
    grpc::ByteBuffer answer;
    ASSERT_TRUE(stream->Read(&answer));
    grpc::Slice bytes;
    ASSERT_TRUE(answer.DumpToSingleSlice(&bytes).ok());
    const std::string text(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
    EXPECT_NE(text.find("inference.GRPCInferenceService"), std::string::npos);
    EXPECT_NE(text.find("grpc.health.v1.Health"), std::string::npos);
    stream->WritesDone();
}

TEST(Server, StandardHealthIsThere) {
    Foreign foreign;
    const auto health = grpc::health::v1::Health::NewStub(foreign.channel);
    grpc::ClientContext one, two, three;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(health->Check(&one, request, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    request.set_service("inference.GRPCInferenceService");
    ASSERT_TRUE(health->Check(&two, request, &response).ok());
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    request.set_service("other");
    EXPECT_EQ(health->Check(&three, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(Server, AWatcherIsToldWhenItStops) {
    Foreign foreign;
    const auto health = grpc::health::v1::Health::NewStub(foreign.channel);
    grpc::ClientContext context;
    const auto watch = health->Watch(&context, {});
    grpc::health::v1::HealthCheckResponse response;
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
    foreign.world.server->stop();
    ASSERT_TRUE(watch->Read(&response));
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace breakeven
