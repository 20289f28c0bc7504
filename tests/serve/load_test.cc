// Clients load and unload models where that is allowed: of the folder, and such as they send.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "serve/deploying.h"
#include "serve/folder.h"

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

using Parameters = google::protobuf::Map<std::string, inference::ModelRepositoryParameter>;

/// A server that takes networks, and gRPC's own stub.
struct Loading : fakes::DeployWorld {
    explicit Loading(ServerOptions options = fakes::allowing()) : fakes::DeployWorld(std::move(options)) {
        stub =
            inference::GRPCInferenceService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    }
    /// "3 reason", or "0 " for a load that worked. Without changes it is a good one of "twice".
    std::string load(
        const std::function<void(Parameters&)>& change = [](Parameters&) {}, const std::string& name = "net") {
        inference::RepositoryModelLoadRequest request;
        request.set_model_name(name);
        Parameters& parameters = *request.mutable_parameters();
        parameters["config"].set_string_param(R"({"backend": "onnxruntime"})");
        parameters["file:1/model.onnx"].set_bytes_param(fakes::image("twice").bytes);
        change(parameters);
        grpc::ClientContext context;
        const grpc::Status status = stub->RepositoryModelLoad(&context, request, &reply);
        return std::to_string(status.error_code()) + " " + status.error_message();
    }
    /// A piece of "twice"; `change` makes it a bad one.
    std::string piece(const std::function<void(Parameters&)>& change = [](Parameters&) {}) {
        return load([&](Parameters& parameters) {
            const ModelImage file = fakes::image("twice");
            parameters.clear();
            parameters["breakeven_sha256"].set_string_param(fakes::hash_of(file));
            parameters["breakeven_size"].set_int64_param(100);
            parameters["breakeven_offset"].set_int64_param(0);
            parameters["breakeven_piece"].set_bytes_param(file.bytes);
            parameters["breakeven_piece_sha256"].set_string_param(fakes::hash_of(file));
            change(parameters);
        });
    }
    std::unique_ptr<inference::GRPCInferenceService::Stub> stub;
    inference::RepositoryModelLoadResponse reply;
};

TEST(Load, TakesAFileAsTritonDoes) {
    Loading world;
    EXPECT_EQ(world.load(), "0 ");
    EXPECT_EQ(world.factor("net"), "2");
    EXPECT_EQ(world.load([](Parameters& p) {
        p["config"].set_string_param(R"({"name": "net", "platform": "onnxruntime_onnx", "max_batch_size": 4,
                      "default_model_filename": "my.onnx", "instance_group": [{"count": 2}]})");
        p["file:3/my.onnx"].set_bytes_param(p["file:1/model.onnx"].bytes_param());
        p.erase("file:1/model.onnx");
    }),
              "0 ");
    const std::vector<IndexEntry> index = world.server->index();
    ASSERT_EQ(index.size(), 1U);
    EXPECT_EQ(index[0].version, 3);
    EXPECT_TRUE(index[0].ready);
}

