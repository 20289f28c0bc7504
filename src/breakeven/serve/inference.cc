// Inference: see inference.h.
#include "breakeven/serve/inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>
#include <new>

#include "breakeven/error.h"
#include "breakeven/serve/binding.h"
#include "breakeven/serve/decoding.h"

namespace breakeven {
namespace {

/// The longest answer of the probe model: enough to time a link of 10 GB/s, too little to hurt anyone.
constexpr std::int64_t probe_reply_max = 16 << 20;

std::int64_t nanoseconds(Seconds time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

/// Whether the network that the request expects is another one. A network that has no hash is never expected.
std::optional<Refusal> other_network(const ServedModel& model, const std::string& expected) {
    if (expected.empty() || expected == model.sha256) return std::nullopt;
    return Refusal{
        RefusalCode::failed_precondition,
        fmt::format("model {} is another one here: its SHA-256 is {}, the request expects {}; deploy it again",
                    in_quotes(model.name), model.sha256.empty() ? "not known" : model.sha256, in_quotes(expected))};
}

std::vector<Parameter> parameters_of(const RequestTimes& times, Inference::Reply reply) {
    std::vector<Parameter> parameters{{std::string(queue_parameter), nanoseconds(times.queue)},
                                      {std::string(compute_parameter), nanoseconds(times.compute)}};
    if (reply == Inference::Reply::stream) parameters.push_back({"triton_final_response", true});
    return parameters;
}

std::optional<Refusal> turned_away(Admission::Turn turn) {
    switch (turn) {
        case Admission::Turn::granted: return std::nullopt;
        case Admission::Turn::full:
            return Refusal{RefusalCode::unavailable, "the server is busy: too many requests wait already, try later"};
        case Admission::Turn::late:
            return Refusal{RefusalCode::deadline_exceeded,
                           "the request's deadline passed while it waited for its turn"};
        case Admission::Turn::gone: return Refusal{RefusalCode::cancelled, "the client gave up"};
    }
    return std::nullopt;
}

std::int64_t batch_of(const ServedModel& model, const std::vector<Tensor>& inputs) {
    return model.batched && !inputs.empty() && !inputs.front().shape().empty() ? inputs.front().shape().front() : 1;
}

std::int64_t milliseconds_since_1970() {  // the protocol wants the wall clock here; nothing is measured by it
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Answered Inference::answer(Parsed request, const Caller& caller, Reply reply) {
    if (const auto* malformed = std::get_if<Malformed>(&request)) {
        return Refusal{RefusalCode::invalid_argument, malformed->reason};
    }
    try {
        return infer(std::get<ParsedMessage>(request), caller, reply);
    } catch (const Error& error) {
        return refusal_of(error);
    } catch (const std::bad_alloc&) {
        return Refusal{RefusalCode::resource_exhausted, "this request needs more memory than there is"};
    } catch (const std::exception& error) {
        return refusal_of(Error(ErrorKind::internal, "answer the request", error.what()));
    }
}

Answered Inference::infer(ParsedMessage& request, const Caller& caller, Reply reply) {
    if (request.model == probe_model) return probe(request);
    Repository::Found found = repository_.find(request.model, request.version);
    if (auto* refusal = std::get_if<Refusal>(&found)) return std::move(*refusal);
    ServedModel& model = *std::get<std::shared_ptr<ServedModel>>(found);
    const Seconds started = clock_.now();
    try {
        Answered answered = run(model, request, caller, reply);
        if (const auto* refusal = std::get_if<Refusal>(&answered)) {
            model.statistics.failed(clock_.now() - started, refusal->code == RefusalCode::cancelled
                                                                ? Statistics::Failure::cancelled
                                                                : Statistics::Failure::ours_or_the_requests);
        }
        return answered;
    } catch (const std::exception& error) {
        model.statistics.failed(clock_.now() - started);
        const auto* known = dynamic_cast<const Error*>(&error);
        const bool our_fault = known == nullptr || known->kind() == ErrorKind::internal;
        if (our_fault && log_) log_(fmt::format("model {}: {}", in_quotes(model.name), error.what()));
        throw;
    }
}

Answered Inference::run(ServedModel& model, ParsedMessage& request, const Caller& caller, Reply reply) {
    const ModelFace face{.name = model.name, .inputs = model.runner->inputs(), .outputs = model.runner->outputs()};
    const Seconds started = clock_.now();
    const std::string expected = text_parameter(request.parameters, sha256_parameter);
    if (auto refusal = other_network(model, expected)) return *refusal;
    auto chosen = choose_outputs(face, request.requested);
    if (auto* refusal = std::get_if<Refusal>(&chosen)) return std::move(*refusal);
    if (auto refusal = decode_inputs(face, request)) return *refusal;
    auto bound = bind_inputs(face, request);
    if (auto* refusal = std::get_if<Refusal>(&bound)) return std::move(*refusal);
    const auto& inputs = std::get<std::vector<Tensor>>(bound);

    RequestTimes times;
    const Seconds waiting = clock_.now();
    times.input = waiting - started;
    if (auto refusal = turned_away(admission_.enter(caller.deadline, caller.gone))) return *refusal;
    RunResult result;
    {
        const HeldTurn turn(admission_);
        if (caller.gone() || std::chrono::system_clock::now() >= caller.deadline) {
            return Refusal{RefusalCode::cancelled, "the client gave up"};
        }
        const Seconds running = clock_.now();
        times.queue = running - waiting;
        result = model.runner->run(inputs);
        times.compute = clock_.now() - running;
    }
    const Seconds answering = clock_.now();
    BREAKEVEN_ASSERT(result.outputs.size() == face.outputs.size());
    Response response{.model = model.name,
                      .version = std::to_string(model.version),
                      .id = request.id,
                      .parameters = parameters_of(times, reply),
                      .outputs = {}};
    if (!expected.empty()) response.parameters.push_back({std::string(sha256_parameter), model.sha256});
    for (const std::size_t i : std::get<std::vector<std::size_t>>(chosen)) {
        response.outputs.push_back({.name = face.outputs[i].name, .tensor = std::move(result.outputs[i])});
    }
    Pieces pieces = encode(response);
    if (size(pieces).count() > INT_MAX) {
        return Refusal{RefusalCode::invalid_argument, "the response would be longer than 2 GiB"};
    }
    times.output = clock_.now() - answering;
    model.statistics.succeeded(times, batch_of(model, inputs), milliseconds_since_1970());
    return pieces;
}

/// Takes any number of bytes and answers with as many as asked for: what wire/probe.h times.
Answered Inference::probe(ParsedMessage& request) const {
    static const std::array<TensorSpec, 2> inputs{TensorSpec{"payload", DType::uint8, {-1}},
                                                  TensorSpec{"reply_bytes", DType::int64, {1}}};
    static const std::array<TensorSpec, 1> outputs{TensorSpec{"payload", DType::uint8, {-1}}};
    auto bound = bind_inputs({.name = probe_model, .inputs = inputs, .outputs = outputs}, request);
    if (auto* refusal = std::get_if<Refusal>(&bound)) return std::move(*refusal);
    const std::int64_t wanted = std::get<std::vector<Tensor>>(bound)[1].as<std::int64_t>()[0];
    if (wanted < 0 || wanted > probe_reply_max) {
        return Refusal{RefusalCode::invalid_argument,
                       fmt::format("reply_bytes is {}, it must be 0 to {}", wanted, probe_reply_max)};
    }
    return encode(Response{.model = std::string(probe_model),
                           .version = "1",
                           .id = request.id,
                           .parameters = {},
                           .outputs = {{.name = "payload", .tensor = Tensor(DType::uint8, {wanted})}}});
}

}  // namespace breakeven
