// Store: see store.h.
#include "breakeven/measure/store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "breakeven/error.h"
#include "breakeven/measure/sqlite.h"

namespace breakeven {
namespace {

using sqlite::Connection;
using sqlite::Statement;

/// "Brev": tells our file from any other SQLite file.
constexpr std::int64_t application = 0x42726576;
/// Version of the tables below. A change adds a step that converts, inside one transaction.
constexpr std::int64_t schema = 1;

constexpr const char* tables = R"(
    CREATE TABLE measurements (
        id INTEGER PRIMARY KEY,
        host TEXT NOT NULL, model_sha256 TEXT NOT NULL, platform TEXT NOT NULL, engine_version TEXT NOT NULL,
        inputs TEXT NOT NULL, slowdown REAL NOT NULL, breakeven_version TEXT NOT NULL,
        taken_s REAL NOT NULL,
        samples_s BLOB NOT NULL,  -- float64, little-endian, in order
        server_s BLOB NOT NULL,   -- the same: queue and compute of each sample, or empty
        warmup INTEGER NOT NULL, steadiness TEXT NOT NULL,
        energy_j REAL, energy_origin TEXT NOT NULL, energy_reason TEXT NOT NULL, meter TEXT NOT NULL,
        processor_s REAL, peak_bytes INTEGER NOT NULL,
        machine TEXT NOT NULL, warnings TEXT NOT NULL);
    CREATE INDEX measurements_key ON measurements (model_sha256, platform, host);
)";

constexpr const char* same_key =
    "host = ? AND model_sha256 = ? AND platform = ? AND engine_version = ? AND inputs = ? AND slowdown = ? "
    "AND breakeven_version = ?";

/// SQLite's file format, section 1.3.1.
constexpr std::string_view database_start("SQLite format 3\0", 16);

static_assert(std::endian::native == std::endian::little, "the blobs are little-endian");

void bind_key(Statement& statement, const MeasurementKey& key) {
    statement.bind(key.host).bind(key.model_sha256).bind(to_text(key.platform)).bind(key.engine_version);
    statement.bind(key.inputs).bind(key.slowdown.in(times)).bind(key.breakeven_version);
}

std::vector<double> numbers(const std::vector<Seconds>& samples) {
    std::vector<double> result;
    for (const Seconds sample : samples) result.push_back(sample.count());
    return result;
}

std::vector<double> numbers(const std::vector<ServerTimes>& server) {
    std::vector<double> result;
    for (const ServerTimes& times : server) {
        result.push_back(times.queue.count());
        result.push_back(times.compute.count());
    }
    return result;
}

[[noreturn]] void damaged(const Connection& connection, const std::string& what) {
    throw Error(ErrorKind::input, fmt::format("read the measurement store '{}'", connection.file()),
                what + ": move it away, or choose another with --store");
}

/// Times as stored: whole, finite, not negative. The file may have been written by anything.
std::vector<Seconds> times_of(const Connection& connection, std::span<const std::byte> blob) {
    if (blob.size() % sizeof(double) != 0) damaged(connection, "a series is cut off");
    std::vector<double> values(blob.size() / sizeof(double));
    if (!blob.empty()) std::memcpy(values.data(), blob.data(), blob.size());
    std::vector<Seconds> result;
    result.reserve(values.size());
    for (const double value : values) {
        if (!std::isfinite(value) || value < 0.0) damaged(connection, "a series holds what is no time");
        result.emplace_back(value);
    }
    return result;
}

EnergyReading energy_of(const Connection& connection, const Statement& row, int column) {
    if (row.is_null(column)) return EnergyReading::none(row.text(column + 2));
    for (const Origin origin : {Origin::measured, Origin::modelled, Origin::published}) {
        if (row.text(column + 1) == name(origin)) return {Figure<Joules>{joules(row.real(column)), origin}, ""};
    }
    damaged(connection, "an energy has no known origin");
}

Steadiness steadiness_of(const Connection& connection, const std::string& text) {
    for (const Steadiness each : {Steadiness::steady, Steadiness::drifting, Steadiness::too_few}) {
        if (text == name(each)) return each;
    }
    damaged(connection, "a warm-up is neither found nor missing");
}

StoredMeasurement stored(const Connection& connection, const Statement& row, const Platform& platform) {
    StoredMeasurement result;
    Measurement& measurement = result.measurement;
    measurement.platform = platform;
    result.taken = CalendarTime(Seconds(row.real(0)));
    measurement.samples = times_of(connection, row.blob(1));
    const std::vector<Seconds> server = times_of(connection, row.blob(2));
    if (!server.empty() && server.size() != 2 * measurement.samples.size()) {
        damaged(connection, "a server's times are not as many as the samples");
    }
    for (std::size_t i = 0; i + 1 < server.size(); i += 2) {
        measurement.server_times.push_back({.queue = server[i], .compute = server[i + 1]});
    }
    const std::int64_t warmup = row.integer(3);
    if (warmup < 0 || static_cast<std::uint64_t>(warmup) >= measurement.samples.size()) {
        damaged(connection, "a warm-up is longer than its series");
    }
    measurement.warmup = {static_cast<std::size_t>(warmup), steadiness_of(connection, row.text(4))};
    measurement.energy = energy_of(connection, row, 5);
    measurement.meter = row.text(8);
    if (!row.is_null(9)) measurement.processor_time = Seconds(row.real(9));
    result.peak_memory = Bytes(row.integer(10));
    result.machine = row.text(11);
    const nlohmann::json warnings = nlohmann::json::parse(row.text(12), nullptr, false);
    if (!warnings.is_array()) damaged(connection, "warnings are no list");
    for (const nlohmann::json& warning : warnings) {
        if (warning.is_string()) result.warnings.push_back(warning.get<std::string>());
    }
    summarize_steady(measurement);
    return result;
}

}  // namespace

