// Claims that hold for every engine's runners.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "breakeven/engine/engine.h"

namespace breakeven::fakes {

/// `runner`: of linear_model(64, 8). Four threads ask it two things, and each gets its own answers.
inline void expect_threads_may_share(Runner& runner) {
    const auto answer = [&](float value) {
        const Tensor x = Tensor::of<float>(DType::float32, {1, 64}, std::vector<float>(64, value));
        const Tensor y = runner.run({&x, 1}).outputs[0];
        return std::vector<float>(y.as<float>().begin(), y.as<float>().end());
    };
    const std::vector<float> low = answer(0.1F);
    const std::vector<float> high = answer(0.9F);
    ASSERT_NE(low, high);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                if (answer(t % 2 == 0 ? 0.1F : 0.9F) != (t % 2 == 0 ? low : high)) ++wrong;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

}  // namespace breakeven::fakes
