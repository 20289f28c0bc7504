// Calls that nobody waits for: they end once, in time, on any thread, whoever goes first.
#include "breakeven/wire/call.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "breakeven/wire/client.h"
#include "fakes/raw_server.h"

namespace breakeven {
namespace {

using fakes::RawConnection;
using fakes::RawServer;

Request request_of(std::int64_t size) {
    return {.model = "m",
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {size})}},
            .outputs = {}};
}

/// Greets, and takes what is sent without ever answering.
void take_everything(const RawConnection& connection) {
    connection.send(fakes::settings_frame());
    connection.receive(SIZE_MAX);
}

/// Greets, and does not even read.
RawServer::Script deaf(std::future<void>& until) {
    return [&](const RawConnection& connection) {
        connection.send(fakes::settings_frame());
        until.wait();
    };
}

/// Of a machine that does not answer: addresses for documentation (RFC 5737); the network may also say at once that
/// there is no way there.
constexpr const char* nowhere = "192.0.2.1:9";

ClientOptions allowing_plain_text() {
    ClientOptions options;
    options.security.plain_text = SecurityOptions::PlainText::anywhere;
    return options;
}

/// What a call came to, waited for.
class Ended {
   public:
    std::function<void(Outcome<InferReply>)> teller() {
        return [this](Outcome<InferReply> outcome) {
            ++times;
            thread = std::this_thread::get_id();
            promise_.set_value(std::move(outcome));
        };
    }
    Outcome<InferReply> wait() { return promise_.get_future().get(); }
    std::atomic<int> times = 0;
    std::atomic<std::thread::id> thread;

   private:
    std::promise<Outcome<InferReply>> promise_;
};

TEST(Call, ACallThatIsGivenUpEndsAtOnce) {
    const RawServer server(take_everything);
    Client client(server.address());
    Ended ended;
    const auto call = client.start(request_of(8), Seconds(60), ended.teller());
    call->cancel();
    call->cancel();
    const Outcome<InferReply> outcome = ended.wait();
    ASSERT_TRUE(std::holds_alternative<Lost>(outcome));
    EXPECT_EQ(std::get<Lost>(outcome).reason, "the call was given up");
    EXPECT_NE(ended.thread.load(), std::this_thread::get_id());
    call->cancel();  // once more, when there is nothing left to give up
    EXPECT_EQ(ended.times, 1);
}

TEST(Call, ACallWithoutAnAnswerIsLate) {
    const RawServer server(take_everything);
    Client client(server.address());
    Ended ended;
    const auto call = client.start(request_of(8), Seconds(0.05), ended.teller());
    const Outcome<InferReply> outcome = ended.wait();
    ASSERT_TRUE(std::holds_alternative<Late>(outcome));
    EXPECT_EQ(std::get<Late>(outcome).limit, Seconds(0.05));
}

TEST(Call, AServerThatIsNotThereIsLost) {
    Client client("127.0.0.1:1");
    Ended ended;
    const auto call = client.start(request_of(8), std::nullopt, ended.teller());
    const Outcome<InferReply> outcome = ended.wait();
    ASSERT_TRUE(std::holds_alternative<Lost>(outcome));
    EXPECT_NE(std::get<Lost>(outcome).reason.find("refused"), std::string::npos) << std::get<Lost>(outcome).reason;
}

