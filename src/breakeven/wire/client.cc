// The client: see client.h. Unary calls are made the way gRPC's generated stubs make them, ModelInfer's on byte
// buffers.
#include "breakeven/wire/client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <climits>

#include "breakeven/wire/slices.h"
#include "breakeven/wire/sockets.h"
#include "breakeven/wire/transport.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {
namespace {

using Deadline = std::chrono::system_clock::time_point;  // gRPC's clock for deadlines

Deadline deadline_after(Seconds time) {
    return std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(time);
}

ErrorKind kind_of(grpc::StatusCode code) {
    switch (code) {
        case grpc::StatusCode::UNIMPLEMENTED: return ErrorKind::unsupported;
        case grpc::StatusCode::RESOURCE_EXHAUSTED:
        case grpc::StatusCode::INTERNAL:
        case grpc::StatusCode::UNAUTHENTICATED:
        case grpc::StatusCode::PERMISSION_DENIED: return ErrorKind::unavailable;
        default: return ErrorKind::input;
    }
}

Refused::About about(grpc::StatusCode code) {
    switch (code) {
        case grpc::StatusCode::NOT_FOUND: return Refused::About::absent_network;
        case grpc::StatusCode::FAILED_PRECONDITION: return Refused::About::other_network;
        default: return Refused::About::request;
    }
}

/// A call that ended without an answer. `after`: the connection's state then.
template <class Answer>
Outcome<Answer> failed(const grpc::Status& status, Seconds limit, grpc_connectivity_state after) {
    switch (status.error_code()) {
        case grpc::StatusCode::DEADLINE_EXCEEDED: return Late{limit};
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::CANCELLED:
            // Where the connection broke, gRPC has made the status, and knows of the break before the call ends.
            return Lost{.reason = status.error_message(), .server_says = after == GRPC_CHANNEL_READY};
        case grpc::StatusCode::DATA_LOSS: return Lost{.reason = status.error_message()};
        default:
            return Refused{.kind = kind_of(status.error_code()),
                           .reason = status.error_message(),
                           .about = about(status.error_code())};
    }
}

std::optional<TensorSpec> spec_of(const inference::ModelMetadataResponse::TensorMetadata& metadata) {
    const std::optional<DType> dtype = dtype_of_protocol_name(metadata.datatype());
    if (!dtype) return std::nullopt;
    TensorSpec spec{.name = metadata.name(), .dtype = *dtype, .shape = {}};
    for (const std::int64_t dimension : metadata.shape()) spec.shape.push_back(std::max<std::int64_t>(dimension, -1));
    return spec;
}

std::optional<ServerTimes> times_of(const std::vector<Parameter>& parameters) {
    const std::optional<std::int64_t> queue = integer_parameter(parameters, queue_parameter);
    const std::optional<std::int64_t> compute = integer_parameter(parameters, compute_parameter);
    if (!queue || !compute || *queue < 0 || *compute < 0) return std::nullopt;
    return ServerTimes{.queue = std::chrono::nanoseconds(*queue), .compute = std::chrono::nanoseconds(*compute)};
}

Outcome<InferReply> reply_of(grpc::ByteBuffer& buffer) {
    try {
        std::variant<ParsedMessage, Malformed> parsed = parse(MessageKind::response, buffer);
        if (const auto* malformed = std::get_if<Malformed>(&parsed)) return Lost{malformed->reason};
        auto& message = std::get<ParsedMessage>(parsed);
        auto tensors = take_tensors(message);
        if (const auto* malformed = std::get_if<Malformed>(&tensors)) {
            return Lost{"the server's reply makes no sense: " + malformed->reason};
        }
        return InferReply{.outputs = std::get<std::vector<NamedTensor>>(std::move(tensors)),
                          .times = times_of(message.parameters),
                          .version = std::move(message.version),
                          .sha256 = text_parameter(message.parameters, sha256_parameter)};
    } catch (const Error& error) {
        return Lost{std::string("the server's reply makes no sense: ") + error.what()};
    }
}

std::optional<std::uint16_t> port_of(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    std::uint16_t port = 0;
    if (colon == std::string::npos) return std::nullopt;
    const auto end = address.data() + address.size();
    const auto read = std::from_chars(address.data() + colon + 1, end, port);
    return read.ec == std::errc() && read.ptr == end ? std::optional(port) : std::nullopt;
}

}  // namespace

