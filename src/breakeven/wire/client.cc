// The client: see client.h. Unary calls are made the way gRPC's generated stubs make them, ModelInfer's on byte
// buffers.
#include "breakeven/wire/client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include <algorithm>

#include "breakeven/wire/answers.h"
#include "breakeven/wire/call_queue.h"
#include "breakeven/wire/call_state.h"
#include "breakeven/wire/connection.h"
#include "breakeven/wire/credentials.h"
#include "breakeven/wire/line.h"
#include "breakeven/wire/slices.h"
#include "breakeven/wire/sockets.h"
#include "breakeven/wire/tls_diagnosis.h"
#include "breakeven/wire/transport.h"
#include "open_inference.grpc.pb.h"

namespace breakeven {
namespace {

std::optional<TensorSpec> spec_of(const inference::ModelMetadataResponse::TensorMetadata& metadata) {
    const std::optional<DType> dtype = dtype_of_protocol_name(metadata.datatype());
    if (!dtype) return std::nullopt;
    TensorSpec spec{.name = metadata.name(), .dtype = *dtype, .shape = {}};
    for (const std::int64_t dimension : metadata.shape()) spec.shape.push_back(std::max<std::int64_t>(dimension, -1));
    return spec;
}

}  // namespace

bool ServerDescription::has(std::string_view extension) const {
    return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

struct Client::Parts {
    const std::string& address;
    const ClientOptions& options;
    std::shared_ptr<CallQueue> queue;  // shared: its thread may end after the client
    ServerLine line;

    Parts(const Client& owner, std::shared_ptr<grpc::ChannelCredentials> credentials)
        : address(owner.address_),
          options(owner.options_),
          queue(std::make_shared<CallQueue>()),
          line({.address = address,
                .options = options,
                .credentials = std::move(credentials),
                .warm = [this](const std::shared_ptr<ServerConnection>& connection) { warm(connection); }}) {}
    ~Parts() {
        line.stop();
        queue->stop();
    }

    Seconds limit_of(std::optional<Seconds> limit) const {
        return std::min(limit.value_or(options.call_timeout), options.call_timeout);
    }

    /// One call: waits for the connection, bounds the time, and turns gRPC's status into an Outcome.
    template <class Answer, class MakeCall, class Read>
    Outcome<Answer> call(Seconds limit, const MakeCall& make, const Read& read) {
        const Deadline deadline = deadline_after(limit);
        for (int tried = 0;; ++tried) {
            std::shared_ptr<ServerConnection> connection = line.current();
            if (!connection) {
                Connected made = line.connected(std::chrono::steady_clock::now() +
                                                std::chrono::duration_cast<std::chrono::nanoseconds>(limit));
                if (auto* refused = std::get_if<Refused>(&made)) return std::move(*refused);
                if (auto* lost = std::get_if<Lost>(&made)) return std::move(*lost);
                connection = std::get<std::shared_ptr<ServerConnection>>(made);
            }
            grpc::ClientContext context;
            context.set_deadline(deadline);
            introduce(context, options.security);
            const grpc::Status status = make(*connection, context);
            if (status.ok()) {
                connection->set_proven();
                return read();
            }
            const bool broke = broke_connection(status, *connection);
            if (broke) connection->set_broken();
            // The server had hung up before: that costs nobody a second inference.
            if (never_left(status) && tried == 0) continue;
            if (broke && asks_for_tls(*connection))
                return Lost{"the server speaks TLS: ask for it (--tls, --tls-ca FILE)"};
            return outcome_of<Answer>(failure_of(status, *connection, limit));
        }
    }

    /// Whether it hung up on plain text because it speaks TLS.
    bool asks_for_tls(const ServerConnection& connection) const {
        return !connection.is_proven() && options.security.encryption == SecurityOptions::Encryption::none &&
               speaks_tls(address, Seconds(0.5));
    }

    struct WarmCall final : CallQueue::Event {
        grpc::ClientContext context;
        std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
        grpc::ByteBuffer reply;
        grpc::Status status;
        void happened() override {}
        void give_up() override { context.TryCancel(); }
    };

    /// Asks whether the server is alive, and does not care for the answer.
    void warm(const std::shared_ptr<ServerConnection>& connection) {
        auto call = std::make_shared<WarmCall>();
        if (!queue->begin(call)) return;
        call->context.set_deadline(deadline_after(Seconds(1.0)));
        introduce(call->context, options.security);
        const grpc::Slice no_fields;
        const grpc::ByteBuffer nothing(&no_fields, 1);
        call->reader = connection->generic().PrepareUnaryCall(&call->context, live_method, nothing, &queue->queue());
        call->reader->StartCall();
        call->reader->Finish(&call->reply, &call->status, static_cast<CallQueue::Event*>(call.get()));
    }
};

Client::Client(std::string address, ClientOptions options)
    : address_(std::move(address)), options_(std::move(options)) {
    prepare_grpc();
    parts_ = std::make_unique<Parts>(*this, channel_credentials(options_.security));
}

Client::~Client() = default;

Outcome<InferReply> Client::infer(const Request& request, std::optional<Seconds> limit) {
    const grpc::ByteBuffer message = to_byte_buffer(encode(request));
    grpc::ByteBuffer reply;
    if (options_.transport.window == Transport::warm) keep_warm(options_.transport.warm_after);
    return parts_->call<InferReply>(
        parts_->limit_of(limit),
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            connection.renew_window();
            return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
                &connection.channel(), connection.infer(), &context, message, &reply);
        },
        [&] { return reply_of(reply); });
}

