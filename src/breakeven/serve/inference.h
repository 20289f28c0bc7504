// Inference: from a request as it came to the response that is sent, or to a refusal. No socket: bytes in, pieces out.
#pragma once

#include <chrono>
#include <functional>
#include <variant>

#include "breakeven/serve/admission.h"
#include "breakeven/serve/log.h"
#include "breakeven/serve/refusal.h"
#include "breakeven/serve/repository.h"
#include "breakeven/time/clock.h"
#include "breakeven/wire/message.h"

namespace breakeven {

/// Who waits for the answer.
struct Caller {
    Admission::Deadline deadline = Admission::Deadline::max();
    std::function<bool()> gone = [] { return false; };  ///< asked before work is started
};

using Parsed = std::variant<ParsedMessage, Malformed>;
using Answered = std::variant<Pieces, Refusal>;

class Inference final {
   public:
    struct Parts {
        Repository& repository;
        Admission& admission;
        const Clock& clock;
        Log log;
    };
    explicit Inference(Parts parts)
        : repository_(parts.repository), admission_(parts.admission), clock_(parts.clock), log_(std::move(parts.log)) {}

    /// From any thread. Never throws. `started`: when the request was complete. `stream`: says, as Triton does in a
    /// stream, that no more responses follow to this request.
    enum class Reply { unary, stream };
    Answered answer(Parsed request, const Caller& caller, Reply reply = Reply::unary);

   private:
    Answered infer(ParsedMessage& request, const Caller& caller, Reply reply);
    Answered run(ServedModel& model, ParsedMessage& request, const Caller& caller, Reply reply);
    Answered probe(ParsedMessage& request) const;

    Repository& repository_;
    Admission& admission_;
    const Clock& clock_;
    Log log_;
};

}  // namespace breakeven
