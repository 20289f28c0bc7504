// ModelStreamInfer as Triton has it: errors stay in the stream, answers keep the order of the requests.

#include <gtest/gtest.h>

#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::Foreign;

TEST(Stream, StaysOpenAfterAnError) {
    Foreign foreign;
    grpc::ClientContext context;
    const auto stream = foreign.stub->ModelStreamInfer(&context);
    inference::ModelStreamInferResponse response;
    inference::ModelInferRequest unknown = foreign.good();
    unknown.set_model_name("other");
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(stream->Write(foreign.good()));
        ASSERT_TRUE(stream->Read(&response));
        EXPECT_EQ(response.error_message(), "");
        EXPECT_EQ(response.infer_response().raw_output_contents(0), std::string(16, '\1'));
        EXPECT_TRUE(response.infer_response().parameters().at("triton_final_response").bool_param());
        ASSERT_TRUE(stream->Write(unknown));
        ASSERT_TRUE(stream->Read(&response));
        EXPECT_EQ(response.error_message(), "Request for unknown model: 'other' is not found");
    }
    stream->WritesDone();
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
}

TEST(Stream, EndsWithAStatusWhereTheClientAsksForIt) {
    Foreign foreign;
    grpc::ClientContext context;
    context.AddMetadata("triton_grpc_error", "true");
    const auto stream = foreign.stub->ModelStreamInfer(&context);
    inference::ModelInferRequest unknown = foreign.good();
    unknown.set_model_name("other");
    ASSERT_TRUE(stream->Write(unknown));
    inference::ModelStreamInferResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace breakeven
