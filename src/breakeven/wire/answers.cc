// Statuses and replies: see answers.h.
#include "breakeven/wire/answers.h"

#include <algorithm>
#include <string_view>

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

/// gRPC's own words where a connection ended a call. It makes a status of them as though a server had sent it, and
/// nothing else tells the two apart while the connection stands.
constexpr std::string_view words_of_transport[] = {"Transport closed", "Socket closed", "Stream removed", "recvmsg",
                                                   "sendmsg",          "GOAWAY",        "Broken pipe"};

bool says_that_it_broke(const grpc::Status& status, const ServerConnection& connection) {
    switch (status.error_code()) {
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::INTERNAL:
        case grpc::StatusCode::UNKNOWN: break;
        default: return false;
    }
    if (!connection.stands()) return true;
    const std::string message = status.error_message();
    return std::any_of(std::begin(words_of_transport), std::end(words_of_transport),
                       [&](std::string_view word) { return message.starts_with(word); });
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

Failure failure_of(const grpc::Status& status, const ServerConnection& connection, Seconds limit) {
    if (says_that_it_broke(status, connection)) return Lost{status.error_message()};
    switch (status.error_code()) {
        case grpc::StatusCode::DEADLINE_EXCEEDED: return Late{limit};
        case grpc::StatusCode::UNAVAILABLE:
        case grpc::StatusCode::CANCELLED: return Lost{.reason = status.error_message(), .server_says = true};
        case grpc::StatusCode::DATA_LOSS: return Lost{.reason = status.error_message()};
        default:
            return Refused{.kind = kind_of(status.error_code()),
                           .reason = status.error_message(),
                           .about = about(status.error_code())};
    }
}

bool broke_connection(const grpc::Status& status, const ServerConnection& connection) {
    return says_that_it_broke(status, connection);
}

bool never_left(const grpc::Status& status) {
    return status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_message() == "Transport closed";
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