bool ServerDescription::has(std::string_view extension) const {
    return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

struct Client::Connection {
    const std::string& address;
    const ClientOptions& options;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<inference::GRPCInferenceService::Stub> stub;
    grpc::internal::RpcMethod infer;
    std::atomic<bool> congestion_control_set = false;

    Connection(std::shared_ptr<grpc::Channel> made, const Client& owner)
        : address(owner.address_),
          options(owner.options_),
          channel(std::move(made)),
          stub(inference::GRPCInferenceService::NewStub(channel)),
          infer("/inference.GRPCInferenceService/ModelInfer", grpc::internal::RpcMethod::NORMAL_RPC, channel) {}

    /// Waits for a first connection, which a call alone would do for gRPC's own 20 s. Nothing when connected, or when
    /// the attempt failed already: then the call says why.
    std::optional<Lost> connect(Deadline until) {
        grpc_connectivity_state state = channel->GetState(true);
        if (state != GRPC_CHANNEL_READY) {
            const Deadline patience = std::min(until, deadline_after(options.connect_timeout));
            while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
                if (!channel->WaitForStateChange(state, patience)) {
                    return Lost{
                        fmt::format("no connection to {} within {:g} s", address, options.connect_timeout.count())};
                }
                state = channel->GetState(true);
            }
            congestion_control_set = false;
        }
        if (!options.congestion_control.empty() && state == GRPC_CHANNEL_READY &&
            !congestion_control_set.exchange(true)) {
            const std::optional<std::uint16_t> port = port_of(address);
            if (port) set_congestion_control(End::peer, *port, options.congestion_control);
        }
        return std::nullopt;
    }

    /// One call: waits for the connection, bounds the time, and turns gRPC's status into an Outcome.
    template <class Answer, class Call, class Read>
    Outcome<Answer> call(Seconds limit, const Call& make, const Read& read) {
        const Deadline deadline = deadline_after(limit);
        if (std::optional<Lost> lost = connect(deadline)) return std::move(*lost);
        grpc::ClientContext context;
        context.set_deadline(deadline);
        const grpc::Status status = make(context);
        if (!status.ok()) return failed<Answer>(status, limit, channel->GetState(false));
        return read();
    }
};

Client::Client(std::string address, ClientOptions options)
    : address_(std::move(address)), options_(std::move(options)) {
    prepare_grpc();
    grpc::ChannelArguments arguments;
    set_transport(arguments, options_.message_max);
    connection_ = std::make_unique<Connection>(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments), *this);
}

Client::~Client() = default;

Outcome<InferReply> Client::infer(const Request& request, std::optional<Seconds> limit) {
    const grpc::ByteBuffer message = to_byte_buffer(encode(request));
    grpc::ByteBuffer reply;
    return connection_->call<InferReply>(
        std::min(limit.value_or(options_.call_timeout), options_.call_timeout),
        [&](grpc::ClientContext& context) {
            return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
                connection_->channel.get(), connection_->infer, &context, message, &reply);
        },
        [&] { return reply_of(reply); });
}

Outcome<bool> Client::live(std::optional<Seconds> limit) {
    inference::ServerLiveResponse reply;
    return connection_->call<bool>(
        std::min(limit.value_or(options_.call_timeout), options_.call_timeout),
        [&](grpc::ClientContext& context) { return connection_->stub->ServerLive(&context, {}, &reply); },
        [&] { return Outcome<bool>(reply.live()); });
}

Outcome<Seconds> Client::connect_time() {
    return time_to_connect(address_, std::min(options_.connect_timeout, options_.call_timeout));
}