std::unique_ptr<Call> Client::start(const Request& request, std::optional<Seconds> limit,
                                    std::function<void(Outcome<InferReply>)> on_done) {
    if (options_.transport.window == Transport::warm) keep_warm(options_.transport.warm_after);
    auto state = std::make_shared<Call::State>(Call::State::Parts{.message = to_byte_buffer(encode(request)),
                                                                  .limit = parts_->limit_of(limit),
                                                                  .security = options_.security,
                                                                  .on_done = std::move(on_done),
                                                                  .queue = parts_->queue});
    if (std::shared_ptr<ServerConnection> connection = parts_->line.current()) {
        state->launch(std::move(connection));
    } else {
        parts_->line.when_connected({.until = state->until(),
                                     .given_up = [state] { return state->cancelled.load(); },
                                     .deliver = [state](Connected made) { state->launch(std::move(made)); }});
    }
    return std::make_unique<Call>(std::move(state));
}

std::optional<TcpFacts> Client::tcp() const {
    const std::shared_ptr<ServerConnection> connection = parts_->line.current();
    return connection ? connection->tcp() : std::nullopt;
}

void Client::keep_warm(Seconds time) {
    parts_->line.keep_warm(std::chrono::steady_clock::now() +
                           std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

void Client::hold_window(Transport window) {
    parts_->line.hold_window(window);
}

Outcome<bool> Client::live(std::optional<Seconds> limit) {
    inference::ServerLiveResponse reply;
    return parts_->call<bool>(
        parts_->limit_of(limit),
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().ServerLive(&context, {}, &reply);
        },
        [&] { return Outcome<bool>(reply.live()); });
}

Outcome<Seconds> Client::connect_time() {
    return time_to_connect(address_, std::min(options_.connect_timeout, options_.call_timeout));
}

Outcome<ServerDescription> Client::describe_server() {
    inference::ServerMetadataResponse reply;
    return parts_->call<ServerDescription>(
        options_.call_timeout,
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().ServerMetadata(&context, {}, &reply);
        },
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
    return parts_->call<ModelDescription>(
        options_.call_timeout,
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().ModelMetadata(&context, request, &reply);
        },
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
    return parts_->call<std::string>(
        options_.call_timeout,
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().ModelConfig(&context, request, &reply);
        },
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
    return parts_->call<LoadReply>(
        limit,
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().RepositoryModelLoad(&context, request, &reply);
        },
        [&]() -> Outcome<LoadReply> {
            return LoadReply{.received = Bytes(reply.breakeven_received()),
                             .piece_max = Bytes(reply.breakeven_piece_max())};
        });
}

Outcome<bool> Client::unload_model(const std::string& model) {
    inference::RepositoryModelUnloadRequest request;
    request.set_model_name(model);
    inference::RepositoryModelUnloadResponse reply;
    return parts_->call<bool>(
        options_.call_timeout,
        [&](ServerConnection& connection, grpc::ClientContext& context) {
            return connection.stub().RepositoryModelUnload(&context, request, &reply);
        },
        [] { return Outcome<bool>(true); });
}

bool Client::wait_until_connected(Seconds limit) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(limit);
    // The line waits a little after an attempt that failed at once.
    while (std::chrono::steady_clock::now() < until) {
        const Connected made = parts_->line.connected(until);
        if (std::holds_alternative<std::shared_ptr<ServerConnection>>(made)) return true;
        if (std::holds_alternative<Refused>(made)) return false;
    }
    return false;
}

}  // namespace breakeven
