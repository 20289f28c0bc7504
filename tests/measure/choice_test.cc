// Choices in virtual time: engines whose speed, memory and rightness are known.
#include "breakeven/measure/choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "breakeven/error.h"
#include "breakeven/measure/choice_store.h"
#include "breakeven/time/random.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

/// How a platform behaves: seconds of a run, and what it adds to a right answer. It may throw.
struct Behaviour {
    Seconds time{0.01};
    float off = 0.0F;
    double noise = 0.0;  ///< of each run's time, as a share
};
using Behave = std::function<Behaviour(const Platform&, const LoadOptions&)>;

class FakeEngine final : public Engine {
   public:
    FakeEngine(std::string name, VirtualClock& clock, Behave behave)
        : name_(std::move(name)), clock_(clock), behave_(std::move(behave)) {}

    std::string name() const override { return name_; }
    std::string version() const override { return version_; }
    std::vector<PlatformStatus> platforms() const override {
        std::vector<PlatformStatus> all;
        for (const int threads : {1, 2}) {
            all.push_back({.platform = {.engine = name_, .unit = "cpu", .number = threads},
                           .available = is_here_,
                           .reason = is_here_ ? "" : "not here"});
        }
        return all;
    }
    std::unique_ptr<Runner> load(const ModelImage&, const Platform& platform, const LoadOptions& options) override {
        loaded.push_back(to_text(platform));
        return std::make_unique<Run>(clock_, behave_(platform, options), loaded.size());
    }

    std::vector<std::string> loaded;
    std::string version_ = "1";
    bool is_here_ = true;

   private:
    class Run final : public Runner {
       public:
        Run(VirtualClock& clock, Behaviour behaviour, std::uint64_t seed)
            : clock_(clock), behaviour_(behaviour), random_(seed) {}
        const std::vector<TensorSpec>& inputs() const override { return inputs_; }
        const std::vector<TensorSpec>& outputs() const override { return outputs_; }
        RunResult run(std::span<const Tensor> tensors) override {
            clock_.advance(behaviour_.time * std::exp(behaviour_.noise * random_.normal()));
            std::vector<float> values;
            for (const double value : to_doubles(tensors.front())) {
                values.push_back(static_cast<float>(value) + behaviour_.off);
            }
            Tensor output(DType::float32, tensors.front().shape());
            std::ranges::copy(std::as_bytes(std::span(values)), output.mutable_bytes().begin());
            return {.outputs = {std::move(output)}, .server = {}};
        }

       private:
        VirtualClock& clock_;
        Behaviour behaviour_;
        Random random_;
        std::vector<TensorSpec> inputs_{{"x", DType::float32, {-1, 8}}};
        std::vector<TensorSpec> outputs_{{"y", DType::float32, {-1, 8}}};
    };

    std::string name_;
    VirtualClock& clock_;
    Behave behave_;
};

/// Two engines and a network that answers with its input.
struct World {
    VirtualClock clock;
    Engines engines;
    FakeEngine* first = nullptr;
    FakeEngine* second = nullptr;
    ModelImage image{.name = "net", .bytes = fakes::identity_model({-1, 8}), .path = {}, .sha256 = "1234"};
    Model model = Model::parse(image.bytes, image.name);

    World(Behave onnxruntime, Behave openvino) {
        auto one = std::make_unique<FakeEngine>("onnxruntime", clock, std::move(onnxruntime));
        auto two = std::make_unique<FakeEngine>("openvino", clock, std::move(openvino));
        first = one.get();
        second = two.get();
        engines.add(std::move(one));
        engines.add(std::move(two));
    }
    EngineChoice choose(const ChoiceRequest& request) {
        return breakeven::choose(request, model, image, {.engines = engines, .clock = clock});
    }
};

Behave takes(double one, double two) {
    return [=](const Platform& platform, const LoadOptions&) {
        return Behaviour{.time = Seconds(platform.number == 1 ? one : two)};
    };
}

const Contender& find(const EngineChoice& choice, const std::string& platform) {
    const auto found = std::ranges::find_if(choice.contenders,
                                            [&](const Contender& each) { return to_text(each.platform) == platform; });
    if (found == choice.contenders.end()) throw std::runtime_error("no " + platform);
    return *found;
}

TEST(Choice, TheFastestIsChosenAndTheLineSaysByHowMuch) {
    World world(takes(0.010, 0.006), takes(0.009, 0.004));
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_EQ(choice.platform.engine, "openvino");
    EXPECT_EQ(choice.platform.number, 2);
    EXPECT_NEAR(choice.latency.count(), 0.004, 1e-9);
    EXPECT_NE(choice.why.find("next best cpu:2"), std::string::npos) << choice.why;
    EXPECT_NE(choice.why.find("50 % slower"), std::string::npos) << choice.why;
    EXPECT_EQ(find(choice, "cpu:1").outcome, RaceOutcome::slower);
}

