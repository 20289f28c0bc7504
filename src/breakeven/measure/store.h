// Store: measurements kept on disk (SQLite), so that an answer need not measure again what has not changed.
// Several processes may use one file at once. Nothing is ever deleted or converted behind the user's back.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/measure/measurement.h"

namespace breakeven {

/// Seconds of the calendar, for "measured two days ago"; never for timing.
using CalendarTime = std::chrono::sys_time<Seconds>;

/// How many times slower than measured the device is taken to be; 1 for the device itself.
using Slowdown = Quantity<struct SlowdownTag>;
inline constexpr Unit<Slowdown> times{1.0};

/// Everything that changes a result. Two measurements with equal keys measured the same thing.
struct MeasurementKey {
    std::string host;  ///< fingerprint() of the machine
    std::string model_sha256;
    Platform platform;  ///< engine, unit and threads
    std::string engine_version;
    std::string inputs;  ///< types and shapes: "FP32[1, 3, 224, 224]"
    Slowdown slowdown = times(1);
    std::string breakeven_version;
    friend bool operator==(const MeasurementKey&, const MeasurementKey&) = default;
};

/// "FP32[1, 3, 224, 224]; INT64[1, 128]": the key's text of these inputs.
std::string inputs_key(const std::vector<Tensor>& inputs);

/// A measurement with its circumstances. Its samples are kept, and its summaries made from them again.
struct StoredMeasurement {
    Measurement measurement;
    Bytes peak_memory;
    std::string machine;                ///< for people: to_text() of the machine
    std::vector<std::string> warnings;  ///< what was said of it then
    CalendarTime taken;
};

class Store final {
   public:
    /// Opens or creates the file and its folder. Throws Error: {unavailable} when it cannot be opened or written
    /// (folder read-only, disk full, locked for ten seconds), {input} when it is no store of ours or damaged,
    /// {unsupported} when a newer Breakeven wrote it.
    explicit Store(const std::filesystem::path& file);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Adds; earlier measurements with the same key stay. One that failed or has no steady run is our mistake.
    void put(const MeasurementKey& key, const StoredMeasurement& measurement);
    /// The newest with this key, whatever its age: the caller decides what is fresh.
    std::optional<StoredMeasurement> latest(const MeasurementKey& key) const;
    std::size_t count() const;

   private:
    class Database;
    std::unique_ptr<Database> database_;
};

}  // namespace breakeven
