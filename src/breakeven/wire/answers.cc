// Statuses and replies: see answers.h.
#include "breakeven/wire/answers.h"

#include "breakeven/error.h"
#include "breakeven/wire/slices.h"

namespace breakeven {
namespace {

ErrorKind kind_of(grpc::StatusCode code) {
    switch (code) {
        case grpc::StatusCode::UNIMPLEMENTED: return ErrorKind::unsupported;
        case grpc::StatusCode::UNAUTHENTICATED: return ErrorKind::usage;
        case grpc::StatusCode::RESOURCE_EXHAUSTED:
        case grpc::StatusCode::INTERNAL:
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

/// Whether the status came across the link, or was made here. gRPC tells only in the text that it keeps for people.
bool is_from_peer(const grpc::ClientContext& context) {
    return context.debug_error_string().find("Error received from peer") != std::string::npos;
}

/// Whether gRPC made the status because what came makes no sense as its protocol, or nothing came any more.
bool says_that_it_broke(const grpc::Status& status, const grpc::ClientContext& context) {
    switch (status.error_code()) {
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::INTERNAL:
        case grpc::StatusCode::UNKNOWN: return !is_from_peer(context);
        default: return false;
    }
}

std::optional<ServerTimes> times_of(const std::vector<Parameter>& parameters) {
    const std::optional<std::int64_t> queue = integer_parameter(parameters, queue_parameter);
    const std::optional<std::int64_t> compute = integer_parameter(parameters, compute_parameter);
    if (!queue || !compute || *queue < 0 || *compute < 0) return std::nullopt;
    return ServerTimes{.queue = std::chrono::nanoseconds(*queue), .compute = std::chrono::nanoseconds(*compute)};
}

}  // namespace

Deadline deadline_after(Seconds time) {
    return std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(time);
}

Failure failure_of(const grpc::Status& status, const grpc::ClientContext& context, Seconds limit) {
    if (says_that_it_broke(status, context)) return Lost{status.error_message()};
    switch (status.error_code()) {
        case grpc::StatusCode::DEADLINE_EXCEEDED: return Late{limit};
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::CANCELLED:
            return Lost{.reason = status.error_message(), .server_says = is_from_peer(context)};
        case grpc::StatusCode::DATA_LOSS: return Lost{.reason = status.error_message()};
        default:
            return Refused{.kind = kind_of(status.error_code()),
                           .reason = status.error_message(),
                           .about = about(status.error_code())};
    }
}

bool broke_connection(const grpc::Status& status, const grpc::ClientContext& context) {
    return says_that_it_broke(status, context);
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
    } catch (const std::exception& error) {  // an Error, or memory that runs out
        return Lost{std::string("the server's reply makes no sense: ") + error.what()};
    }
}

void introduce(grpc::ClientContext& context, const SecurityOptions& options) {
    if (!options.token.empty()) context.AddMetadata("authorization", "Bearer " + options.token);
}

}  // namespace breakeven