TEST(Load, RefusesWithTheRightStatusAndOneLine) {
    Loading world;
    ASSERT_EQ(world.load(), "0 ");
    const auto config = [&](const std::string& text) {
        return world.load([&](Parameters& p) { p["config"].set_string_param(text); });
    };
    const auto file = [&](const std::string& name) {
        return world.load([&](Parameters& p) {
            p.erase("file:1/model.onnx");
            p[name].set_bytes_param("twice");
        });
    };
    EXPECT_EQ(world.load([](Parameters& p) { p.erase("config"); }),
              "3 Load parameter 'config' must be specified for model file override");
    EXPECT_EQ(config("{"), "3 Invalid config override: it is not a JSON object");
    EXPECT_EQ(config("[1]"), "3 Invalid config override: it is not a JSON object");
    EXPECT_EQ(config(std::string(60'000, '[')), "3 Invalid config override: it is not a JSON object");
    EXPECT_EQ(config(std::string(70'000, ' ')), "3 the config is longer than 64 KiB");
    EXPECT_EQ(config(R"({"name": "other"})"), "3 the config is of model 'other', the request of 'net'");
    EXPECT_EQ(config(R"({"backend": "python"})"), "12 this server takes ONNX and TFLite models only (backends onnxruntime and openvino)");
    EXPECT_EQ(config(R"({"ensemble_scheduling": {"step": []}})"),
              "12 a config with ensemble_scheduling is not supported");
    EXPECT_EQ(config(R"({"model_transaction_policy": {"decoupled": true}})"),
              "12 a config with model_transaction_policy is not supported");
    EXPECT_EQ(config(R"({"model_transaction_policy": {"decoupled": false}})"), "0 ");
    EXPECT_EQ(config(R"({"parameters": {"breakeven_sha256": {"string_value": "1"}}})"),
              "3 breakeven_sha256 in the config is no SHA-256");
    EXPECT_EQ(config(R"({"parameters": [1], "name": 7, "backend": {}})"), "0 ");
    EXPECT_EQ(file("file:1/model.tflite"), "0 ");
    EXPECT_EQ(file("file:1/other.onnx"), "3 'file:1/other.onnx' is not file:VERSION/model.onnx");
    EXPECT_EQ(file("file:0/model.onnx"), "3 'file:0/model.onnx' is not file:VERSION/model.onnx");
    EXPECT_EQ(file("file:99999999999999999999/model.onnx"),
              "3 'file:99999999999999999999/model.onnx' is not file:VERSION/model.onnx");
    EXPECT_EQ(file("file:"), "3 'file:' is not file:VERSION/model.onnx");
    EXPECT_EQ(file("file:1/../../etc/passwd"), "3 'file:1/../../etc/passwd' is not file:VERSION/model.onnx");
    EXPECT_EQ(file("other"), "3 unrecognized load parameter 'other'");
    EXPECT_EQ(world.load([](Parameters& p) { p["file:2/model.onnx"].set_bytes_param("x"); }),
              "12 one file and one version a request: weights go inside it");
    EXPECT_EQ(world.load([](Parameters& p) { p["config"].set_int64_param(1); }),
              "3 invalid value type for load parameter 'config', expected string_param");
    EXPECT_EQ(world.load([](Parameters& p) { p["file:1/model.onnx"].set_string_param("x"); }),
              "3 invalid value type for load parameter 'file:1/model.onnx', expected bytes_param");
    for (const char* name : {"", "../up", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\nb"}) {
        EXPECT_TRUE(world.load([](Parameters&) {}, name).starts_with("3 '")) << name;
    }
    EXPECT_EQ(world.load([](Parameters&) {}, "breakeven.probe"), "3 this name is the server's own");
    EXPECT_EQ(world.factor("net"), "2");
}

TEST(Load, AFileWithAnotherHashThanAnnouncedIsRefused) {
    Loading world;
    const std::string announced = fakes::hash_of(fakes::image("thrice"));
    EXPECT_EQ(world.load([&](Parameters& p) {
        p["config"].set_string_param(R"({"parameters": {"breakeven_sha256": {"string_value": ")" + announced +
                                     R"("}}})");
    }),
              "15 cannot load 'net': the file's SHA-256 is " + fakes::hash_of(fakes::image("twice")) +
                  ", announced was " + announced);
}

TEST(Load, APieceIsHeldAgainstWhatItSays) {
    Loading world;
    using P = Parameters;
    const std::string needs = "3 a piece needs breakeven_offset, breakeven_piece and breakeven_piece_sha256";
    EXPECT_EQ(world.piece([](P& p) { p.erase("breakeven_offset"); }), needs);
    EXPECT_EQ(world.piece([](P& p) { p.erase("breakeven_piece"); }), needs);
    EXPECT_EQ(world.piece([](P& p) { p.erase("breakeven_piece_sha256"); }), needs);
    EXPECT_EQ(world.piece([](P& p) { p.erase("breakeven_size"); }),
              "3 an upload in pieces needs breakeven_sha256 and breakeven_size");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_size"].set_int64_param(-1); }),
              "3 an upload in pieces needs breakeven_sha256 and breakeven_size");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_size"].set_int64_param(99); }),
              "3 the piece does not lie inside the file");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_sha256"].set_string_param("short"); }),
              "3 'breakeven_sha256' is no SHA-256");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_sha256"].set_string_param(std::string(64, '0')); }),
              "15 the pieces make another file: its SHA-256 is not the announced one");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_piece"].set_bytes_param("damaged"); }),
              "15 the piece is damaged: its SHA-256 is not the announced one; send again");
    EXPECT_EQ(world.piece([](P& p) { p["breakeven_size"].set_int64_param(std::int64_t{1} << 60); }).substr(0, 2), "8 ");
    EXPECT_EQ(world.piece([](P& p) { p["config"].set_string_param("{}"); }),
              "3 unrecognized load parameter 'config' beside a piece");
    EXPECT_EQ(world.server->index().size(), 0U);
    EXPECT_EQ(world.piece(), "0 ");
    EXPECT_EQ(world.reply.breakeven_received(), 100);
    EXPECT_EQ(world.piece(), "0 ");  // who lost the reply to the last piece sends it again
    EXPECT_EQ(world.factor("net"), "2");
}

