// deploy() against a real server on the loopback: sent once, in one message or in pieces, resumed, refused.
#include "breakeven/wire/deploy.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "serve/deploying.h"

namespace breakeven {
namespace {

using fakes::allowing;
using fakes::DeployWorld;
using fakes::hash_of;
using fakes::image;
using fakes::refusal;
using How = Deployed::How;

constexpr std::size_t large = 3'000'000;

DeployOptions in_pieces() {
    DeployOptions options;
    options.first_piece = Bytes(100'000);
    return options;
}

TEST(Deploy, ANetworkIsSentOnceAndThenAlreadyThere) {
    DeployWorld world;
    const auto first = world.send("net", image("twice"));
    ASSERT_TRUE(std::holds_alternative<Deployed>(first)) << refusal(first);
    EXPECT_EQ(std::get<Deployed>(first).how, How::sent_whole);
    EXPECT_EQ(std::get<Deployed>(first).sent, Bytes(100));
    EXPECT_EQ(std::get<Deployed>(first).sha256, hash_of(image("twice")));
    EXPECT_TRUE(std::get<Deployed>(first).held_against_hash);
    EXPECT_EQ(world.factor("net"), "2");
    const auto second = std::get<Deployed>(world.send("net", image("twice")));
    EXPECT_EQ(second.how, How::already_there);
    EXPECT_EQ(second.sent, Bytes());
    EXPECT_EQ(std::get<ModelDescription>(world.client->describe_model("net")).sha256, hash_of(image("twice")));
    EXPECT_EQ(std::get<std::string>(world.client->configured_sha256("net")), hash_of(image("twice")));
}

TEST(Deploy, ALargeNetworkGoesInPieces) {
    DeployWorld world;
    std::vector<std::int64_t> there;
    DeployOptions options = in_pieces();
    options.progress = [&](const DeployProgress& progress) {
        EXPECT_EQ(progress.total, Bytes(large));
        there.push_back(progress.there.count());
    };
    const auto outcome = world.send("net", image("twice", large), options);
    ASSERT_TRUE(std::holds_alternative<Deployed>(outcome)) << refusal(outcome);
    EXPECT_EQ(std::get<Deployed>(outcome).how, How::sent_in_pieces);
    EXPECT_EQ(std::get<Deployed>(outcome).sent, Bytes(large));
    EXPECT_TRUE(std::ranges::is_sorted(there));
    EXPECT_EQ(there.front(), 0);
    EXPECT_EQ(there.back(), static_cast<std::int64_t>(large));
    EXPECT_GT(there.size(), 3U);
    EXPECT_EQ(world.factor("net"), "2");
}

struct Interrupted final : std::exception {};

TEST(Deploy, AnInterruptedUploadGoesOnWhereItStopped) {
    DeployWorld world;
    DeployOptions options = in_pieces();
    std::int64_t there = 0;
    options.progress = [&](const DeployProgress& progress) {
        there = progress.there.count();
        if (there > 1'000'000) throw Interrupted();
    };
    EXPECT_THROW((void)world.send("net", image("twice", large), options), Interrupted);
    const auto resumed = std::get<Deployed>(world.send("net", image("twice", large), in_pieces()));
    EXPECT_EQ(resumed.resumed, Bytes(there));
    EXPECT_EQ(resumed.sent, Bytes(large) - Bytes(there));
    EXPECT_EQ(world.factor("net"), "2");
}

TEST(Deploy, AServerThatRestartsDuringTheUploadGetsItAll) {
    for (int at = 0; at < 5; ++at) {
        DeployWorld world;
        DeployOptions options = in_pieces();
        int calls = 0;
        options.progress = [&](const DeployProgress&) {
            if (calls++ == at) world.restart();
        };
        const auto outcome = world.send("net", image("twice", large), options);
        ASSERT_TRUE(std::holds_alternative<Deployed>(outcome)) << at << refusal(outcome);
        EXPECT_EQ(world.factor("net", hash_of(image("twice", large))), "2");
    }
}

TEST(Deploy, ANetworkThatIsRefusedLeavesTheOldOneServing) {
    DeployWorld world;
    ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("twice"))));
    for (const std::size_t length : {std::size_t{100}, large}) {
        EXPECT_EQ(refusal(world.send("net", image("garbage", length), in_pieces())),
                  "cannot load 'net': load model 'garbage': no script for it");
        EXPECT_EQ(world.factor("net", hash_of(image("twice"))), "2");
    }
}

TEST(Deploy, TFLiteIsSentAlthoughEnginesReadItFromItsFile) {
    DeployWorld world;
    const std::string lite = "liteTFL3";  // what TFLite files begin with
    world.engine.scripts[lite] = fakes::times(2);
    for (const std::size_t length : {std::size_t{100}, large}) {
        ModelImage file = image(lite, length);
        file.path = "/a/folder/lite.tflite";
        ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", file, in_pieces())));
        EXPECT_EQ(world.factor("net", hash_of(file)), "2");
    }
}

