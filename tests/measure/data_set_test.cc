// DataSet: which samples calibrate, which are judged on, and that no sample does both.
#include "breakeven/measure/data_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace breakeven {
namespace {

namespace fs = std::filesystem;

/// A folder of `count` one-number samples, each its own number, sorted by class.
class Folder {
   public:
    explicit Folder(int count) : path_(fs::temp_directory_path() / ("data-set-" + std::to_string(::getpid()))) {
        fs::create_directories(path_);
        std::ofstream labels(path_ / "labels.csv");
        labels << "file,label\n";
        for (int i = 0; i < count; ++i) {
            const std::string name = "s" + std::to_string(100 + i) + ".bin";
            const float value = static_cast<float>(i);
            std::ofstream(path_ / name, std::ios::binary).write(reinterpret_cast<const char*>(&value), sizeof(value));
            labels << name << "," << i / 10 << "\n";
        }
    }
    ~Folder() { fs::remove_all(path_); }
    const fs::path& path() const { return path_; }

   private:
    fs::path path_;
};

std::vector<float> numbers(const DataSet& data) {
    std::vector<float> found;
    for (std::size_t i = 0; i < data.size(); ++i) {
        found.push_back(data.input(i, {.name = "x", .dtype = DType::float32, .shape = {1, 1}}).as<float>()[0]);
    }
    return found;
}

TEST(DataSet, AFewSamplesAreSpreadOverTheWholeFolder) {
    const Folder folder(40);
    const DataSet data(folder.path(), {});
    EXPECT_EQ(data.size(), 40U);
    EXPECT_THAT(numbers(data.limited(4)), testing::ElementsAre(0, 10, 20, 30));
    EXPECT_EQ(data.limited(0).size(), 40U);
    EXPECT_EQ(data.limited(99).size(), 40U);
}

TEST(DataSet, WhatCalibratedIsNotJudgedOn) {
    const Folder folder(40);
    const DataSet all(folder.path(), {});
    const DataSet some = all.limited(7);
    const DataSet rest = all.without(some);
    EXPECT_EQ(rest.size(), 33U);
    for (const float number : numbers(some)) EXPECT_THAT(numbers(rest), testing::Not(testing::Contains(number)));
    EXPECT_EQ(all.without(all).size(), 0U);
}

TEST(DataSet, LabelsGoWithTheirSamplesUnlessTheyMeanNothing) {
    const Folder folder(40);
    const DataSet data = DataSet(folder.path(), {}).limited(4);
    EXPECT_THAT(data.task(5, DataSet::Labels::used).labels, testing::ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(data.task(5, DataSet::Labels::left_out).labels, testing::Each(std::nullopt));
}

}  // namespace
}  // namespace breakeven
