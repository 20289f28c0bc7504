// Tests of session/session.h against a real server on the loopback: what it promises whatever the server does.
#include "breakeven/session/session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "breakeven/error.h"
#include "breakeven/model/sha256.h"
#include "fakes/raw_server.h"
#include "session/loopback.h"

namespace breakeven {
namespace {

using namespace literals;
using fakes::Loopback;
using fakes::options_for;
using fakes::plans_that_prefer;
using fakes::random_input;

const std::string& network() {
    static const std::string bytes = fakes::shrinking_network();
    return bytes;
}

std::vector<Tensor> inputs(std::uint64_t seed = 1) {
    return {random_input(seed)};
}

void expect_right(const Inferred& result, std::uint64_t seed = 1) {
    ASSERT_EQ(result.outputs.size(), 1U);
    const std::vector<float> expected = fakes::reference(network(), random_input(seed));
    const auto values = result.outputs[0].as<float>();
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-5);
}

Session open(SessionOptions options) {
    return Session::open_bytes("shrinking", network(), options);
}

/// Runs until it is true, or fails.
bool soon(const std::function<bool()>& is_so, Seconds limit = 10_s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (is_so()) return true;
        std::this_thread::yield();
    }
    return false;
}

TEST(Session, WithoutAServerEverythingRunsHere) {
    Session session = open(options_for(""));
    const Inferred result = session.infer(inputs());
    expect_right(result);
    EXPECT_EQ(result.where, RanOn::device);
    EXPECT_EQ(result.why, "there is no server");
    EXPECT_EQ(session.plans(), std::vector<std::string>{"local"});
}

TEST(Session, OffloadsWhatTheServerWasSentFirst) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("offload");
    Session session = open(options);
    ASSERT_TRUE(session.outlook().server_ready) << session.outlook().server_state;
    const Inferred result = session.infer(inputs());
    expect_right(result);
    EXPECT_EQ(result.where, RanOn::server);
    EXPECT_GT(result.took.server, 0_s);
    EXPECT_GT(result.took.network, 0_s);
    EXPECT_LE(result.took.device + result.took.network + result.took.queue + result.took.server,
              result.took.total + 1_us);
}

TEST(Session, ASplitRunsHereAndThere) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("split");
    Session session = open(options);
    const Inferred result = session.infer(inputs());
    expect_right(result);
    EXPECT_EQ(result.where, RanOn::both);
    EXPECT_EQ(result.plan, "split");
    EXPECT_GT(result.took.device, 0_s);
}

TEST(Session, RawInputThatStaysRulesOutOffloadingAndCutsBeforeAnyLayer) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("offload");
    options.raw_input = RawInput::stays_here;
    Session session = open(options);
    EXPECT_EQ(session.plans(), (std::vector<std::string>{"local", "split"}));
    options.plans = R"({"plans": [{"name": "local", "device": "1s"},
        {"name": "split", "cut": ["x"], "server": "1us", "up": "1kB", "down": "64B"}]})";
    try {
        EXPECT_EQ(open(options).plans(), std::vector<std::string>{"local"});
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);  // that is no cut at all
    }
}

TEST(Session, MeasuresItsPlansWhereNoneAreGivenAndTellsThem) {
    Loopback loopback;
    Session session = open(options_for(loopback.address));
    ASSERT_TRUE(session.outlook().server_ready) << session.outlook().server_state;
    ASSERT_GE(session.plans().size(), 2U);
    EXPECT_EQ(session.plans()[0], "local");
    for (int i = 0; i < 20; ++i) expect_right(session.infer(inputs()));
    SessionOptions options = options_for(loopback.address);
    options.plans = session.plans_text();
    EXPECT_EQ(open(options).plans(), session.plans());
}

TEST(Session, AServerThatServesTheNetworkNeedsNotAllowLoading) {
    Loopback loopback(LoadRequests::refused);
    loopback.server().add_model({.name = "shrinking", .bytes = network(), .path = {}, .sha256 = sha256(network())});
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("offload");
    Session session = open(options);
    EXPECT_EQ(session.plans(), (std::vector<std::string>{"local", "offload"})) << "the tail is not there; " << session.outlook().server_state;
    expect_right(session.infer(inputs()));
    EXPECT_EQ(session.counters().answered_there, 1);
}

TEST(Session, AServerThatRefusesTheNetworkIsNamedAndNotWaitedFor) {
    Loopback loopback(LoadRequests::refused);
    Session session = open(options_for(loopback.address));
    EXPECT_FALSE(session.outlook().server_ready);
    EXPECT_NE(session.outlook().server_state.find("load"), std::string::npos) << session.outlook().server_state;
    expect_right(session.infer(inputs()));
}

