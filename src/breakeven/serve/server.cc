// The server: see server.h. gRPC's synchronous server calls a handler on the thread that received the request, so an
// inference is never handed from thread to thread, and a long one does not keep others from being received.
#include "breakeven/serve/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <mutex>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/serve/deployments.h"
#include "breakeven/serve/health.h"
#include "breakeven/serve/inference.h"
#include "breakeven/serve/service.h"
#include "breakeven/wire/credentials.h"
#include "breakeven/wire/resolve.h"
#include "breakeven/wire/sockets.h"
#include "breakeven/wire/transport.h"

namespace breakeven {
namespace {

/// Threads for what is not an inference: health, metadata, streams that wait.
constexpr int threads_beside_inference = 64;

/// Requests that one connection may have under way; more wait at the client.
constexpr int streams_per_connection_max = 256;

/// What all connections together may buffer. gRPC receives a message whole before it compares its length with the
/// limit, so this is what bounds the memory that too long a message takes: beyond it gRPC drops the stream with
/// RESOURCE_EXHAUSTED. Larger admits more large messages at once.
std::size_t buffer_max(Bytes message_max) {
    constexpr std::int64_t floor = std::int64_t{256} << 20;
    constexpr std::int64_t ceiling = std::int64_t{4} << 30;
    return static_cast<std::size_t>(std::clamp(2 * std::min(message_max.count(), ceiling), floor, ceiling));
}

/// gRPC keeps this as a switch of the process; it takes effect for servers built afterwards.
void enable_reflection() {
    static std::once_flag once;
    std::call_once(once, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });
}

DeploymentLimits deployment_limits(const ServerOptions& options) {
    constexpr std::int64_t around_a_piece = 64 << 10;  // names, hashes, lengths
    DeploymentLimits limits;
    limits.piece_max = std::min(limits.piece_max, Bytes(options.message_max.count() - around_a_piece));
    // No more than the models may take, and where nothing is said a quarter of what there is.
    limits.uploads.total = options.repository.memory_limit.value_or(Bytes(memory_limit().count() / 4));
    return limits;
}

void configure(grpc::ServerBuilder& builder, const ServerOptions& options) {
    builder.SetMaxReceiveMessageSize(message_size_of(options.message_max));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, window_size);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, frame_size);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, streams_per_connection_max);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server on the port must fail, not share it
    // A few compressed bytes can stand for a message of any length, which gRPC would unpack before it looks.
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);

    grpc::ResourceQuota quota("breakeven");
    quota.Resize(buffer_max(options.message_max));
    quota.SetMaxThreads(options.admission.running + options.admission.waiting + threads_beside_inference);
    builder.SetResourceQuota(quota);
    // Threads beyond this end after their request and are made anew for the next.
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS,
                                std::max(2, options.admission.running));
}

std::shared_ptr<grpc::ServerCredentials> credentials_of(const ServerSecurity& security) {
    if (!security.encrypts()) return grpc::InsecureServerCredentials();
    CertificateAndKey own = read_certificate_and_key(security.certificate_file, security.key_file);
    const bool ask = !security.client_authorities_file.empty();
    grpc::SslServerCredentialsOptions made(ask ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                               : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    made.pem_key_cert_pairs.push_back({std::move(own.key), std::move(own.certificate)});
    if (ask) {
        made.pem_root_certs =
            read_certificates(security.client_authorities_file, "certificates of the clients' authorities in");
    }
    return grpc::SslServerCredentials(made);
}

std::string host_of(const std::string& listen) {
    const std::size_t colon = listen.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == listen.size() ||
        listen.find_first_not_of("0123456789", colon + 1) != std::string::npos || listen.size() - colon > 6) {
        throw Error(ErrorKind::usage, "listen on '" + listen + "'",
                    "give an address as HOST:PORT, such as 127.0.0.1:8001");
    }
    return listen.substr(0, colon);
}

}  // namespace

struct Server::Running {
    Running(Repository& repository, Admission& admission, const Clock& clock, const ServerOptions& options)
        : inference({.repository = repository, .admission = admission, .clock = clock, .log = options.log}),
          deployments(repository, clock, deployment_limits(options)),
          service({.repository = repository,
                   .inference = inference,
                   .deployments = options.load_requests == LoadRequests::allowed ? &deployments : nullptr,
                   .token = options.security.token,
                   .version = options.version}) {}

    Inference inference;
    Deployments deployments;
    InferenceService service;
    HealthService health;
    std::unique_ptr<grpc::Server> server;
};

Server::Server(Engine& engine, ModelLoader loader, Clock& clock, ServerOptions options)
    : options_(std::move(options)),
      repository_(engine, std::move(loader), options_.repository),
      admission_(options_.admission),
      clock_(clock) {
    BREAKEVEN_ASSERT(options_.admission.running > 0 && options_.admission.waiting >= 0);
}

Server::~Server() {
    stop();
}

void Server::load_repository(const std::filesystem::path& folder) {
    repository_.load_folder(folder);
}
void Server::add_model(const ModelImage& image) {
    repository_.add(image);
}
std::vector<IndexEntry> Server::index() const {
    return repository_.index();
}

std::string Server::start() {
    BREAKEVEN_ASSERT(!running_);
    const std::string host = host_of(options_.listen);
    check_listening(options_.listen, split_address(options_.listen).host, options_.security);
    prepare_grpc();
    enable_reflection();
    auto running = std::make_unique<Running>(repository_, admission_, clock_, options_);
    grpc::ServerBuilder builder;
    configure(builder, options_);
    int port = 0;
    builder.AddListeningPort(options_.listen, credentials_of(options_.security), &port);
    builder.RegisterService(&running->service);
    builder.RegisterService(&running->health);
    running->server = builder.BuildAndStart();
    if (!running->server || port == 0) {
        throw Error(ErrorKind::unavailable, "listen on " + options_.listen,
                    "the address is taken or not this machine's; port 0 picks a free one");
    }
    if (!options_.congestion_control.empty()) {
        set_congestion_control(End::local, static_cast<std::uint16_t>(port), options_.congestion_control);
    }
    running_ = std::move(running);
    return host + ":" + std::to_string(port);
}

void Server::stop() {
    if (!running_) return;
    running_->service.stop();
    running_->health.stop();
    running_->server->Shutdown(std::chrono::system_clock::now() +
                               std::chrono::duration_cast<std::chrono::system_clock::duration>(options_.stop_within));
    running_.reset();
}

}  // namespace breakeven
