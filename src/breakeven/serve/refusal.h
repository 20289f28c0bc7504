// Refusal: a request that is turned down, with the status that the protocol's clients expect (gRPC's, one to one).
#pragma once

#include <string>

#include "breakeven/error.h"

namespace breakeven {

enum class RefusalCode {
    invalid_argument,
    not_found,
    failed_precondition,
    unimplemented,
    unavailable,
    resource_exhausted,
    deadline_exceeded,
    cancelled,
    data_loss,
    internal,
};

struct Refusal {
    RefusalCode code = RefusalCode::internal;
    std::string reason;
};

/// What an Error from a room below means to a client.
Refusal refusal_of(const Error& error);

}  // namespace breakeven
