// deploy() against a server that is not ours: one message, as Triton takes it; what it forbids is not sent twice.
#include "breakeven/wire/deploy.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "breakeven/model/sha256.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {
namespace {

/// Keeps configurations and files as Triton does, and knows nothing of our extensions.
class Triton final : public inference::GRPCInferenceService::Service {
   public:
    Triton() {
        grpc::ServerBuilder builder;
        int port = 0;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
        builder.RegisterService(this);
        server_ = builder.BuildAndStart();
        address = "127.0.0.1:" + std::to_string(port);
    }
    ~Triton() override { server_->Shutdown(std::chrono::system_clock::now()); }
    Triton(const Triton&) = delete;
    Triton& operator=(const Triton&) = delete;

    std::string address;
    grpc::Status load_status = grpc::Status::OK;  // set before the first call
    std::vector<std::string> extensions{"model_repository"};
    int loads() const {
        const std::scoped_lock lock(mutex_);
        return loads_;
    }
    std::string file(const std::string& name) const {
        const std::scoped_lock lock(mutex_);
        return files_.at(name);
    }

    grpc::Status ServerMetadata(grpc::ServerContext*, const inference::ServerMetadataRequest*,
                                inference::ServerMetadataResponse* out) override {
        out->set_name("triton");
        for (const std::string& extension : extensions) out->add_extensions(extension);
        return grpc::Status::OK;
    }
    grpc::Status ModelConfig(grpc::ServerContext*, const inference::ModelConfigRequest* in,
                             inference::ModelConfigResponse* out) override {
        const std::scoped_lock lock(mutex_);
        const auto found = configs_.find(in->name());
        if (found == configs_.end()) return {grpc::StatusCode::NOT_FOUND, "unknown model"};
        for (const auto& [name, value] : found->second["parameters"].items()) {
            (*out->mutable_config()->mutable_parameters())[name].set_string_value(value["string_value"]);
        }
        return grpc::Status::OK;
    }
    grpc::Status RepositoryModelLoad(grpc::ServerContext*, const inference::RepositoryModelLoadRequest* in,
                                     inference::RepositoryModelLoadResponse*) override {
        const std::scoped_lock lock(mutex_);
        ++loads_;
        if (!load_status.ok()) return load_status;
        for (const auto& [name, value] : in->parameters()) {
            if (name == "config") {
                configs_[in->model_name()] = nlohmann::json::parse(value.string_param());
            } else if (name == "file:1/model.onnx") {
                files_[in->model_name()] = value.bytes_param();
            } else {
                return {grpc::StatusCode::INVALID_ARGUMENT, "unrecognized load parameter '" + name + "'."};
            }
        }
        return grpc::Status::OK;
    }

   private:
    mutable std::mutex mutex_;
    int loads_ = 0;
    std::map<std::string, nlohmann::json> configs_;
    std::map<std::string, std::string> files_;
    std::unique_ptr<grpc::Server> server_;
};

/// Deploying needs a clock only to tell how long it took.
struct Deploying {
    Triton triton;
    VirtualClock clock;
    ModelImage image{.name = "net", .bytes = std::string(3'000'000, 'x'), .path = {}, .sha256 = {}};
    Outcome<Deployed> send(const std::string& name = "net") {
        Client client(triton.address);
        return deploy(client, clock, name, image);
    }
};

TEST(DeployElsewhere, TheFileGoesInOneMessageAndIsKnownTheNextTime) {
    Deploying to;
    const auto first = std::get<Deployed>(to.send());
    EXPECT_EQ(first.how, Deployed::How::sent_whole);
    EXPECT_FALSE(first.held_against_hash);
    EXPECT_EQ(to.triton.file("net"), to.image.bytes);
    EXPECT_EQ(std::get<Deployed>(to.send()).how, Deployed::How::already_there);
    EXPECT_EQ(to.triton.loads(), 1);
    to.image.bytes.back() = 'y';
    EXPECT_EQ(std::get<Deployed>(to.send()).how, Deployed::How::sent_whole);
    EXPECT_EQ(to.triton.file("net"), to.image.bytes);
}

TEST(DeployElsewhere, WhatTheServerForbidsIsSentOnceAndSaysWhy) {
    Deploying to;
    to.triton.load_status = {grpc::StatusCode::UNAVAILABLE,
                             "explicit model load / unload is not allowed if polling is enabled"};
    const auto outcome = to.send();
    const auto* refused = std::get_if<Refused>(&outcome);
    ASSERT_NE(refused, nullptr);
    EXPECT_EQ(refused->kind, ErrorKind::unavailable);
    EXPECT_EQ(refused->reason, "explicit model load / unload is not allowed if polling is enabled");
    EXPECT_EQ(to.triton.loads(), 1);
}

TEST(DeployElsewhere, AServerWithoutARepositoryIsSentNothing) {
    Deploying to;
    to.triton.extensions.clear();
    EXPECT_TRUE(std::holds_alternative<Refused>(to.send()));
    EXPECT_EQ(to.triton.loads(), 0);
}

TEST(DeployElsewhere, DamageOnTheWayIsTriedAgainAndGivenUp) {
    Deploying to;
    to.triton.load_status = {grpc::StatusCode::DATA_LOSS, "damaged"};
    EXPECT_TRUE(std::holds_alternative<Lost>(to.send()));
    EXPECT_EQ(to.triton.loads(), 3);
}

TEST(DeployElsewhere, NamesByContentDifferWithTheContent) {
    EXPECT_EQ(content_name("net", sha256("a")), "net-ca978112ca1bbdca");
    EXPECT_NE(content_name("net", sha256("a")), content_name("net", sha256("b")));
}

}  // namespace
}  // namespace breakeven