TEST(Choice, MoreThreadsThanAskedForAreNotTried) {
    World world(takes(0.010, 0.006), takes(0.009, 0.004));
    const EngineChoice choice = world.choose({.threads = 1});
    EXPECT_EQ(to_text(choice.platform), "openvino:cpu:1");
    EXPECT_EQ(std::ranges::count(world.first->loaded, "cpu:2"), 0);
}

TEST(Choice, AWrongEngineIsNeverChosenHoweverFast) {
    World world(takes(0.010, 0.006),
                [](const Platform&, const LoadOptions&) { return Behaviour{.time = Seconds(0.0001), .off = 0.5F}; });
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_EQ(choice.platform.engine, "onnxruntime");
    EXPECT_EQ(find(choice, "openvino:cpu:1").outcome, RaceOutcome::wrong);
    EXPECT_NE(find(choice, "openvino:cpu:1").reason.find("computes something else"), std::string::npos);
}

TEST(Choice, AnEngineThatFailsLeavesTheOthers) {
    World world(takes(0.010, 0.006), [](const Platform&, const LoadOptions&) -> Behaviour {
        throw Error(ErrorKind::input, "load model 'net'", "no such operator");
    });
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_EQ(choice.platform.engine, "onnxruntime");
    EXPECT_EQ(find(choice, "openvino:cpu:2").outcome, RaceOutcome::failed);
}

TEST(Choice, WithoutTheReferenceTheOthersAreChosenFromAndItIsSaid) {
    World world(
        [](const Platform&, const LoadOptions& options) {
            if (!options.optimize) throw Error(ErrorKind::input, "load model 'net'", "it dies of it");
            return Behaviour{.time = Seconds(0.02)};
        },
        takes(0.009, 0.004));
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_EQ(to_text(choice.platform), "openvino:cpu:2");
    EXPECT_NE(choice.not_compared.find("it dies of it"), std::string::npos) << choice.not_compared;
    World whole(takes(0.02, 0.02), takes(0.009, 0.004));
    EXPECT_EQ(whole.choose({.threads = 2}).not_compared, "");
}

TEST(Choice, WhereNothingRunsItTheReasonIsTold) {
    const Behave fails = [](const Platform&, const LoadOptions&) -> Behaviour {
        throw Error(ErrorKind::input, "load model 'net'", "no such operator");
    };
    World world(fails, fails);
    try {
        world.choose({.threads = 2});
        FAIL() << "nothing can be chosen";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        EXPECT_NE(std::string(error.what()).find("no such operator"), std::string::npos);
    }
}

TEST(Choice, ASettingThatHelpsIsFoundAndNamed) {
    World world(
        [](const Platform& platform, const LoadOptions&) {
            const bool quick = platform.options.find("allow_spinning=0") != std::string::npos;
            return Behaviour{.time = Seconds(quick ? 0.0050 : 0.0055)};
        },
        takes(0.02, 0.02));
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_EQ(to_text(choice.platform), "cpu:2,session.intra_op.allow_spinning=0");
    EXPECT_NE(choice.why.find("threads do not spin"), std::string::npos) << choice.why;
    EXPECT_EQ(find(choice, "openvino:cpu:2").outcome, RaceOutcome::slower);
    EXPECT_NEAR(find(choice, "openvino:cpu:2").ratio, 4.0, 0.1) << "to the chosen one, not to an earlier winner";
}

TEST(Choice, TwoSettingsThatHelpAreTakenTogether) {
    World world(
        [](const Platform& platform, const LoadOptions&) {
            double time = 0.0060;
            if (platform.options.find("allow_spinning=0") != std::string::npos) time -= 0.0005;
            if (platform.options.find("dynamic_block_base=4") != std::string::npos) time -= 0.00045;
            return Behaviour{.time = Seconds(platform.number == 1 ? 0.02 : time)};
        },
        takes(0.02, 0.02));
    const EngineChoice choice = world.choose({.threads = 2});
    EXPECT_NE(choice.platform.options.find("allow_spinning=0"), std::string::npos) << choice.platform.options;
    EXPECT_NE(choice.platform.options.find("dynamic_block_base=4"), std::string::npos) << choice.platform.options;
}

TEST(Choice, ASettingThatMakesItWrongIsNotChosen) {
    World world(
        [](const Platform& platform, const LoadOptions&) {
            const bool bad = platform.options.find("optimization=extended") != std::string::npos;
            return Behaviour{.time = Seconds(bad ? 0.001 : 0.005), .off = bad ? 0.5F : 0.0F};
        },
        takes(0.02, 0.02));
    const EngineChoice choice = world.choose({.threads = 1});
    EXPECT_EQ(choice.platform.options.find("extended"), std::string::npos);
    EXPECT_EQ(find(choice, "cpu:1,optimization=extended").outcome, RaceOutcome::wrong);
}

TEST(Choice, ASettingThatWasNotShownToHelpIsNotSet) {
    World world(
        [](const Platform& platform, const LoadOptions&) {
            const bool quick = platform.options.find("arena=off") != std::string::npos;
            return Behaviour{.time = Seconds(quick ? 0.0049 : 0.0050), .noise = 0.8};
        },
        takes(0.02, 0.02));
    EXPECT_EQ(to_text(world.choose({.threads = 1}).platform), "cpu:1");
}

