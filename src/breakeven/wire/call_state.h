// What a Call and the client's queue share. Internal to wire/: gRPC's types.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/async_unary_call.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "breakeven/wire/answers.h"
#include "breakeven/wire/call.h"
#include "breakeven/wire/call_queue.h"
#include "breakeven/wire/connection.h"

namespace breakeven {

struct Call::State final : CallQueue::Event, std::enable_shared_from_this<Call::State> {
    using Steady = std::chrono::steady_clock;
    using OnDone = std::function<void(Outcome<InferReply>)>;
    struct Parts {
        grpc::ByteBuffer message;
        Seconds limit;
        SecurityOptions security;
        OnDone on_done;
        std::shared_ptr<CallQueue> queue;
    };
    explicit State(Parts parts);

    Steady::time_point until() const { return started + std::chrono::duration_cast<Steady::duration>(limit); }
    /// Sends the request on the connection, or has it said that there is none. Once, from any thread.
    void launch(Connected connected);
    void cancel();
    /// As Call's end promises.
    void abandon();
    CallProgress progress();

    void happened() override;
    void give_up() override { cancel(); }

    std::atomic<bool> cancelled = false;
    std::atomic<bool> done = false;

   private:
    void send(std::shared_ptr<ServerConnection> connection);
    Outcome<InferReply> take_outcome();
    void deliver(Outcome<InferReply> outcome);
    void look_at_acknowledgements(CallProgress& progress);

    const Seconds limit;
    const Steady::time_point started = Steady::now();
    const Deadline deadline;
    const Bytes total;
    const std::shared_ptr<CallQueue> queue;
    const SecurityOptions security;

    std::mutex mutex;
    std::condition_variable returned;
    OnDone on_done;
    std::thread::id telling;                     ///< the thread that is in on_done
    std::optional<Outcome<InferReply>> decided;  ///< without asking the server
    grpc::Alarm alarm;                           ///< tells `decided` from the queue's thread

    std::shared_ptr<ServerConnection> connection;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
    grpc::ByteBuffer message, reply;
    grpc::Status status;
    Bytes begins_at;  ///< the connection's bytes before this request's
    std::optional<Seconds> all_acknowledged;
};

}  // namespace breakeven
