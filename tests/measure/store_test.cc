// Store: what goes in comes out, a key that differs anywhere finds nothing, and a bad file is told from a good one.
#include "breakeven/measure/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "breakeven/time/random.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

class StoreTest : public testing::Test {
   protected:
    StoreTest() {
        std::string name = (std::filesystem::temp_directory_path() / "breakeven-store-XXXXXX").string();
        folder = mkdtemp(name.data());
        file = folder / "new/measurements.sqlite";
    }
    ~StoreTest() override { std::filesystem::remove_all(folder); }

    /// SQL from outside, as another program or version would do it.
    void change(const std::string& sql) const {
        sqlite3* handle = nullptr;
        ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
        sqlite3_close(handle);
    }

    std::filesystem::path folder;
    std::filesystem::path file;
};

MeasurementKey a_key() {
    return {.host = "lab | EPYC",
            .model_sha256 = "abc",
            .platform = {"onnxruntime", "cpu", 2},
            .engine_version = "1.31.1",
            .inputs = "FP32[1, 3, 224, 224]",
            .slowdown = times(1),
            .breakeven_version = "0.1.0"};
}

StoredMeasurement a_measurement(double level = 0.01) {
    StoredMeasurement stored;
    Random random(5);
    for (int i = 0; i < 100; ++i) {
        stored.measurement.samples.emplace_back(level * (1 + 0.1 * random.uniform()));
        stored.measurement.server_times.push_back({.queue = 1_ms, .compute = Seconds(0.004 * random.uniform())});
    }
    stored.measurement.platform = a_key().platform;
    stored.measurement.warmup = {10, Steadiness::steady};
    stored.measurement.energy = {Figure<Joules>{joules(0.05), Origin::modelled}, ""};
    stored.measurement.meter = "powers";
    stored.measurement.processor_time = 20_ms;
    summarize_steady(stored.measurement);
    stored.peak_memory = 100_MiB;
    stored.machine = "lab (AMD EPYC)";
    stored.warnings = {"noisy \"neighbour\""};
    stored.taken = CalendarTime(Seconds(1.8e9));
    return stored;
}

/// The error that an action ends in; a failure of the test when it does not.
Error error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorKind::internal, "", ""};
}

TEST_F(StoreTest, WhatGoesInComesOutToTheLastDigit) {
    const StoredMeasurement in = a_measurement();
    Store(file).put(a_key(), in);
    const StoredMeasurement out = *Store(file).latest(a_key());
    EXPECT_EQ(out.measurement.samples, in.measurement.samples);
    EXPECT_EQ(out.measurement.latency, in.measurement.latency);
    EXPECT_EQ(out.measurement.warmup, in.measurement.warmup);
    EXPECT_EQ(out.measurement.platform, in.measurement.platform);
    EXPECT_EQ(out.measurement.server->network, in.measurement.server->network);
    EXPECT_EQ(out.measurement.server->compute, in.measurement.server->compute);
    EXPECT_EQ(out.measurement.energy, in.measurement.energy);
    EXPECT_EQ(out.measurement.meter, in.measurement.meter);
    EXPECT_EQ(out.measurement.processor_time, in.measurement.processor_time);
    EXPECT_EQ(out.peak_memory, in.peak_memory);
    EXPECT_EQ(out.machine, in.machine);
    EXPECT_EQ(out.warnings, in.warnings);
    EXPECT_EQ(out.taken, in.taken);
}

TEST_F(StoreTest, KeepsTheReasonWhereThereIsNoEnergy) {
    StoredMeasurement in = a_measurement();
    in.measurement.energy = EnergyReading::none("no powers given");
    in.measurement.server_times.clear();
    summarize_steady(in.measurement);
    Store store(file);
    store.put(a_key(), in);
    EXPECT_EQ(store.latest(a_key())->measurement.energy, in.measurement.energy);
    EXPECT_FALSE(store.latest(a_key())->measurement.server.has_value());
}

TEST_F(StoreTest, AKeyThatDiffersAnywhereFindsNothing) {
    Store store(file);
    store.put(a_key(), a_measurement());
    const std::vector<std::function<void(MeasurementKey&)>> changes{
        [](MeasurementKey& key) { key.host = "other"; },
        [](MeasurementKey& key) { key.model_sha256 = "abd"; },
        [](MeasurementKey& key) { key.platform.number = 1; },
        [](MeasurementKey& key) { key.platform.engine = "openvino"; },
        [](MeasurementKey& key) { key.engine_version = "1.30.0"; },
        [](MeasurementKey& key) { key.inputs = "FP32[2, 3, 224, 224]"; },
        [](MeasurementKey& key) { key.slowdown = times(4); },
        [](MeasurementKey& key) { key.breakeven_version = "0.2.0"; },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        MeasurementKey key = a_key();
        changes[i](key);
        EXPECT_FALSE(store.latest(key).has_value()) << "change " << i;
    }
    EXPECT_TRUE(store.latest(a_key()).has_value());
}

TEST_F(StoreTest, TheNewestIsFoundAndTheOlderKept) {
    Store store(file);
    StoredMeasurement newer = a_measurement(0.02);
    newer.taken += 10_s;
    store.put(a_key(), newer);
    store.put(a_key(), a_measurement(0.01));  // written later, taken earlier
    EXPECT_EQ(store.latest(a_key())->taken, newer.taken);
    EXPECT_EQ(store.count(), 2U);
}

TEST_F(StoreTest, HostileTextIsOnlyText) {
    MeasurementKey key = a_key();
    key.host = "'; DROP TABLE measurements; --";
    Store store(file);
    store.put(key, a_measurement());
    EXPECT_TRUE(store.latest(key).has_value());
    EXPECT_EQ(store.count(), 1U);
}