Outcome<ServerDescription> Client::describe_server() {
    inference::ServerMetadataResponse reply;
    return connection_->call<ServerDescription>(
        options_.call_timeout,
        [&](grpc::ClientContext& context) { return connection_->stub->ServerMetadata(&context, {}, &reply); },
        [&]() -> Outcome<ServerDescription> {
            return ServerDescription{.name = reply.name(),
                                     .version = reply.version(),
                                     .extensions = {reply.extensions().begin(), reply.extensions().end()}};
        });
}

Outcome<ModelDescription> Client::describe_model(const std::string& model) {
    inference::ModelMetadataRequest request;
    request.set_name(model);
    inference::ModelMetadataResponse reply;
    return connection_->call<ModelDescription>(
        options_.call_timeout,
        [&](grpc::ClientContext& context) { return connection_->stub->ModelMetadata(&context, request, &reply); },
        [&]() -> Outcome<ModelDescription> {
            ModelDescription made{.versions = {reply.versions().begin(), reply.versions().end()},
                                  .platform = reply.platform(),
                                  .inputs = {},
                                  .outputs = {}};
            const auto take = [](const auto& from, std::vector<TensorSpec>& to) {
                for (const auto& metadata : from) {
                    const std::optional<TensorSpec> spec = spec_of(metadata);
                    if (!spec) return false;
                    to.push_back(*spec);
                }
                return true;
            };
            if (!take(reply.inputs(), made.inputs) || !take(reply.outputs(), made.outputs)) {
                return Refused{.kind = ErrorKind::unsupported,
                               .reason = "a tensor of this model has a datatype that is not known here"};
            }
            const auto told = reply.parameters().find(std::string(sha256_parameter));
            if (told != reply.parameters().end()) made.sha256 = told->second.string_param();
            return made;
        });
}

Outcome<std::string> Client::configured_sha256(const std::string& model) {
    inference::ModelConfigRequest request;
    request.set_name(model);
    inference::ModelConfigResponse reply;
    return connection_->call<std::string>(
        options_.call_timeout,
        [&](grpc::ClientContext& context) { return connection_->stub->ModelConfig(&context, request, &reply); },
        [&]() -> Outcome<std::string> {
            const auto told = reply.config().parameters().find(std::string(sha256_parameter));
            return told == reply.config().parameters().end() ? std::string() : told->second.string_value();
        });
}

Outcome<LoadReply> Client::load_model(const std::string& model, std::span<const LoadParameter> parameters,
                                      Seconds limit) {
    inference::RepositoryModelLoadRequest request;
    request.set_model_name(model);
    for (const LoadParameter& parameter : parameters) {
        inference::ModelRepositoryParameter& out = (*request.mutable_parameters())[parameter.name];
        if (const auto* number = std::get_if<std::int64_t>(&parameter.value)) {
            out.set_int64_param(*number);
        } else if (const auto* text = std::get_if<std::string>(&parameter.value)) {
            out.set_string_param(*text);
        } else {
            const auto bytes = std::get<std::span<const std::byte>>(parameter.value);
            out.set_bytes_param(bytes.data(), bytes.size());
        }
    }
    inference::RepositoryModelLoadResponse reply;
    return connection_->call<LoadReply>(
        limit,
        [&](grpc::ClientContext& context) { return connection_->stub->RepositoryModelLoad(&context, request, &reply); },
        [&]() -> Outcome<LoadReply> {
            return LoadReply{.received = Bytes(reply.breakeven_received()),
                             .piece_max = Bytes(reply.breakeven_piece_max())};
        });
}

Outcome<bool> Client::unload_model(const std::string& model) {
    inference::RepositoryModelUnloadRequest request;
    request.set_model_name(model);
    inference::RepositoryModelUnloadResponse reply;
    return connection_->call<bool>(
        options_.call_timeout,
        [&](grpc::ClientContext& context) {
            return connection_->stub->RepositoryModelUnload(&context, request, &reply);
        },
        [] { return Outcome<bool>(true); });
}

bool Client::wait_until_connected(Seconds limit) {
    return connection_->channel->WaitForConnected(deadline_after(limit));
}

}  // namespace breakeven
