// Clients load and unload models where that is allowed: of the folder, and such as they send.

#include <gtest/gtest.h>

#include "serve/folder.h"
#include "serve/foreign.h"

namespace breakeven {
namespace {

using fakes::Foreign;

TEST(Load, LoadingNeedsPermission) {
    Foreign foreign;
    grpc::ClientContext one, two;
    inference::RepositoryModelLoadRequest load;
    inference::RepositoryModelLoadResponse loaded;
    load.set_model_name("same");
    EXPECT_EQ(foreign.stub->RepositoryModelLoad(&one, load, &loaded).error_code(), grpc::StatusCode::UNAVAILABLE);
    inference::RepositoryModelUnloadRequest unload;
    inference::RepositoryModelUnloadResponse unloaded;
    unload.set_model_name("same");
    EXPECT_EQ(foreign.stub->RepositoryModelUnload(&two, unload, &unloaded).error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(foreign.infer(foreign.good()).ok());
}

TEST(Load, LoadsAndUnloadsWhereAllowed) {
    ServerOptions options;
    options.load_requests = LoadRequests::allowed;
    Foreign foreign(options);
    const fakes::Folder folder;
    folder.write("same.onnx");
    foreign.world.server->load_repository(folder.path);
    const auto load = [&](const std::function<void(inference::RepositoryModelLoadRequest&)>& change) {
        grpc::ClientContext context;
        inference::RepositoryModelLoadRequest request;
        request.set_model_name("same");
        change(request);
        inference::RepositoryModelLoadResponse response;
        return foreign.stub->RepositoryModelLoad(&context, request, &response).error_code();
    };
    grpc::ClientContext context;
    inference::RepositoryModelUnloadRequest request;
    request.set_model_name("same");
    inference::RepositoryModelUnloadResponse response;
    ASSERT_TRUE(foreign.stub->RepositoryModelUnload(&context, request, &response).ok());
    EXPECT_EQ(foreign.status(foreign.good()), "14 model 'same' is not ready: unloaded");
    EXPECT_EQ(load([](auto& r) { r.set_model_name("../same"); }), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(load([](auto& r) { r.set_model_name("other"); }), grpc::StatusCode::NOT_FOUND);
    EXPECT_EQ(load([](auto&) {}), grpc::StatusCode::OK);
    EXPECT_TRUE(foreign.infer(foreign.good()).ok());
}

}  // namespace
}  // namespace breakeven