TEST(Deploy, WhatIsNotApprovedIsNotServedAndTheOldOneGoesOn) {
    ServerOptions options = allowing();
    options.repository.approve = [](const ModelImage& image, const Platform&, const ServedModel& loaded) {
        EXPECT_EQ(loaded.name, "net");
        const std::array x{1.0F};
        const std::vector<Tensor> one{Tensor::of<float>(DType::float32, {1, 1}, x)};
        if (loaded.runner->run(one).outputs[0].as<float>()[0] != 2.0F) {
            throw Error(ErrorKind::input, "serve '" + image.name + "'", "it answers something else");
        }
    };
    DeployWorld world(options);
    ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("twice"))));
    EXPECT_EQ(refusal(world.send("net", image("thrice"))),
              "cannot load 'net': serve 'thrice': it answers something else");
    EXPECT_EQ(world.factor("net", hash_of(image("twice"))), "2");
}

TEST(Deploy, AnotherNetworkTakesThePlaceOfTheOld) {
    DeployWorld world;
    ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("twice"))));
    ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("thrice"))));
    EXPECT_EQ(world.factor("net"), "3");
    EXPECT_EQ(world.server->index().size(), 1U);
}

TEST(Deploy, WhereItIsForbiddenItSaysWhatToDo) {
    DeployWorld world((ServerOptions()));
    world.serve("twice", fakes::times(2));
    EXPECT_EQ(refusal(world.send("net", image("twice"))),
              "the server does not let clients load networks; start it with --allow-load, or copy the file into its "
              "repository");
}

TEST(Deploy, WhatIsTooLargeForTheMemoryLimitIsRefusedBeforeItIsSent) {
    ServerOptions options = allowing();
    options.repository.memory_limit = Bytes(1'000'000);
    DeployWorld world(options);
    DeployOptions watching = in_pieces();
    watching.progress = [](const DeployProgress&) { ADD_FAILURE() << "it was sent"; };
    EXPECT_EQ(refusal(world.send("net", image("twice", large), watching)),
              "the models would take 3.00 MB, --memory-limit is 1.00 MB");
    EXPECT_TRUE(std::holds_alternative<Deployed>(world.send("small", image("twice", 600'000), in_pieces())));
    EXPECT_EQ(refusal(world.send("more", image("twice", 600'001), in_pieces())),
              "the models would take 1.20 MB, --memory-limit is 1.00 MB");
    DeployOptions whole;
    EXPECT_EQ(refusal(world.send("more", image("twice", 600'001), whole)),
              "the models would take 1.20 MB, --memory-limit is 1.00 MB");
}

TEST(Deploy, PiecesFitIntoTheServersMessages) {
    ServerOptions options = allowing();
    options.message_max = Bytes(200'000);
    DeployWorld world(options);
    DeployOptions eager;
    eager.first_piece = Bytes(1'000'000);
    EXPECT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("twice", large), eager)));
}

TEST(Deploy, AServerThatIsNotThereIsLost) {
    Client client("127.0.0.1:1");
    SteadyClock clock;
    DeployOptions impatient;
    impatient.patience = Seconds(0.05);
    EXPECT_TRUE(std::holds_alternative<Lost>(deploy(client, clock, "net", image("twice"), impatient)));
}

TEST(Deploy, WeightsInOtherFilesAreNotSent) {
    DeployWorld world;
    ModelImage beside = image("twice");
    beside.path = "/somewhere/model.onnx";
    EXPECT_THROW((void)world.send("net", beside), Error);
}

TEST(Hash, ARequestIsAnsweredByTheNetworkItExpectsOrByNone) {
    DeployWorld world;
    const std::string twice = hash_of(image("twice")), thrice = hash_of(image("thrice"));
    ASSERT_TRUE(std::holds_alternative<Deployed>(world.send("net", image("twice"))));
    EXPECT_EQ(world.factor("net", twice), "2");
    EXPECT_EQ(world.factor("net", thrice), "model 'net' is another one here: its SHA-256 is " + twice +
                                               ", the request expects '" + thrice + "'; deploy it again");
    Request request = fakes::request_for("net", fakes::counting(4));
    request.parameters.push_back({std::string(sha256_parameter), thrice});
    EXPECT_EQ(std::get<Refused>(world.client->infer(request)).about, Refused::About::other_network);
    request.parameters[0].value = twice;
    EXPECT_EQ(std::get<InferReply>(world.client->infer(request)).sha256, twice);
    ASSERT_TRUE(std::holds_alternative<bool>(world.client->unload_model("net")));
    EXPECT_EQ(std::get<Refused>(world.client->infer(request)).about, Refused::About::absent_network);
}

}  // namespace
}  // namespace breakeven