TEST(Load, WhatWasSentIsForgottenWhenItIsUnloaded) {
    Loading world;
    for (int i = 0; i < 200; ++i) {
        const std::string name = "net" + std::to_string(i);
        ASSERT_EQ(world.load([](Parameters&) {}, name), "0 ");
        ASSERT_TRUE(std::holds_alternative<bool>(world.client->unload_model(name)));
    }
    EXPECT_EQ(world.server->index().size(), 0U);
    EXPECT_EQ(world.factor("net1"), "Request for unknown model: 'net1' is not found");
}

TEST(Load, TheNumberOfNetworksThatClientsSentIsBounded) {
    Loading world;
    for (int i = 0; i < 64; ++i) ASSERT_EQ(world.load([](Parameters&) {}, "net" + std::to_string(i)), "0 ");
    EXPECT_EQ(world.load([](Parameters&) {}, "one more"),
              "8 cannot load 'one more': keep it in memory: 64 models that clients sent are here already; unload one "
              "first");
    EXPECT_EQ(world.load([](Parameters&) {}, "net5"), "0 ");  // in place of one that is there
}

TEST(Load, OneOfTheFolderGivesWayAndComesBack) {
    Loading world;
    const fakes::Folder folder;
    folder.write("twice.onnx");
    world.server->load_repository(folder.path);
    EXPECT_EQ(world.factor("twice"), "2");
    EXPECT_EQ(world.load([](Parameters& p) { p["file:1/model.onnx"].set_bytes_param("thrice"); }, "twice"), "0 ");
    EXPECT_EQ(world.factor("twice"), "3");
    EXPECT_EQ(world.load([](Parameters& p) { p.clear(); }, "twice"), "0 ");
    EXPECT_EQ(world.factor("twice"), "2");
}

TEST(Load, AFolderModelThatFailsToReloadGoesOnServing) {
    Loading world;
    const fakes::Folder folder;
    folder.write("twice.onnx");
    world.server->load_repository(folder.path);
    const auto script = world.engine.scripts.extract("twice");
    EXPECT_EQ(world.load([](Parameters& p) { p.clear(); }, "twice"),
              "3 cannot load 'twice': load model 'twice': no script for it");
    EXPECT_EQ(world.factor("twice"), "2");
}

TEST(Load, ManyLoadsAtOnceAreBoundedAndInferencesGoOn) {
    std::latch entered(1), open(1);
    Loading world;
    world.engine.scripts["slow"] = fakes::times(2);
    ASSERT_EQ(world.load(), "0 ");
    std::atomic<bool> first = true;
    world.sent_hook = [&] {
        if (first.exchange(false)) entered.count_down();
        open.wait();
    };
    std::atomic<int> busy = 0, done = 0;
    std::vector<std::jthread> loads;
    const auto one = [&](int i) {
        Client client(world.address);
        const auto outcome = deploy(client, world.clock, "net" + std::to_string(i), fakes::image("slow"));
        const auto* refused = std::get_if<Refused>(&outcome);
        if (std::holds_alternative<Deployed>(outcome)) ++done;
        if (refused == nullptr) return;
        EXPECT_EQ(refused->reason, "the server is busy loading other models; try again later");
        if (++busy == 4) open.count_down();  // one loads, three wait: the others are turned away
    };
    loads.emplace_back([&] { one(0); });
    entered.wait();
    EXPECT_EQ(world.factor("net"), "2");
    for (int i = 1; i < 8; ++i) loads.emplace_back([&, i] { one(i); });
    loads.clear();
    EXPECT_EQ(busy, 4);
    EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace breakeven
