// Execute on an engine: samples run side by side, their outputs come in order, and whatever goes wrong ends it once.
#include "breakeven/engine/execute.h"

#include <gtest/gtest.h>

#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

#include "fakes/scripted_engine.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

struct World {
    Engines engines;
    fakes::ScriptedEngine* engine = nullptr;
    Model model = Model::parse(fakes::linear_model(1, 1), "linear");
    std::mutex mutex;
    std::set<std::thread::id> threads;  ///< that ran it

    explicit World(std::function<void(float)> during = [](float) {}) {
        auto made = std::make_unique<fakes::ScriptedEngine>();
        engine = made.get();
        auto script = fakes::identity({{.name = "x", .dtype = DType::float32, .shape = {1}}});
        script.run = [this, during](std::span<const Tensor> inputs) {
            {
                const std::lock_guard lock(mutex);
                threads.insert(std::this_thread::get_id());
            }
            during(inputs[0].as<float>()[0]);
            return std::vector<Tensor>(inputs.begin(), inputs.end());
        };
        engine->scripts[model.name()] = script;
        engines.add(std::move(made));
    }

    Execute execute(int number) const { return execute_on(engines, {"scripted", "cpu", number}); }
};

Samples numbers(std::size_t count) {
    return {.count = count, .at = [](std::size_t index) {
                Tensor tensor(DType::float32, {1});
                tensor.mutable_as<float>()[0] = static_cast<float>(index);
                return Sample{tensor};
            }};
}

TEST(ExecuteOn, HandsOverEachSamplesOutputsOnceAndInOrder) {
    for (const int threads : {1, 2, 7}) {
        World world;
        std::vector<std::size_t> taken;
        world.execute(threads)(world.model, numbers(50), [&](std::size_t index, std::span<const Tensor> outputs) {
            EXPECT_EQ(outputs[0].as<float>()[0], static_cast<float>(index));
            taken.push_back(index);
        });
        std::vector<std::size_t> wanted(50);
        std::iota(wanted.begin(), wanted.end(), 0U);
        EXPECT_EQ(taken, wanted);
        EXPECT_LE(world.threads.size(), static_cast<std::size_t>(threads));
    }
}

TEST(ExecuteOn, DoesNothingWithoutSamples) {
    World world;
    world.execute(2)(world.model, numbers(0), [](std::size_t, std::span<const Tensor>) { FAIL(); });
    EXPECT_EQ(world.engine->runs, 0);
}

TEST(ExecuteOn, EndsWithWhatWentWrongWhereverItDid) {
    const auto broken = [](float value) {
        if (value == 5.0F) throw Error(ErrorKind::input, "run", "the fifth");
    };
    for (const int threads : {1, 3}) {
        World running(broken);
        std::size_t taken = 0;
        EXPECT_THROW(running.execute(threads)(running.model, numbers(20),
                                              [&](std::size_t, std::span<const Tensor>) { ++taken; }),
                     Error);
        EXPECT_LE(taken, 5U);

        World taking;
        EXPECT_THROW(taking.execute(threads)(taking.model, numbers(20),
                                             [](std::size_t index, std::span<const Tensor>) {
                                                 if (index == 3) throw std::runtime_error("stopped");
                                             }),
                     std::runtime_error);
        EXPECT_LE(taking.engine->runs, 4 + threads);

        World reading;
        Samples unreadable = numbers(20);
        unreadable.at = [](std::size_t) -> Sample { throw Error(ErrorKind::input, "read", "no such file"); };
        EXPECT_THROW(reading.execute(threads)(reading.model, unreadable, [](std::size_t, std::span<const Tensor>) {}),
                     Error);
    }
}

}  // namespace
}  // namespace breakeven
