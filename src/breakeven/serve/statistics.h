// Statistics: what a model did since it was loaded, counted the way Triton does.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "breakeven/units/units.h"

namespace breakeven {

/// How long one request took, and where.
struct RequestTimes {
    Seconds queue{0.0};
    Seconds input{0.0};  ///< from the message to the engine's tensors
    Seconds compute{0.0};
    Seconds output{0.0};  ///< from the engine's tensors to the message
};

struct CountedTime {
    std::uint64_t count = 0;
    Seconds total{0.0};
    void add(Seconds time) {
        ++count;
        total += time;
    }
};

struct BatchTimes {
    CountedTime input, compute, output;
};

struct StatisticsSnapshot {
    std::uint64_t inferences = 0;  ///< a batch of 8 counts 8 times
    std::uint64_t executions = 0;
    std::int64_t last_inference_ms = 0;  ///< since 1970; 0: never
    CountedTime success, fail, queue, input, compute, output;
    CountedTime cancelled;  ///< of the failed: given up by the client before they reached the engine
    std::map<std::int64_t, BatchTimes> batches;
};

class Statistics final {
   public:
    void succeeded(const RequestTimes& times, std::int64_t batch, std::int64_t now_ms);
    enum class Failure { ours_or_the_requests, cancelled };
    void failed(Seconds time, Failure failure = Failure::ours_or_the_requests);
    StatisticsSnapshot snapshot() const;

   private:
    mutable std::mutex mutex_;
    StatisticsSnapshot counted_;
};

}  // namespace breakeven
