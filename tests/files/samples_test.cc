// Samples: labels.csv is read strictly, files stay in their folder, and every kind of file becomes the same input.
#include "breakeven/files/samples.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <fstream>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/tensor/npy.h"
#include "fakes/shared_data.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

std::string refusal(const auto& call) {
    try {
        (void)call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

std::string label_refusal(const std::string& text) {
    return refusal([&] { return parse_labels(text, "'labels.csv'"); });
}

class Samples : public testing::Test {
   protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("breakeven-samples-" + std::to_string(getpid()) + "-" +
                                               testing::UnitTest::GetInstance()->current_test_info()->name());
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    void put(const std::string& name, const std::string& content) { std::ofstream(folder_ / name) << content; }

    fs::path folder_;
    const TensorSpec pair_{.name = "x", .dtype = DType::float32, .shape = {-1, 2}};
};

const std::vector<float> one_and_two{1, 2};
std::string raw_pair() {
    return {reinterpret_cast<const char*>(one_and_two.data()), 8};
}

TEST(Labels, RowsInOrder) {
    EXPECT_EQ(parse_labels("file,label\na.png,3\nb/c.png,0\n", "x"),
              (std::vector<SampleFile>{{.file = "a.png", .label = 3}, {.file = "b/c.png", .label = 0}}));
}

TEST(Labels, SpreadsheetsHabitsAreFine) {
    EXPECT_EQ(parse_labels("\xef\xbb\xbf"
                           "file,label\r\n\"a,\"\"b\"\".png\",3\r\n\r\n",
                           "x"),
              (std::vector<SampleFile>{{.file = "a,\"b\".png", .label = 3}}));
}

TEST(Labels, MalformedRowsAreNamedByTheirLine) {
    for (const char* row : {"a.png", "a.png,1,2", "a.png,", "a.png,one", "a.png,-1", "a.png,1.5", "a.png, 1", ",1",
                            "\"a.png,1", "a.png,99999999999999999999"}) {
        EXPECT_NE(label_refusal(std::string("file,label\nok.png,1\n") + row).find("line 3"), std::string::npos) << row;
    }
    EXPECT_NE(label_refusal("name,class\na,1").find("line 1"), std::string::npos);
}

TEST(Labels, FilesOutsideTheFolderAreRefused) {
    for (const char* file : {"/etc/passwd", "../a.png", "a/../../b.png", ".."}) {
        EXPECT_NE(label_refusal(std::string("file,label\n") + file + ",1\n").find("inside the folder"),
                  std::string::npos)
            << file;
    }
}

RC_GTEST_PROP(Labels, AnyTextIsReadOrRefused, (const std::string& text)) {
    (void)label_refusal(text);
    (void)label_refusal("file,label\n" + text);
}

TEST_F(Samples, ReadsLabelsAndPreprocessing) {
    put("labels.csv", "file,label\na.bin,1\n");
    put("preprocess.json", R"({"label_offset": 1})");
    const SampleFolder read = read_sample_folder(folder_);
    EXPECT_TRUE(read.labelled);
    EXPECT_EQ(read.samples.size(), 1U);
    ASSERT_TRUE(read.preprocess.has_value());
    EXPECT_EQ(read.preprocess->label_offset, 1);
}

TEST_F(Samples, WithoutLabelsTheFilesAreTakenByName) {
    for (const char* name : {"b.PNG", "a.bin", "notes.txt"}) put(name, "x");
    const SampleFolder read = read_sample_folder(folder_);
    EXPECT_FALSE(read.labelled);
    EXPECT_EQ(read.samples, (std::vector<SampleFile>{{.file = "a.bin", .label = {}}, {.file = "b.PNG", .label = {}}}));
}

TEST_F(Samples, FoldersWithNothingInThemAreRefused) {
    EXPECT_NE(refusal([&] { return read_sample_folder(folder_); }), "");
    EXPECT_NE(refusal([&] { return read_sample_folder(folder_ / "absent"); }), "");
    put("labels.csv", "file,label\n");
    EXPECT_NE(refusal([&] { return read_sample_folder(folder_); }).find("no rows"), std::string::npos);
}

TEST_F(Samples, RawAndArrayFilesGiveTheSameInput) {
    put("a.bin", raw_pair());
    put("a.npy", to_npy(Tensor::of<float>(DType::float32, {2}, one_and_two)));
    put("b.npy", to_npy(Tensor::of<float>(DType::float32, {1, 2}, one_and_two)));
    const SampleFolder read = read_sample_folder(folder_);
    ASSERT_EQ(read.samples.size(), 3U);
    for (const SampleFile& sample : read.samples) {
        const Tensor input = read_sample(read, sample, pair_, {});
        EXPECT_EQ(input.shape(), (Shape{1, 2})) << sample.file;
        EXPECT_EQ(input.as<float>()[1], 2.0F) << sample.file;
    }
}

TEST_F(Samples, ALinkOutOfTheFolderIsRefused) {
    const fs::path inside = folder_ / "inside";
    fs::create_directory(inside);
    put("secret.bin", raw_pair());
    fs::create_symlink("../secret.bin", inside / "a.bin");
    const SampleFolder read{
        .folder = inside, .samples = {{.file = "a.bin", .label = {}}}, .labelled = false, .preprocess = {}};
    EXPECT_NE(refusal([&] { return read_sample(read, read.samples[0], pair_, {}); }).find("leads out"),
              std::string::npos);
}

TEST_F(Samples, ErrorsNameTheFile) {
    put("a.bin", "123");
    put("b.jpg", "no picture");
    for (const char* name : {"a.bin", "b.jpg", "absent.png"}) {
        const SampleFolder read{
            .folder = folder_, .samples = {{.file = name, .label = {}}}, .labelled = false, .preprocess = {}};
        EXPECT_NE(refusal([&] { return read_sample(read, read.samples[0], pair_, {}); }).find(name), std::string::npos);
    }
}

TEST_F(Samples, ClassNamesComeOneALine) {
    put("names.txt", "tench\r\ngoldfish\n\nshark");
    EXPECT_EQ(read_class_names(folder_ / "names.txt"), (std::vector<std::string>{"tench", "goldfish", "", "shark"}));
}

TEST(SharedSamples, RealFoldersAreReadWhole) {
    BREAKEVEN_NEEDS_SHARED_DATA();
    const fs::path data = fakes::shared_data();
    EXPECT_EQ(read_sample_folder(data / "images/imagenet-500").samples.size(), 500U);
    EXPECT_EQ(read_sample_folder(data / "images/cifar10-jpeg-2000").samples.size(), 2000U);
    EXPECT_EQ(read_sample_folder(data / "audio/kws01-500").samples.size(), 500U);
    const SampleFolder digits = read_sample_folder(data / "images/mnist-1000");
    const TensorSpec spec{.name = "Input3", .dtype = DType::float32, .shape = {1, 1, 28, 28}};
    EXPECT_EQ(read_sample(digits, digits.samples[0], spec, {}).shape(), (Shape{1, 1, 28, 28}));
}

}  // namespace
}  // namespace breakeven
