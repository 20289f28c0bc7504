// Execute on an engine: see execute.h.
#include "breakeven/engine/execute.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace breakeven {
namespace {

/// The samples of one call, shared by its threads.
class Together {
   public:
    Together(Runner& runner, const Samples& samples, const TakeOutputs& take)
        : runner_(runner), samples_(samples), take_(take) {}

    void run(std::size_t threads) {
        std::vector<std::thread> others;
        for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
        work();
        for (std::thread& other : others) other.join();
        if (fault_) std::rethrow_exception(fault_);
    }

   private:
    void work() {
        try {
            while (true) {
                Sample sample;
                std::size_t index = 0;
                {  // samples may be read and kept by code that knows nothing of threads
                    const std::lock_guard lock(mutex_);
                    if (fault_ || next_ == samples_.count) return;
                    index = next_++;
                    sample = samples_.at(index);
                }
                const RunResult result = runner_.run(sample);
                std::unique_lock lock(mutex_);
                turn_.wait(lock, [&] { return fault_ || taken_ == index; });
                if (fault_) return;
                take_(index, result.outputs);
                ++taken_;
                turn_.notify_all();
            }
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!fault_) fault_ = std::current_exception();
            turn_.notify_all();
        }
    }

    Runner& runner_;
    const Samples& samples_;
    const TakeOutputs& take_;
    std::mutex mutex_;
    std::condition_variable turn_;
    std::size_t next_ = 0;
    std::size_t taken_ = 0;
    std::exception_ptr fault_;
};

}  // namespace

Execute execute_on(const Engines& engines, const Platform& platform) {
    return [&engines, platform](const Model& model, const Samples& samples, const TakeOutputs& take) {
        Platform one = platform;
        std::size_t threads = 1;
        if (platform.unit == "cpu" && platform.number > 1) {
            one.number = 1;
            threads = std::min(static_cast<std::size_t>(platform.number), std::max<std::size_t>(samples.count, 1));
        }
        const auto runner = engines.load(image_of(model), one, {});
        Together(*runner, samples, take).run(threads);
    };
}

}  // namespace breakeven
