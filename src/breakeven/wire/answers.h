// Answers: what gRPC's status and a reply's bytes come to, as Outcomes. Internal to wire/: gRPC's types.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>
#include <utility>
#include <variant>

#include "breakeven/wire/client.h"
#include "breakeven/wire/connection.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

/// gRPC's clock for deadlines.
using Deadline = std::chrono::system_clock::time_point;
Deadline deadline_after(Seconds time);

using Failure = std::variant<Refused, Lost, Late>;
/// What a call that ended without an answer came to.
Failure failure_of(const grpc::Status& status, const ServerConnection& connection, Seconds limit);
/// Whether the connection, and not the server, ended it: a new connection may do better.
bool broke_connection(const grpc::Status& status, const ServerConnection& connection);
/// Whether it ended before anything of it was sent: the connection had been closed already.
bool never_left(const grpc::Status& status);

template <class Answer, class... Others>
Outcome<Answer> outcome_of(std::variant<Others...> failure) {
    return std::visit([](auto& value) { return Outcome<Answer>(std::move(value)); }, failure);
}

Outcome<InferReply> reply_of(grpc::ByteBuffer& buffer);

/// What every call says of its caller.
void introduce(grpc::ClientContext& context, const SecurityOptions& options);

}  // namespace breakeven
