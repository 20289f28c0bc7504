// CallQueue: the calls of a client that nobody waits for on a thread of his own: gRPC's completion queue and the thread
// that takes from it. The thread sleeps while no such call is under way, or else it would take the events of the calls
// that are waited for, and cost them a hand-over. Internal to wire/.
#pragma once

#include <grpcpp/completion_queue.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace breakeven {

class CallQueue final : public std::enable_shared_from_this<CallQueue> {
   public:
    /// Something that the queue will tell the end of, once; its address is gRPC's tag.
    struct Event {
        virtual ~Event() = default;
        /// From the queue's thread.
        virtual void happened() = 0;
        /// The client ends: happened() is wanted soon. From any thread.
        virtual void give_up() = 0;
    };

    /// To be called before the event's tag is given to gRPC. Whether the queue still takes events.
    // shared: whoever watches a call keeps it as well
    [[nodiscard]] bool begin(std::shared_ptr<Event> event);
    grpc::CompletionQueue& queue() { return queue_; }

    /// Gives up what is under way and returns when all of it has been told; from the queue's own thread, at once.
    void stop();

   private:
    void run();

    grpc::CompletionQueue queue_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<void*, std::shared_ptr<Event>> under_way_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace breakeven
