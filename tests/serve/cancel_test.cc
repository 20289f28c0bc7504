// Calls given up by their client, as the server takes them: what has not reached the engine never does.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "open_inference.grpc.pb.h"
#include "serve/world.h"

namespace breakeven {
namespace {

using fakes::World;

Request bytes_request(const std::string& model) {
    return {.model = model,
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {8})}},
            .outputs = {}};
}

/// A model that runs until it is let go.
class Gate {
   public:
    fakes::Script script() {
        return {.inputs = {{"x", DType::uint8, {-1}}},
                .outputs = {{"y", DType::uint8, {-1}}},
                .run = [this](std::span<const Tensor> inputs) -> std::vector<Tensor> {
                    std::unique_lock lock(mutex_);
                    ++entered_;
                    changed_.notify_all();
                    changed_.wait(lock, [&] { return open_; });
                    return {inputs[0]};
                }};
    }
    void wait_until_entered() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return entered_ > 0; });
    }
    void open() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int entered_ = 0;
    bool open_ = false;
};

inference::InferStatistics statistics_of(const std::string& address, const std::string& model) {
    const auto stub =
        inference::GRPCInferenceService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    inference::ModelStatisticsRequest request;
    request.set_name(model);
    inference::ModelStatisticsResponse response;
    EXPECT_TRUE(stub->ModelStatistics(&context, request, &response).ok());
    return response.model_stats(0).inference_stats();
}

TEST(Cancel, AQueuedRequestThatIsGivenUpNeverReachesTheEngine) {
    ServerOptions options;
    options.admission = {.running = 1, .waiting = 1};
    World world(options);
    Gate gate;
    world.serve("gate", gate.script());
    Client& client = world.start();
    std::promise<Outcome<InferReply>> first, third;
    std::promise<void> second;
    const auto running = client.start(bytes_request("gate"), {}, [&](auto outcome) { first.set_value(outcome); });
    gate.wait_until_entered();
    {
        const auto queued = client.start(bytes_request("gate"), {}, [&](const auto&) { second.set_value(); });
        ASSERT_TRUE(std::holds_alternative<bool>(client.live()));  // which came after it, so it has arrived
        queued->cancel();
        second.get_future().wait();
    }
    // Its place is free for another one while the first still runs.
    while (statistics_of(world.address, "gate").breakeven_cancelled().count() == 0) {
    }
    const auto next = client.start(bytes_request("gate"), {}, [&](auto outcome) { third.set_value(outcome); });
    ASSERT_TRUE(std::holds_alternative<bool>(client.live()));
    gate.open();
    EXPECT_TRUE(std::holds_alternative<InferReply>(first.get_future().get()));
    EXPECT_TRUE(std::holds_alternative<InferReply>(third.get_future().get()));
    EXPECT_EQ(world.engine.runs, 2);
}

TEST(Cancel, ManyCallsAtOnceAreAnsweredEachOnce) {
    World world;
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    Client& client = world.start();
    constexpr int calls = 200;
    std::atomic<int> answered = 0, given_up = 0;
    std::vector<std::unique_ptr<Call>> kept;
    for (int i = 0; i < calls; ++i) {
        kept.push_back(client.start(bytes_request("same"), {}, [&](const Outcome<InferReply>& outcome) {
            const auto* reply = std::get_if<InferReply>(&outcome);
            (reply != nullptr ? answered : given_up) += 1;
            EXPECT_TRUE(reply == nullptr || reply->outputs.at(0).tensor.bytes().size() == 8U);
        }));
        if (i % 5 == 0) kept.back()->cancel();
    }
    for (const auto& call : kept) {
        while (!call->done()) std::this_thread::yield();
    }
    EXPECT_EQ(answered + given_up, calls);
    EXPECT_GT(answered, 0);
}

}  // namespace
}  // namespace breakeven