TEST_F(StoreTest, InputsKeyTellsTypesAndShapes) {
    EXPECT_EQ(inputs_key({Tensor(DType::float32, {1, 3}), Tensor(DType::int64, {2})}), "FP32[1, 3]; INT64[2]");
    EXPECT_EQ(inputs_key({}), "");
}

TEST_F(StoreTest, SeveralProcessesWriteAtOnce) {
    constexpr int writers = 3;
    constexpr int each = 20;
    std::vector<pid_t> children;
    for (int i = 0; i < writers; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {  // also all of them make the file
            try {
                Store store(file);
                for (int k = 0; k < each; ++k) store.put(a_key(), a_measurement());
                _exit(0);
            } catch (...) {
                _exit(1);
            }
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = -1;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(Store(file).count(), static_cast<std::size_t>(writers * each));
}

TEST_F(StoreTest, SeveralThreadsWithTheirOwnStoreWriteAtOnce) {
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            try {
                Store store(file);
                for (int k = 0; k < 10; ++k) store.put(a_key(), a_measurement());
            } catch (const Error&) {
                ++failures;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(Store(file).count(), 40U);
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsLeftAlone) {
    std::filesystem::create_directories(file.parent_path());
    const std::string text = "These are my notes, and there are enough of them to look like a database's first page.\n";
    std::string notes;
    while (notes.size() < 8192) notes += text;
    std::ofstream(file) << notes;
    const Error error = error_of([&] { Store store(file); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr(file.string()));
    EXPECT_THAT(error.what(), HasSubstr("--store"));
    std::ifstream again(file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(again), {}), notes);
}

TEST_F(StoreTest, AShortFileThatIsNoDatabaseIsLeftAlone) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "hello";
    EXPECT_EQ(error_of([&] { Store store(file); }).kind(), ErrorKind::input);
    EXPECT_EQ(std::filesystem::file_size(file), 5U);
}

TEST_F(StoreTest, AnotherProgramsDatabaseIsLeftAlone) {
    std::filesystem::create_directories(file.parent_path());
    change("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    EXPECT_EQ(error_of([&] { Store store(file); }).kind(), ErrorKind::input);
    change("SELECT a FROM mine");
}

TEST_F(StoreTest, ANewerStoreIsLeftAloneAndNamed) {
    Store(file).put(a_key(), a_measurement());
    change("PRAGMA user_version = 99");
    const Error error = error_of([&] { Store store(file); });
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_THAT(error.what(), HasSubstr("schema 99"));
    change("PRAGMA user_version = 1");
    EXPECT_EQ(Store(file).count(), 1U) << "nothing was lost";
}

TEST_F(StoreTest, ATruncatedFileIsAnErrorAtWhateverLength) {
    {
        Store store(file);
        for (int i = 0; i < 30; ++i) store.put(a_key(), a_measurement());
    }
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(file));
    const std::filesystem::path whole = folder / "whole";
    std::filesystem::copy_file(file, whole);
    for (std::int64_t cut = 1; cut < size; cut += size / 17) {
        std::filesystem::copy_file(whole, file, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(file, static_cast<std::uintmax_t>(cut));
        const Error error = error_of([&] {
            Store store(file);
            for (int i = 0; i < 3; ++i) store.latest(a_key());
            if (store.count() == 30) store.put(a_key(), a_measurement());
        });
        EXPECT_EQ(error.kind(), ErrorKind::input) << "cut to " << cut << ": " << error.what();
        std::filesystem::remove(file.string() + "-wal");
        std::filesystem::remove(file.string() + "-shm");
    }
}

TEST_F(StoreTest, ValuesThatMakeNoSenseAreAnErrorNotAnAnswer) {
    const std::vector<std::string> damages{
        "samples_s = x'00'",
        "samples_s = x'000000000000f87f'",  // NaN
        "samples_s = x'000000000000f0bf'",  // -1
        "samples_s = x''",
        "warmup = -1",
        "warmup = 100",
        "warmup = 9223372036854775807",
        "server_s = x'0000000000000000'",
        "steadiness = 'perhaps'",
        "energy_origin = 'guessed'",
        "warnings = '{'",
    };
    for (const std::string& damage : damages) {
        std::filesystem::remove_all(file.parent_path());
        Store(file).put(a_key(), a_measurement());
        change("UPDATE measurements SET " + damage);
        const Error error = error_of([&] { Store(file).latest(a_key()); });
        EXPECT_EQ(error.kind(), ErrorKind::input) << damage;
    }
}

TEST_F(StoreTest, AFolderThatCannotBeWrittenIsNamed) {
    const Error error = error_of([] { Store store("/proc/breakeven/measurements.sqlite"); });
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("/proc/breakeven"));
    std::ofstream(folder / "a-file") << "x";
    EXPECT_EQ(error_of([&] { Store store(folder / "a-file/store.sqlite"); }).kind(), ErrorKind::unavailable);
    std::filesystem::create_directories(folder / "a-folder");
    EXPECT_EQ(error_of([&] { Store store(folder / "a-folder"); }).kind(), ErrorKind::unavailable);
}

TEST_F(StoreTest, AFullDiskIsAnErrorAndLosesNothing) {
    Store store(file);
    store.put(a_key(), a_measurement());
    // A limit on the size of files stands for the full disk: writes fail in the same place.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 64 * 1024;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    const Error error = error_of([&] {
        for (int i = 0; i < 100; ++i) store.put(a_key(), a_measurement());
    });
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("make room"));
    EXPECT_GE(store.count(), 1U);
    EXPECT_NO_THROW(store.put(a_key(), a_measurement())) << "with room again it goes on";
}

}  // namespace
}  // namespace breakeven