TEST(Session, AnAbsentServerIsNoErrorAndIsFoundWhenItComes) {
    std::string address;
    { address = Loopback().address; }
    SessionOptions options = options_for(address);
    options.open_within = 10_ms;
    options.plans = plans_that_prefer("offload");
    Session session = open(options);
    expect_right(session.infer(inputs()));
    EXPECT_EQ(session.counters().answered_here, 1);
    struct Later : Loopback {
        explicit Later(const std::string& at) {
            address = at;
            restart();
        }
    } loopback(address);
    ASSERT_TRUE(soon([&] { return session.outlook().server_ready; }));
    expect_right(session.infer(inputs()));
    EXPECT_EQ(session.counters().answered_there, 1);
}

TEST(Session, ARestartedServerIsSentItsNetworksAgain) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("offload");
    Session session = open(options);
    expect_right(session.infer(inputs()));
    loopback.restart();
    ASSERT_TRUE(soon([&] {
        expect_right(session.infer(inputs()));
        return session.counters().answered_there >= 2;
    }));
    EXPECT_GE(session.counters().answered_here, 1);
}

TEST(Session, AStoppedServerCostsNoAnswer) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.plans = plans_that_prefer("offload");
    Session session = open(options);
    expect_right(session.infer(inputs()));
    loopback.stop();
    for (std::uint64_t i = 0; i < 20; ++i) expect_right(session.infer(inputs(i)), i);
    EXPECT_EQ(session.counters().answered_here, 20);
    EXPECT_EQ(session.counters().breaker_opened, 1);
}

class SessionAgainst : public testing::TestWithParam<fakes::RawServer::Script> {};
INSTANTIATE_TEST_SUITE_P(
    Strangers, SessionAgainst,
    testing::Values([](const fakes::RawConnection& peer) { peer.receive(1 << 20); },  // takes all, says nothing
                    [](const fakes::RawConnection& peer) { peer.send("HTTP/1.1 404 Not Found\r\n"); },  // not gRPC
                    [](const fakes::RawConnection&) {},                                                 // hangs up
                    [](const fakes::RawConnection& peer) {  // half an answer
                        peer.send(fakes::settings_frame());
                        peer.receive(100);
                        peer.send(fakes::response_headers(1));
                    }));

TEST_P(SessionAgainst, AnswersHere) {
    fakes::RawServer stranger(GetParam());
    SessionOptions options = options_for(stranger.address());
    options.open_within = 100_ms;
    options.answer_within = 200_ms;
    Session session = open(options);
    expect_right(session.infer(inputs()));
    EXPECT_FALSE(session.outlook().server_ready);
}

TEST(Session, ManyThreadsMayAskAtOnceInAllThreeWays) {
    Loopback loopback;
    SessionOptions options = options_for(loopback.address);
    options.policy = SessionPolicy::always_offload;
    Session session = open(options);
    std::atomic<int> right{0};
    const auto check = [&](const Inferred& result, std::uint64_t seed) {
        expect_right(result, seed);
        ++right;
    };
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 20; ++i) {
                const std::uint64_t seed = t * 100 + i;
                check(session.infer(inputs(seed)), seed);
                check(session.infer_async(inputs(seed)).get(), seed);
                session.infer_async(inputs(seed), [&, seed](std::future<Inferred> ready) { check(ready.get(), seed); });
            }
        });
    }
    threads.emplace_back([&] {
        for (int i = 0; i < 3; ++i) loopback.restart();
    });
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(soon([&] { return right == 4 * 20 * 3; })) << right;
    EXPECT_EQ(session.counters().inferences, 4 * 20 * 3);
}

TEST(Session, ClosingAnswersWhatIsStillWaited) {
    fakes::RawServer silent([](const fakes::RawConnection& peer) { peer.receive(1 << 20); });
    Loopback loopback;
    std::future<Inferred> future;
    {
        SessionOptions options = options_for(loopback.address);
        options.policy = SessionPolicy::always_offload;
        Session session = open(options);
        future = session.infer_async(inputs());
    }
    ASSERT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    expect_right(future.get());
}

TEST(Session, InputsThatDoNotFitAreAnErrorOfTheCaller) {
    Session session = open(options_for(""));
    EXPECT_THROW(session.infer(std::vector<Tensor>{}), Error);
    EXPECT_THROW(session.infer(std::vector<Tensor>{Tensor(DType::float32, {1, 3, 31, 32})}), Error);
    EXPECT_THROW(session.infer_async({Tensor(DType::uint8, {1, 3, 32, 32})}), Error);
    EXPECT_EQ(session.counters().inferences, 0);
}

TEST(Session, WordsOfPoliciesAreReadBack) {
    for (const SessionPolicy policy :
         {SessionPolicy::adaptive, SessionPolicy::always_local, SessionPolicy::always_offload,
          SessionPolicy::static_best, SessionPolicy::linear_bandit}) {
        EXPECT_EQ(parse_session_policy(name(policy)), policy);
    }
    EXPECT_THROW(parse_session_policy("best"), Error);
}

}  // namespace
}  // namespace breakeven
