// The protocol's RPCs: see service.h.
#include "breakeven/serve/service.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>

#include "breakeven/serve/description.h"
#include "breakeven/serve/security.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/coded_inputs.h"
#include "breakeven/wire/deploy.h"
#include "breakeven/wire/slices.h"

namespace breakeven {
namespace {

#define BREAKEVEN_RPC(name) "/inference.GRPCInferenceService/" name

grpc::StatusCode code_of(RefusalCode code) {
    switch (code) {
        case RefusalCode::invalid_argument: return grpc::StatusCode::INVALID_ARGUMENT;
        case RefusalCode::not_found: return grpc::StatusCode::NOT_FOUND;
        case RefusalCode::failed_precondition: return grpc::StatusCode::FAILED_PRECONDITION;
        case RefusalCode::unimplemented: return grpc::StatusCode::UNIMPLEMENTED;
        case RefusalCode::unavailable: return grpc::StatusCode::UNAVAILABLE;
        case RefusalCode::resource_exhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
        case RefusalCode::deadline_exceeded: return grpc::StatusCode::DEADLINE_EXCEEDED;
        case RefusalCode::cancelled: return grpc::StatusCode::CANCELLED;
        case RefusalCode::data_loss: return grpc::StatusCode::DATA_LOSS;
        case RefusalCode::internal: return grpc::StatusCode::INTERNAL;
    }
    return grpc::StatusCode::INTERNAL;
}

grpc::Status status_of(const Refusal& refusal) {
    return {code_of(refusal.code), refusal.reason};
}

Caller caller_of(grpc::ServerContext& context) {
    return {.deadline = context.deadline(), .gone = [&context] { return context.IsCancelled(); }};
}

grpc::Status stopping_status() {
    return {grpc::StatusCode::UNAVAILABLE, "the server is stopping"};
}

bool wants_status(const grpc::ServerContext& context) {
    const auto found = context.client_metadata().find("triton_grpc_error");
    return found != context.client_metadata().end() && found->second == "true";
}

}  // namespace

template <class Request, class Response, class Call>
void InferenceService::add_handler(const char* name, const Call& call) {
    using Handler = grpc::internal::RpcMethodHandler<InferenceService, Request, Response, google::protobuf::MessageLite,
                                                     google::protobuf::MessageLite>;
    const auto handle = [call](InferenceService* self, grpc::ServerContext* context, const Request* in, Response* out) {
        if (const auto refused = self->stranger(*context)) return *refused;
        try {
            return call(*self, *context, *in, *out);
        } catch (const std::bad_alloc&) {
            return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "this request needs more memory than there is");
        } catch (const std::exception& error) {
            return grpc::Status(grpc::StatusCode::INTERNAL, error.what());
        }
    };
    AddMethod(new grpc::internal::RpcServiceMethod(name, grpc::internal::RpcMethod::NORMAL_RPC,
                                                   new Handler(handle, this)));  // gRPC owns both
}

template <class Request, class Response>
void InferenceService::add(const char* name, grpc::Status (InferenceService::*call)(const Request&, Response&)) {
    add_handler<Request, Response>(name, [call](InferenceService& self, const grpc::ServerContext&, const Request& in,
                                                Response& out) { return (self.*call)(in, out); });
}

template <class Request, class Response>
void InferenceService::add(const char* name, grpc::Status (InferenceService::*call)(const grpc::ServerContext&,
                                                                                    const Request&, Response&)) {
    add_handler<Request, Response>(
        name, [call](InferenceService& self, const grpc::ServerContext& context, const Request& in, Response& out) {
            return (self.*call)(context, in, out);
        });
}

InferenceService::InferenceService(Parts parts) : parts_(std::move(parts)) {
    using grpc::internal::RpcMethod;
    using grpc::internal::RpcServiceMethod;
    add(BREAKEVEN_RPC("ServerLive"), &InferenceService::live);
    add(BREAKEVEN_RPC("ServerReady"), &InferenceService::ready);
    add(BREAKEVEN_RPC("ModelReady"), &InferenceService::model_ready);
    add(BREAKEVEN_RPC("ServerMetadata"), &InferenceService::metadata);
    add(BREAKEVEN_RPC("ModelMetadata"), &InferenceService::model_metadata);
    add(BREAKEVEN_RPC("ModelConfig"), &InferenceService::configuration);
    add(BREAKEVEN_RPC("ModelStatistics"), &InferenceService::statistics);
    add(BREAKEVEN_RPC("RepositoryIndex"), &InferenceService::index);
    add(BREAKEVEN_RPC("RepositoryModelLoad"), &InferenceService::load);
    add(BREAKEVEN_RPC("RepositoryModelUnload"), &InferenceService::unload);

    // gRPC hands the request over as its own, to be read once; its type says const all the same.
    using Unary = grpc::internal::RpcMethodHandler<InferenceService, grpc::ByteBuffer, grpc::ByteBuffer>;
    AddMethod(new RpcServiceMethod(
        BREAKEVEN_RPC("ModelInfer"), RpcMethod::NORMAL_RPC,
        new Unary([](InferenceService* self, grpc::ServerContext* context, const grpc::ByteBuffer* in,
                     grpc::ByteBuffer* out) { return self->infer(*context, *const_cast<grpc::ByteBuffer*>(in), *out); },
                  this)));
    using Streamed = grpc::internal::BidiStreamingHandler<InferenceService, grpc::ByteBuffer, grpc::ByteBuffer>;
    AddMethod(new RpcServiceMethod(BREAKEVEN_RPC("ModelStreamInfer"), RpcMethod::BIDI_STREAMING,
                                   new Streamed([](InferenceService* self, grpc::ServerContext* context,
                                                   Stream* stream) { return self->infer_stream(*context, *stream); },
                                                this)));
}