TEST(Choice, OfTwoThatAreTiedFewerThreadsAreEnough) {
    World world(takes(0.005, 0.005), takes(0.02, 0.02));
    EXPECT_EQ(to_text(world.choose({.threads = 2}).platform), "cpu:1");
}

TEST(Choice, TheTimeIsKeptAndWhatWasNotTriedIsNamed) {
    World world(takes(2.0, 1.0), takes(3.0, 1.5));
    const EngineChoice choice = world.choose({.threads = 2, .limit = Seconds(20)});
    EXPECT_LT(choice.took, Seconds(60)) << "what has begun is ended: loading, comparing and one round";
    EXPECT_EQ(to_text(choice.platform), "cpu:2");
}

TEST(Choice, ABatchIsRunWhereTheNetworkLeavesItOpen) {
    World world(takes(0.005, 0.005), takes(0.02, 0.02));
    EXPECT_EQ(choice_inputs(world.model, 8).front().shape(), (Shape{8, 8}));
    const ModelImage fixed{.name = "fixed", .bytes = fakes::identity_model({1, 8}), .path = {}, .sha256 = "5"};
    EXPECT_THROW(choice_inputs(Model::parse(fixed.bytes, fixed.name), 8), Error);
}

class ChoiceStoreTest : public testing::Test {
   protected:
    ChoiceStoreTest() {
        std::string folder = (std::filesystem::temp_directory_path() / "breakeven-choices-XXXXXX").string();
        if (mkdtemp(folder.data()) == nullptr) std::abort();
        folder_ = folder;
    }
    ~ChoiceStoreTest() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path file() const { return folder_ / "store.sqlite"; }
    std::filesystem::path folder_;
};

TEST_F(ChoiceStoreTest, WhatIsKeptComesBackWhole) {
    World world(takes(0.010, 0.006), takes(0.009, 0.004));
    EngineChoice choice = world.choose({.threads = 2});
    choice.not_compared = "no reference";
    const ChoiceKey key{.host = "here",
                        .model_sha256 = "1234",
                        .inputs = "FP32[1, 8]",
                        .threads = 2,
                        .engines = versions_text(world.engines),
                        .breakeven_version = "1"};
    ChoiceStore(file()).put(key, {.choice = choice, .taken = CalendarTime(Seconds(100))});
    const auto kept = ChoiceStore(file()).find(key);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->taken, CalendarTime(Seconds(100)));
    EXPECT_EQ(kept->choice.platform, choice.platform);
    EXPECT_EQ(kept->choice.why, choice.why);
    EXPECT_EQ(kept->choice.not_compared, "no reference");
    ASSERT_EQ(kept->choice.contenders.size(), choice.contenders.size());
    for (std::size_t i = 0; i < choice.contenders.size(); ++i) {
        EXPECT_EQ(kept->choice.contenders[i].platform, choice.contenders[i].platform);
        EXPECT_EQ(kept->choice.contenders[i].outcome, choice.contenders[i].outcome);
        EXPECT_EQ(kept->choice.contenders[i].latency, choice.contenders[i].latency);
    }
}

TEST_F(ChoiceStoreTest, WhateverChangesAChoiceAsksForANewOne) {
    World world(takes(0.010, 0.006), takes(0.009, 0.004));
    const ChoiceKey key{.host = "here",
                        .model_sha256 = "1234",
                        .inputs = "FP32[1, 8]",
                        .threads = 2,
                        .engines = versions_text(world.engines),
                        .breakeven_version = "1"};
    ChoiceStore store(file());
    store.put(key, {.choice = world.choose({.threads = 2}), .taken = {}});
    ASSERT_TRUE(store.find(key));
    world.second->version_ = "2";
    ChoiceKey newer = key;
    newer.engines = versions_text(world.engines);
    EXPECT_NE(newer.engines, key.engines);
    EXPECT_FALSE(store.find(newer));
    world.second->is_here_ = false;
    newer.engines = versions_text(world.engines);
    EXPECT_EQ(newer.engines, "onnxruntime 1");
    EXPECT_FALSE(store.find(newer));
    for (const auto& change : std::vector<std::function<void(ChoiceKey&)>>{
             [](ChoiceKey& k) { k.host = "there"; }, [](ChoiceKey& k) { k.model_sha256 = "5678"; },
             [](ChoiceKey& k) { k.inputs = "FP32[8, 8]"; }, [](ChoiceKey& k) { k.threads = 1; },
             [](ChoiceKey& k) { k.breakeven_version = "2"; }}) {
        ChoiceKey other = key;
        change(other);
        EXPECT_FALSE(store.find(other));
    }
}

TEST_F(ChoiceStoreTest, MeasurementsLieInTheSameFileUntouched) {
    { const Store store(file()); }
    { const ChoiceStore choices(file()); }
    EXPECT_EQ(Store(file()).count(), 0U);
}

}  // namespace
}  // namespace breakeven
