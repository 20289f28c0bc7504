// A network that is kept on a server: the server restarts between head and tail, or serves another network under its
// name meanwhile. The answer is the right one, or an error that says why there is none; never another network's.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "breakeven/wire/deployed_runner.h"
#include "serve/deploying.h"

namespace breakeven {
namespace {

using fakes::counting;
using fakes::DeployWorld;
using fakes::image;

RedeployOptions quick() {
    RedeployOptions options;
    options.deploy.patience = Seconds(0.2);
    options.deploy.tries = 2;
    return options;
}

struct Kept {
    DeployWorld world;
    std::shared_ptr<Client> client = std::make_shared<Client>(world.address);
    DeployedRunner runner{client, world.clock, named("tail"), quick()};

    static ModelImage named(const std::string& name) {
        ModelImage made = image("twice");
        made.name = name;
        return made;
    }
    /// What it makes of 1.
    float answer() {
        const std::array<Tensor, 1> inputs{counting(4)};
        return runner.run(inputs).outputs.at(0).as<float>()[1];
    }
};

TEST(Redeploy, TheNetworkIsDeployedOnceWhileAllIsWell) {
    Kept kept;
    EXPECT_EQ(kept.runner.inputs().at(0).name, "x");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(kept.answer(), 2.0F);
    EXPECT_EQ(kept.runner.deployments(), 1);
    EXPECT_EQ(kept.world.factor("tail"), "2");
}

TEST(Redeploy, AServerThatRestartsBetweenHeadAndTailGetsItAgain) {
    Kept kept;
    for (int i = 0; i < 3; ++i) {
        kept.world.restart();
        EXPECT_EQ(kept.answer(), 2.0F);
        EXPECT_EQ(kept.runner.deployments(), i + 2);
        EXPECT_EQ(kept.answer(), 2.0F);
    }
}

TEST(Redeploy, ANetworkThatWasReplacedMeanwhileIsPutBack) {
    Kept kept;
    ASSERT_TRUE(std::holds_alternative<Deployed>(kept.world.send("tail", image("thrice"))));
    EXPECT_EQ(kept.world.factor("tail"), "3");
    EXPECT_EQ(kept.answer(), 2.0F);
    EXPECT_EQ(kept.runner.deployments(), 2);
}

TEST(Redeploy, ANetworkThatWasUnloadedIsPutBack) {
    Kept kept;
    ASSERT_TRUE(std::holds_alternative<bool>(kept.client->unload_model("tail")));
    EXPECT_EQ(kept.answer(), 2.0F);
}

TEST(Redeploy, WhoeverKeepsReplacingItGetsAnErrorNotAWrongAnswer) {
    Kept kept;
    std::atomic<bool> stop = false;
    std::jthread rival([&] {
        while (!stop) {
            Client other(kept.world.address);
            (void)deploy(other, kept.world.clock, "tail", image("thrice"));
        }
    });
    for (int i = 0; i < 50; ++i) {
        try {
            EXPECT_EQ(kept.answer(), 2.0F);
        } catch (const Error& error) {
            EXPECT_NE(error.kind(), ErrorKind::internal) << error.what();
        }
    }
    stop = true;
}

TEST(Redeploy, AServerThatStaysAwayIsAnErrorInTime) {
    Kept kept;
    kept.world.server->stop();
    try {
        (void)kept.answer();
        FAIL() << "an answer from a server that is gone";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable) << error.what();
    }
}

TEST(Redeploy, ManyThreadsDeployOnce) {
    Kept kept;
    kept.world.restart();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 6; ++i) threads.emplace_back([&] { EXPECT_EQ(kept.answer(), 2.0F); });
    }
    EXPECT_LE(kept.runner.deployments(), 3);
}

TEST(Redeploy, WhatTheNetworkItselfRefusesIsNotRepeated) {
    Kept kept;
    const std::array<Tensor, 1> wrong{Tensor(DType::float32, {7, 7, 7})};
    EXPECT_THROW((void)kept.runner.run(wrong), Error);
    EXPECT_EQ(kept.runner.deployments(), 1);
}

}  // namespace
}  // namespace breakeven
