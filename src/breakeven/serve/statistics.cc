// Statistics: see statistics.h.
#include "breakeven/serve/statistics.h"

namespace breakeven {

/// Batch sizes are a client's to choose: only so many are told apart.
constexpr std::size_t batch_sizes_max = 64;

void Statistics::succeeded(const RequestTimes& times, std::int64_t batch, std::int64_t now_ms) {
    const std::scoped_lock lock(mutex_);
    counted_.inferences += static_cast<std::uint64_t>(batch);
    ++counted_.executions;
    counted_.last_inference_ms = now_ms;
    counted_.success.add(times.queue + times.input + times.compute + times.output);
    counted_.queue.add(times.queue);
    counted_.input.add(times.input);
    counted_.compute.add(times.compute);
    counted_.output.add(times.output);
    if (counted_.batches.size() == batch_sizes_max && !counted_.batches.contains(batch)) return;
    BatchTimes& of_size = counted_.batches[batch];
    of_size.input.add(times.input);
    of_size.compute.add(times.compute);
    of_size.output.add(times.output);
}

void Statistics::failed(Seconds time, Failure failure) {
    const std::scoped_lock lock(mutex_);
    counted_.fail.add(time);
    if (failure == Failure::cancelled) counted_.cancelled.add(time);
}

StatisticsSnapshot Statistics::snapshot() const {
    const std::scoped_lock lock(mutex_);
    return counted_;
}

}  // namespace breakeven