std::optional<grpc::Status> InferenceService::stranger(const grpc::ServerContext& context) const {
    if (parts_.token.empty()) return std::nullopt;
    const auto shown = context.client_metadata().find("authorization");
    if (shown == context.client_metadata().end()) {
        return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "this server asks for a token (--token-file)");
    }
    if (shows_token({shown->second.data(), shown->second.size()}, parts_.token)) return std::nullopt;
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "the token is not this server's");
}

void InferenceService::stop() {
    stopping_ = true;
    const std::scoped_lock lock(streams_mutex_);
    for (grpc::ServerContext* stream : idle_streams_) stream->TryCancel();
}

grpc::Status InferenceService::live(const inference::ServerLiveRequest& /*in*/, inference::ServerLiveResponse& out) {
    out.set_live(true);
    return grpc::Status::OK;
}

grpc::Status InferenceService::ready(const inference::ServerReadyRequest& /*in*/, inference::ServerReadyResponse& out) {
    out.set_ready(!stopping_);
    return grpc::Status::OK;
}

grpc::Status InferenceService::model_ready(const inference::ModelReadyRequest& in, inference::ModelReadyResponse& out) {
    const Repository::Found found = parts_.repository.find(in.name(), in.version());
    if (const auto* refusal = std::get_if<Refusal>(&found)) {
        // A model that is known but not loaded is not ready; one that is not known is an error.
        if (refusal->code != RefusalCode::unavailable) return status_of(*refusal);
        out.set_ready(false);
        return grpc::Status::OK;
    }
    out.set_ready(!stopping_);
    return grpc::Status::OK;
}

grpc::Status InferenceService::metadata(const inference::ServerMetadataRequest& /*in*/,
                                        inference::ServerMetadataResponse& out) {
    out.set_name("breakeven");
    out.set_version(parts_.version);
    out.add_extensions("model_configuration");
    out.add_extensions("statistics");
    if (parts_.deployments != nullptr) {
        out.add_extensions(std::string(repository_extension));
        out.add_extensions(std::string(pieces_extension));
    }
    out.add_extensions(std::string(sha256_extension));
    out.add_extensions(std::string(probe_extension));
    out.add_extensions(std::string(times_extension));
    out.add_extensions(std::string(codecs_extension));
    return grpc::Status::OK;
}

grpc::Status InferenceService::model_metadata(const inference::ModelMetadataRequest& in,
                                              inference::ModelMetadataResponse& out) {
    const Repository::Found found = parts_.repository.find(in.name(), in.version());
    if (const auto* refusal = std::get_if<Refusal>(&found)) return status_of(*refusal);
    out = metadata_of(*std::get<0>(found), parts_.repository.versions(in.name()));
    return grpc::Status::OK;
}

grpc::Status InferenceService::configuration(const inference::ModelConfigRequest& in,
                                             inference::ModelConfigResponse& out) {
    const Repository::Found found = parts_.repository.find(in.name(), in.version());
    if (const auto* refusal = std::get_if<Refusal>(&found)) return status_of(*refusal);
    *out.mutable_config() = configuration_of(*std::get<0>(found));
    return grpc::Status::OK;
}

grpc::Status InferenceService::statistics(const inference::ModelStatisticsRequest& in,
                                          inference::ModelStatisticsResponse& out) {
    if (in.name().empty()) {
        for (const auto& model : parts_.repository.models()) *out.add_model_stats() = statistics_of(*model);
        return grpc::Status::OK;
    }
    const Repository::Found found = parts_.repository.find(in.name(), in.version());
    if (const auto* refusal = std::get_if<Refusal>(&found)) return status_of(*refusal);
    *out.add_model_stats() = statistics_of(*std::get<0>(found));
    return grpc::Status::OK;
}