class Store::Database final {
   public:
    explicit Database(const std::filesystem::path& file) : connection(checked(file)) {
        // With a journal of its own, a crash of the machine may lose the last measurement, never the file.
        connection.execute("PRAGMA synchronous = NORMAL");
        if (is_new()) {
            // Readers then do not wait for writers; where the file system cannot do it (some network ones), SQLite
            // goes on as it is.
            connection.try_execute("PRAGMA journal_mode = WAL");
            make_tables();
        }
        const std::int64_t found = connection.number("PRAGMA user_version");
        if (connection.number("PRAGMA application_id") != application) {
            throw Error(ErrorKind::input, fmt::format("use the measurement store '{}'", connection.file()),
                        "it is the database of another program: choose another file with --store");
        }
        if (found != schema) {
            throw Error(ErrorKind::unsupported, fmt::format("use the measurement store '{}'", connection.file()),
                        fmt::format("a {} Breakeven wrote it (schema {}, this one knows {}): use that one, or choose "
                                    "another file with --store",
                                    found > schema ? "newer" : "very old", found, schema));
        }
    }

    Connection connection;

   private:
    /// SQLite takes a file of less than a page for an empty database and would write over it.
    static const std::filesystem::path& checked(const std::filesystem::path& file) {
        std::ifstream in(file, std::ios::binary);
        std::string start(database_start.size(), '\0');
        in.read(start.data(), static_cast<std::streamsize>(start.size()));
        if (in.gcount() > 0 && start != database_start) {
            throw Error(ErrorKind::input, fmt::format("use the measurement store '{}'", file.string()),
                        "it is no measurement store, or a damaged one: move it away, or choose another with --store");
        }
        return file;
    }

    bool is_new() {
        return connection.number("PRAGMA application_id") == 0 && connection.number("PRAGMA user_version") == 0 &&
               connection.number("SELECT count(*) FROM sqlite_master") == 0;
    }

    void make_tables() {
        connection.execute("BEGIN IMMEDIATE");
        try {
            if (is_new()) {  // of several that open a new file at once, one makes the tables
                connection.execute(tables);
                connection.execute(fmt::format("PRAGMA application_id = {}", application).c_str());
                connection.execute(fmt::format("PRAGMA user_version = {}", schema).c_str());
            }
            connection.execute("COMMIT");
        } catch (const Error&) {
            connection.try_execute("ROLLBACK");
            throw;
        }
    }
};

std::string inputs_key(const std::vector<Tensor>& inputs) {
    std::vector<std::string> parts;
    for (const Tensor& tensor : inputs) {
        parts.push_back(fmt::format("{}{}", protocol_name(tensor.dtype()), to_text(tensor.shape())));
    }
    return fmt::format("{}", fmt::join(parts, "; "));
}

Store::Store(const std::filesystem::path& file) {
    std::error_code error;
    const std::filesystem::path folder = file.parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("make the folder '{}' of the measurement store", folder.string()),
                    error.message() + ": choose another place with --store");
    }
    database_ = std::make_unique<Database>(file);
}

Store::~Store() = default;

void Store::put(const MeasurementKey& key, const StoredMeasurement& kept) {
    const Measurement& measurement = kept.measurement;
    BREAKEVEN_ASSERT(measurement.latency && !measurement.failure);
    Statement insert(database_->connection,
                     "INSERT INTO measurements (host, model_sha256, platform, engine_version, inputs, slowdown, "
                     "breakeven_version, taken_s, samples_s, server_s, warmup, steadiness, energy_j, energy_origin, "
                     "energy_reason, meter, processor_s, peak_bytes, machine, warnings) "
                     "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bind_key(insert, key);
    const std::vector<double> samples = numbers(measurement.samples);
    const std::vector<double> server = numbers(measurement.server_times);
    insert.bind(kept.taken.time_since_epoch().count());
    insert.bind(std::as_bytes(std::span(samples))).bind(std::as_bytes(std::span(server)));
    insert.bind(static_cast<std::int64_t>(measurement.warmup.count));
    insert.bind(std::string(name(measurement.warmup.steadiness)));
    const auto& energy = measurement.energy.energy;
    insert.bind(energy ? std::optional(energy->value.in(joules)) : std::nullopt);
    insert.bind(energy ? std::string(name(energy->origin)) : std::string()).bind(measurement.energy.reason);
    insert.bind(measurement.meter);
    insert.bind(measurement.processor_time ? std::optional(measurement.processor_time->count()) : std::nullopt);
    insert.bind(kept.peak_memory.count()).bind(kept.machine);
    insert.bind(nlohmann::json(kept.warnings).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    insert.step();
}

std::optional<StoredMeasurement> Store::latest(const MeasurementKey& key) const {
    const std::string sql = fmt::format(
        "SELECT taken_s, samples_s, server_s, warmup, steadiness, energy_j, energy_origin, energy_reason, "
        "meter, processor_s, peak_bytes, machine, warnings FROM measurements WHERE {} "
        "ORDER BY taken_s DESC, id DESC LIMIT 1",
        same_key);
    Statement select(database_->connection, sql.c_str());
    bind_key(select, key);
    if (!select.step()) return std::nullopt;
    return stored(database_->connection, select, key.platform);
}

std::size_t Store::count() const {
    return static_cast<std::size_t>(database_->connection.number("SELECT count(*) FROM measurements"));
}

}  // namespace breakeven
