// Outcome: what a call to a server came to. A server that refuses, is lost or is late is something the caller plans for
// and learns from, so it is a value and not an exception.
#pragma once

#include <string>
#include <variant>

#include "breakeven/error.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// The server answered: no. It is there and works.
struct Refused {
    ErrorKind kind = ErrorKind::input;  ///< what the caller can do about it
    std::string reason;
    /// What is wrong: the request, or that the server has no such network, or another one than expected.
    enum class About { request, absent_network, other_network } about = About::request;
};

/// The server is not there, went away in the middle, or answers what nobody understands.
struct Lost {
    std::string reason;
    /// The server itself says so (busy, stopping, forbidden), on a connection that lives on.
    bool server_says = false;
};

/// No answer within this time. Whether the server got the request is unknown.
struct Late {
    Seconds limit{0.0};
};

template <class Answer>
using Outcome = std::variant<Answer, Refused, Lost, Late>;

/// The answer, or else an Error that says `attempt` and why: for callers with no plan for a failure.
template <class Answer>
Answer value_or_throw(Outcome<Answer> outcome, const std::string& attempt) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) throw Error(refused->kind, attempt, refused->reason);
    if (const auto* lost = std::get_if<Lost>(&outcome)) throw Error(ErrorKind::unavailable, attempt, lost->reason);
    if (const auto* late = std::get_if<Late>(&outcome)) {
        throw Error(ErrorKind::unavailable, attempt, "no answer within " + std::to_string(late->limit.count()) + " s");
    }
    return std::get<Answer>(std::move(outcome));
}

}  // namespace breakeven
