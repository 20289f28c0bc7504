// Service: the protocol's RPCs, each a thin call to the repository or to Inference. Internal to serve/: gRPC's types.
// ModelInfer and ModelStreamInfer take byte buffers, so that tensors are copied once; the rest are ordinary messages.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/sync_stream.h>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "breakeven/serve/deployments.h"
#include "breakeven/serve/inference.h"
#include "breakeven/serve/repository.h"
#include "open_inference.pb.h"

namespace breakeven {

class InferenceService final : public grpc::Service {
   public:
    struct Parts {
        Repository& repository;
        Inference& inference;
        Deployments* deployments;  ///< null: clients may not load and unload models
        std::string token;         ///< that each call must show; empty: none
        std::string version;
    };
    explicit InferenceService(Parts parts);

    /// From now on: not ready, new inferences are refused, and streams that wait for a request end.
    void stop();

   private:
    template <class Request, class Response>
    void add(const char* name, grpc::Status (InferenceService::*call)(const Request&, Response&));
    template <class Request, class Response>
    void add(const char* name,
             grpc::Status (InferenceService::*call)(const grpc::ServerContext&, const Request&, Response&));
    template <class Request, class Response, class Call>
    void add_handler(const char* name, const Call& call);

    /// What is wrong with the caller's token; nothing when it is right or none is asked for.
    std::optional<grpc::Status> stranger(const grpc::ServerContext& context) const;

    grpc::Status live(const inference::ServerLiveRequest&, inference::ServerLiveResponse& out);
    grpc::Status ready(const inference::ServerReadyRequest&, inference::ServerReadyResponse& out);
    grpc::Status model_ready(const inference::ModelReadyRequest& in, inference::ModelReadyResponse& out);
    grpc::Status metadata(const inference::ServerMetadataRequest&, inference::ServerMetadataResponse& out);
    grpc::Status model_metadata(const inference::ModelMetadataRequest& in, inference::ModelMetadataResponse& out);
    grpc::Status configuration(const inference::ModelConfigRequest& in, inference::ModelConfigResponse& out);
    grpc::Status statistics(const inference::ModelStatisticsRequest& in, inference::ModelStatisticsResponse& out);
    grpc::Status index(const inference::RepositoryIndexRequest& in, inference::RepositoryIndexResponse& out);
    grpc::Status load(const grpc::ServerContext& context, const inference::RepositoryModelLoadRequest& in,
                      inference::RepositoryModelLoadResponse& out);
    grpc::Status unload(const grpc::ServerContext& context, const inference::RepositoryModelUnloadRequest& in,
                        inference::RepositoryModelUnloadResponse&);

    using Stream = grpc::ServerReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
    grpc::Status infer(grpc::ServerContext& context, grpc::ByteBuffer& in, grpc::ByteBuffer& out);
    grpc::Status infer_stream(grpc::ServerContext& context, Stream& stream);
    grpc::Status serve_stream(grpc::ServerContext& context, Stream& stream);

    Parts parts_;
    std::atomic<bool> stopping_ = false;
    std::mutex streams_mutex_;
    std::set<grpc::ServerContext*> idle_streams_;
};

}  // namespace breakeven