grpc::Status InferenceService::index(const inference::RepositoryIndexRequest& in,
                                     inference::RepositoryIndexResponse& out) {
    for (const IndexEntry& entry : parts_.repository.index()) {
        if (in.ready() && !entry.ready) continue;
        inference::RepositoryIndexResponse::ModelIndex& model = *out.add_models();
        model.set_name(entry.name);
        model.set_version(std::to_string(entry.version));
        model.set_state(entry.ready ? "READY" : "UNAVAILABLE");
        model.set_reason(entry.reason);
    }
    return grpc::Status::OK;
}

grpc::Status InferenceService::load(const grpc::ServerContext& context, const inference::RepositoryModelLoadRequest& in,
                                    inference::RepositoryModelLoadResponse& out) {
    if (parts_.deployments == nullptr) {
        return {grpc::StatusCode::UNAVAILABLE, "loading models is not allowed here (serve --allow-load allows it)"};
    }
    if (stopping_) return stopping_status();
    // gRPC hands the request over as its own, to be read once; its type says const all the same.
    auto& request = const_cast<inference::RepositoryModelLoadRequest&>(in);
    const auto loaded = parts_.deployments->load(request, context.deadline());
    if (const auto* refusal = std::get_if<Refusal>(&loaded)) return status_of(*refusal);
    const auto& reply = std::get<Deployments::Reply>(loaded);
    out.set_breakeven_received(reply.received.count());
    out.set_breakeven_piece_max(reply.piece_max.count());
    return grpc::Status::OK;
}

grpc::Status InferenceService::unload(const grpc::ServerContext& context,
                                      const inference::RepositoryModelUnloadRequest& in,
                                      inference::RepositoryModelUnloadResponse& /*out*/) {
    if (parts_.deployments == nullptr) {
        return {grpc::StatusCode::UNAVAILABLE, "unloading models is not allowed here (serve --allow-load allows it)"};
    }
    const std::optional<Refusal> refusal = parts_.deployments->unload(in.model_name(), context.deadline());
    return refusal ? status_of(*refusal) : grpc::Status::OK;
}

namespace {

/// Memory that runs out while a message is read is the message's fault.
Parsed parse_request(grpc::ByteBuffer& in) {
    try {
        return parse(MessageKind::request, in);
    } catch (const std::bad_alloc&) {
        return Malformed{"this request needs more memory than there is"};
    }
}

}  // namespace

grpc::Status InferenceService::infer(grpc::ServerContext& context, grpc::ByteBuffer& in, grpc::ByteBuffer& out) {
    if (const auto refused = stranger(context)) return *refused;
    if (stopping_) return stopping_status();
    Parsed request = parse_request(in);
    in.Clear();  // the tensors have their own memory now: the message need not live as long as they
    const Answered answered = parts_.inference.answer(std::move(request), caller_of(context));
    if (const auto* refusal = std::get_if<Refusal>(&answered)) return status_of(*refusal);
    grpc::ByteBuffer reply = to_byte_buffer(std::get<Pieces>(answered));
    out.Swap(&reply);
    return grpc::Status::OK;
}

grpc::Status InferenceService::infer_stream(grpc::ServerContext& context, Stream& stream) {
    if (const auto refused = stranger(context)) return *refused;
    {
        const std::scoped_lock lock(streams_mutex_);
        idle_streams_.insert(&context);
    }
    const grpc::Status status = stopping_ ? stopping_status() : serve_stream(context, stream);
    const std::scoped_lock lock(streams_mutex_);
    idle_streams_.erase(&context);
    return status;
}

grpc::Status InferenceService::serve_stream(grpc::ServerContext& context, Stream& stream) {
    const bool status_ends_stream = wants_status(context);
    const Caller caller = caller_of(context);
    grpc::ByteBuffer in;
    while (stream.Read(&in)) {
        {
            const std::scoped_lock lock(streams_mutex_);
            idle_streams_.erase(&context);
        }
        Parsed request = parse_request(in);
        in.Clear();
        const auto* message = std::get_if<ParsedMessage>(&request);
        const std::string id = message != nullptr ? message->id : std::string();
        Answered answered = parts_.inference.answer(std::move(request), caller, Inference::Reply::stream);
        const auto* refusal = std::get_if<Refusal>(&answered);
        if (refusal != nullptr && status_ends_stream) return status_of(*refusal);
        const Pieces reply = refusal != nullptr ? encode_in_stream(StreamError{.reason = refusal->reason, .id = id})
                                                : encode_in_stream(std::get<Pieces>(std::move(answered)));
        if (!stream.Write(to_byte_buffer(reply))) break;
        const std::scoped_lock lock(streams_mutex_);
        if (stopping_) return stopping_status();
        idle_streams_.insert(&context);
    }
    return grpc::Status::OK;
}

}  // namespace breakeven
