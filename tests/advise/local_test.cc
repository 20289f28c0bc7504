// The device's own platforms: an engine that is wrong, dies of the network, ends the process or fails in the middle of
// a run is told in one line, and the others go on.
#include "breakeven/advise/local.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/error.h"
#include "breakeven/measure/steady_clock.h"
#include "fakes/hasty_engine.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LocalPlatforms : public testing::Test {
   protected:
    void SetUp() override {
        folder_ = std::filesystem::path(testing::TempDir()) / "breakeven-local-test";
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
        auto made = make_onnxruntime({.libraries = {BREAKEVEN_ONNXRUNTIME_LIBRARY}});
        Engine& right = *made;
        engines_.add(std::move(made));
        engines_.add(std::make_unique<fakes::HastyEngine>(right, [this](std::span<float> answer) { change_(answer); }));
        contact_ = "echo 'breakeven: the network ran'";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    /// What is found with the right engine and the hasty one. `contact_`: what the child does for the hasty one.
    LocalMeasurements measured() {
        const std::filesystem::path program = folder_ / "program";
        std::ofstream(program) << "#!/bin/sh\ncase \"$*\" in *hasty*) " << contact_
                               << ";; *) echo 'breakeven: the network ran';; esac\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        const std::string bytes = fakes::linear_model(8, 4);
        Model model = Model::parse(bytes, "tiny");
        ModelImage image{.name = "tiny", .bytes = bytes, .path = {}, .sha256 = model.facts().sha256};
        const ModelFile file{std::move(model), std::move(image)};
        AdviseRequest request;
        request.platforms = {parse_platform("hasty:cpu:1"), parse_platform("cpu:1")};
        AdviseTools tools{.engines = engines_,
                          .clock = clock_,
                          .version = "0",
                          .contact = {.executable = program, .memory = {}, .engine_version = "", .limit = Seconds(20)},
                          .progress = [](const std::string&) {}};
        return measure_local(request, file, tools);
    }
    std::vector<std::string> names(const LocalMeasurements& found) const {
        std::vector<std::string> platforms;
        for (const LocalMeasurement& each : found.platforms) platforms.push_back(to_text(each.platform));
        return platforms;
    }
    static std::string said(const LocalMeasurements& found) {
        std::string all;
        for (const std::string& warning : found.warnings) all += warning + "\n";
        return all;
    }

    std::filesystem::path folder_;
    SteadyClock clock_;
    Engines engines_;
    std::function<void(std::span<float>)> change_ = [](std::span<float>) {};
    std::string contact_;
};

TEST_F(LocalPlatforms, ARightEngineIsMeasured) {
    EXPECT_THAT(names(measured()), testing::UnorderedElementsAre("hasty:cpu:1", "cpu:1"));
}

TEST_F(LocalPlatforms, AWrongEngineIsNot) {
    change_ = [](std::span<float> answer) { answer[0] += 0.5F; };
    const LocalMeasurements found = measured();
    EXPECT_THAT(names(found), ElementsAre("cpu:1"));
    EXPECT_THAT(said(found), HasSubstr("hasty:cpu computes something else"));
}

TEST_F(LocalPlatforms, AnEngineThatDiesOfTheNetworkOrEndsTheProcessLeavesTheOthers) {
    for (const auto& [action, words] : {std::pair{"kill -SEGV $$", "signal 11"}, std::pair{"exit 0", "ended the child"},
                                        std::pair{"exit 7", "code 7"}}) {
        contact_ = action;
        const LocalMeasurements found = measured();
        EXPECT_THAT(names(found), ElementsAre("cpu:1"));
        EXPECT_THAT(said(found), HasSubstr(words));
    }
}

TEST_F(LocalPlatforms, AnEngineThatFailsInTheMiddleOfARunLeavesTheOthers) {
    int runs = 0;
    change_ = [&](std::span<float>) {
        if (++runs > 20) throw Error(ErrorKind::input, "run the model", "the device is gone");
    };
    const LocalMeasurements found = measured();
    EXPECT_THAT(names(found), ElementsAre("cpu:1"));
    EXPECT_THAT(said(found), HasSubstr("the device is gone"));
    EXPECT_GT(runs, 20);
}

}  // namespace
}  // namespace breakeven