TEST(Call, WaitingForAConnectionEndsWithTheLimit) {
    Client client(nowhere, allowing_plain_text());
    Ended ended;
    const auto start = std::chrono::steady_clock::now();
    const auto call = client.start(request_of(8), Seconds(0.1), ended.teller());
    EXPECT_FALSE(std::holds_alternative<InferReply>(ended.wait()));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(Call, WhatWaitsForAConnectionCanBeGivenUp) {
    Client client(nowhere, allowing_plain_text());
    Ended ended;
    const auto call = client.start(request_of(8), Seconds(60), ended.teller());
    call->cancel();
    EXPECT_TRUE(std::holds_alternative<Lost>(ended.wait()));
}

TEST(Call, AfterItsEndNobodyIsTold) {
    const RawServer server(take_everything);
    Client client(server.address());
    for (int i = 0; i < 50; ++i) {
        auto gone = std::make_shared<std::atomic<bool>>(false);
        std::atomic<bool> told_too_late = false;
        auto call = client.start(request_of(8), Seconds(i % 2 == 0 ? 60 : 0.001),
                                 [&, gone](const Outcome<InferReply>&) { told_too_late = gone->load(); });
        if (i % 3 == 0) std::this_thread::yield();
        call.reset();
        *gone = true;
        EXPECT_FALSE(told_too_late);
        EXPECT_EQ(gone.use_count(), 1);  // what the callback held has gone with it
    }
}

TEST(Call, MayBeEndedFromWithinItsOwnCallback) {
    const RawServer server(take_everything);
    Client client(server.address());
    std::unique_ptr<Call> call;
    std::promise<void> started, told;
    call = client.start(request_of(8), Seconds(0.05), [&, may = started.get_future().share()](const auto&) {
        may.wait();
        call.reset();
        told.set_value();
    });
    started.set_value();
    told.get_future().wait();
    EXPECT_EQ(call, nullptr);
}

TEST(Call, OutlivesItsClientWhichGivesItUp) {
    const RawServer server(take_everything);
    auto client = std::make_unique<Client>(server.address());
    Ended ended;
    const auto call = client->start(request_of(8), Seconds(60), ended.teller());
    client.reset();
    EXPECT_EQ(ended.times, 1);  // told before the client was gone
    EXPECT_TRUE(call->done());
    EXPECT_TRUE(std::holds_alternative<Lost>(ended.wait()));
    call->cancel();
    EXPECT_EQ(call->progress().total, call->progress().total);
}

TEST(Call, TheClientMayEndWithinACallback) {
    const RawServer server(take_everything);
    auto client = std::make_unique<Client>(server.address());
    std::promise<void> started, told;
    const auto call = client->start(request_of(8), Seconds(0.05), [&, may = started.get_future().share()](const auto&) {
        may.wait();
        client.reset();
        told.set_value();
    });
    started.set_value();
    told.get_future().wait();
    EXPECT_EQ(client, nullptr);
}

TEST(Call, TellsWhenThePeerHasAllOfIt) {
    const RawServer server(take_everything);
    Client client(server.address());
    Ended ended;
    const auto call = client.start(request_of(50'000), Seconds(60), ended.teller());
    // The 50,000 bytes fit into the first window, so all of them leave without the server's further word.
    CallProgress progress = call->progress();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!progress.all_acknowledged && std::chrono::steady_clock::now() < until) {
        std::this_thread::yield();
        const CallProgress next = call->progress();
        EXPECT_GE(next.acknowledged.value_or(Bytes(0)), progress.acknowledged.value_or(Bytes(0)));
        progress = next;
    }
    ASSERT_TRUE(progress.all_acknowledged.has_value());
    EXPECT_EQ(progress.acknowledged, progress.total);
    EXPECT_GT(progress.total, Bytes(50'000));
    EXPECT_LE(*progress.all_acknowledged, progress.elapsed);
    EXPECT_FALSE(call->done());
}

TEST(Call, WhatTheLinkDoesNotTakeIsNotAcknowledged) {
    std::promise<void> done;
    std::future<void> until = done.get_future();
    const RawServer server(deaf(until));
    Client client(server.address());
    Ended ended;
    {
        const auto call = client.start(request_of(32 << 20), Seconds(60), ended.teller());
        const auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
        while (std::chrono::steady_clock::now() < patience) {
            const CallProgress progress = call->progress();
            EXPECT_FALSE(progress.all_acknowledged);
            EXPECT_LT(progress.acknowledged.value_or(Bytes(0)), progress.total);
        }
    }
    done.set_value();
}

TEST(Call, TheKernelTellsOfTheConnection) {
    const RawServer server(take_everything);
    Client client(server.address());
    EXPECT_FALSE(client.tcp().has_value());
    Ended ended;
    const auto call = client.start(request_of(8), Seconds(60), ended.teller());
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::optional<TcpFacts> facts;
    while ((!facts || facts->acked == Bytes(0)) && std::chrono::steady_clock::now() < until) {
        std::this_thread::yield();
        facts = client.tcp();
    }
    ASSERT_TRUE(facts.has_value());
    EXPECT_TRUE(facts->established);
    EXPECT_GT(facts->age, Seconds(0));
    EXPECT_GT(facts->round_trip, Seconds(0));
    EXPECT_LT(facts->round_trip, Seconds(1));
    EXPECT_GE(facts->window, facts->segment);
    EXPECT_GT(facts->acked, Bytes(0));
    EXPECT_FALSE(facts->congestion_control.empty());
}

TEST(Call, ManyThreadsMayStartAndGiveUpAtOnce) {
    const RawServer server(take_everything);
    auto client = std::make_unique<Client>(server.address());
    constexpr int threads = 4, calls = 50;
    std::atomic<int> told = 0;
    std::vector<std::unique_ptr<Call>> kept(threads * calls);
    {
        std::vector<std::jthread> all;
        for (int thread = 0; thread < threads; ++thread) {
            all.emplace_back([&, thread] {
                for (int i = 0; i < calls; ++i) {
                    auto call = client->start(request_of(1000), Seconds(i % 4 == 0 ? 0.01 : 60.0),
                                              [&](const Outcome<InferReply>&) { ++told; });
                    if (i % 2 == 0) call->cancel();
                    (void)call->progress();
                    kept[static_cast<std::size_t>(thread * calls + i)] = std::move(call);
                }
            });
        }
    }
    client.reset();
    EXPECT_EQ(told, threads * calls);
}

}  // namespace
}  // namespace breakeven
