// A call from its start to its end, on whatever threads: see call.h and call_state.h.
#include "breakeven/wire/call.h"

#include <algorithm>

#include "breakeven/wire/call_state.h"

namespace breakeven {
namespace {

/// What HTTP/2 and gRPC may put around a request of this size: headers, a frame header for each frame (16 KiB until the
/// server says otherwise), the length of the message.
Bytes framing_max(Bytes total) {
    constexpr std::int64_t headers_max = 1024;
    return Bytes(headers_max + 9 * (total.count() / 16'384 + 1));
}

}  // namespace

Call::~Call() {
    state_->abandon();
}
void Call::cancel() {
    state_->cancel();
}
bool Call::done() const {
    return state_->done;
}
CallProgress Call::progress() const {
    return state_->progress();
}

Call::State::State(Parts parts)
    : limit(parts.limit),
      deadline(deadline_after(parts.limit)),
      total(static_cast<std::int64_t>(parts.message.Length())),
      queue(std::move(parts.queue)),
      security(std::move(parts.security)),
      on_done(std::move(parts.on_done)) {
    message.Swap(&parts.message);
}

void Call::State::launch(Connected connected) {
    std::unique_lock lock(mutex);
    const bool taken = queue->begin(shared_from_this());
    if (auto* made = std::get_if<std::shared_ptr<ServerConnection>>(&connected);
        made != nullptr && !cancelled && taken) {
        send(std::move(*made));
        return;
    }
    if (auto* refused = std::get_if<Refused>(&connected)) {
        decided = std::move(*refused);
    } else if (auto* lost = std::get_if<Lost>(&connected)) {
        decided = std::move(*lost);
    }
    if (cancelled || !taken) decided = Lost{"the call was given up"};
    if (taken) {
        alarm.Set(&queue->queue(), std::chrono::system_clock::now(), static_cast<CallQueue::Event*>(this));
    } else {  // the client is being ended, and asked for this call all the same
        Outcome<InferReply> outcome = std::move(*decided);
        lock.unlock();
        deliver(std::move(outcome));
    }
}

void Call::State::send(std::shared_ptr<ServerConnection> chosen) {
    connection = std::move(chosen);
    if (const auto facts = connection->tcp()) begins_at = facts->acked + facts->queued;
    context = std::make_unique<grpc::ClientContext>();
    context->set_deadline(deadline);
    introduce(*context, security);
    connection->renew_window();
    reader = connection->generic().PrepareUnaryCall(context.get(), infer_method, message, &queue->queue());
    reader->StartCall();
    reader->Finish(&reply, &status, static_cast<CallQueue::Event*>(this));
}

void Call::State::cancel() {
    cancelled = true;  // whoever waits for the connection looks at it
    const std::scoped_lock lock(mutex);
    if (context && !done) context->TryCancel();
}

void Call::State::happened() {
    deliver(take_outcome());
}

Outcome<InferReply> Call::State::take_outcome() {
    const std::scoped_lock lock(mutex);
    if (decided) return std::move(*decided);
    const auto elapsed = Seconds(Steady::now() - started);
    if (!status.ok()) {
        if (broke_connection(status, *connection)) connection->set_broken();
        if (cancelled && status.error_code() == grpc::StatusCode::CANCELLED) return Lost{"the call was given up"};
        return outcome_of<InferReply>(failure_of(status, *connection, limit));
    }
    if (!all_acknowledged) all_acknowledged = elapsed;
    message.Clear();
    Outcome<InferReply> outcome = reply_of(reply);
    reply.Clear();
    return outcome;
}

void Call::State::deliver(Outcome<InferReply> outcome) {
    OnDone tell;
    {
        const std::scoped_lock lock(mutex);
        tell = std::move(on_done);
        on_done = nullptr;
        telling = std::this_thread::get_id();
    }
    if (tell) tell(std::move(outcome));
    tell = nullptr;  // what it holds goes before anybody who waits for it goes on
    const std::scoped_lock lock(mutex);
    telling = {};
    done = true;
    returned.notify_all();
}

void Call::State::abandon() {
    OnDone dropped;
    {
        const std::scoped_lock lock(mutex);
        dropped.swap(on_done);
    }
    dropped = nullptr;
    if (done) return;
    cancel();
    std::unique_lock lock(mutex);
    if (telling == std::this_thread::get_id()) return;
    returned.wait(lock, [&] { return telling == std::thread::id(); });
}

CallProgress Call::State::progress() {
    const std::scoped_lock lock(mutex);
    CallProgress progress{.elapsed = Steady::now() - started,
                          .total = total,
                          .acknowledged = std::nullopt,
                          .all_acknowledged = all_acknowledged};
    if (all_acknowledged) {
        progress.acknowledged = total;
    } else if (connection) {
        look_at_acknowledgements(progress);
    }
    return progress;
}

void Call::State::look_at_acknowledgements(CallProgress& progress) {
    const auto facts = connection->tcp();
    if (!facts) return;
    const Bytes since = facts->acked - begins_at;
    progress.acknowledged = std::clamp(since, Bytes(0), total);
    // Nothing of ours is left in the kernel, or so much has gone that ours must be in it.
    if (since >= total && (facts->queued == Bytes(0) || since >= total + framing_max(total))) {
        all_acknowledged = progress.elapsed;
        progress.all_acknowledged = all_acknowledged;
    }
}

}  // namespace breakeven
