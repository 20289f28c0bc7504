// An engine that meets graphs first: before it is the reference, and at no other time.
#include "breakeven/engine/met_engine.h"

#include <gtest/gtest.h>

#include "breakeven/error.h"
#include "fakes/scripted_engine.h"

namespace breakeven {
namespace {

const Platform anywhere{"scripted", "cpu", 1};

TEST(MetEngine, MeetsWhatItLoadsAsItIsWrittenAndNothingElse) {
    auto scripted = std::make_unique<fakes::ScriptedEngine>();
    scripted->scripts["net"] = {};
    int met = 0;
    const auto engine = make_met_engine(std::move(scripted), [&](const ModelImage& model, const Platform& platform) {
        EXPECT_EQ(model.name, "net");
        EXPECT_EQ(platform, anywhere);
        ++met;
    });
    const ModelImage net{.name = "net", .bytes = {}, .path = {}, .sha256 = {}};
    EXPECT_NE(engine->load(net, anywhere, {}), nullptr);
    EXPECT_EQ(met, 0);
    EXPECT_NE(engine->load(net, anywhere, {.optimize = false}), nullptr);
    EXPECT_EQ(met, 1);
    EXPECT_EQ(engine->name(), "scripted");
}

TEST(MetEngine, WhatDoesNotSurviveIsNotLoaded) {
    auto scripted = std::make_unique<fakes::ScriptedEngine>();
    scripted->scripts["net"] = {};
    const auto engine = make_met_engine(std::move(scripted), [](const ModelImage&, const Platform&) {
        throw Error(ErrorKind::input, "load model 'net'", "the engine died on it");
    });
    EXPECT_THROW(engine->load({.name = "net", .bytes = {}, .path = {}, .sha256 = {}}, anywhere, {.optimize = false}),
                 Error);
}

}  // namespace
}  // namespace breakeven
