// Files and models on disk: whole or not at all, and nothing outside the model's folder.
#include "breakeven/files/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "breakeven/compress/pack.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/model/sha256.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

using namespace literals;
namespace fs = std::filesystem;

class Files : public testing::Test {
   protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "breakeven-files-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        folder_ = root_ / "models";
        fs::create_directory(folder_);
    }
    void TearDown() override { fs::remove_all(root_); }

    void put(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

    std::string fault(const fs::path& path) {
        try {
            load_model(path);
            return "";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input) << error.what();
            return error.what();
        }
    }

    /// A model with 16 weights in another file.
    std::string external(const std::string& location, const std::string& offset = "0",
                         const std::string& length = "64") {
        return fakes::TinyGraph()
            .input("x", DType::float32, {1, 4})
            .output("y", DType::float32, {1, 4})
            .external("w", DType::float32, {4, 4}, {{"location", location}, {"offset", offset}, {"length", length}})
            .node("MatMul", {"x", "w"}, {"y"})
            .model();
    }

    fs::path root_;
    fs::path folder_;
};

TEST_F(Files, AreReadUpToALimit) {
    put(folder_ / "a", "hello");
    EXPECT_EQ(read_file(folder_ / "a", 5_B), "hello");
    EXPECT_THROW(read_file(folder_ / "a", 4_B), Error);
    EXPECT_THROW(read_file(folder_ / "missing", 4_B), Error);
    EXPECT_THROW(read_file(folder_, 4_B), Error);
    EXPECT_THROW(read_file("/dev/zero", 4_B), Error);
}

TEST_F(Files, APipeIsRefusedAndNotWaitedFor) {
    ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
    EXPECT_THROW(read_file(folder_ / "pipe", 4_B), Error);
}

TEST_F(Files, AreWrittenWholeAndLeaveNothingBehind) {
    write_file(folder_ / "a", "first");
    write_file(folder_ / "a", "second");
    EXPECT_EQ(read_file(folder_ / "a", 1_kB), "second");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    EXPECT_EQ(static_cast<mode_t>(fs::status(folder_ / "a").permissions()), 0666U & ~mask);
}

TEST_F(Files, WritingThroughALinkKeepsTheLink) {
    put(folder_ / "real", "old");
    fs::create_symlink(folder_ / "real", folder_ / "link");
    write_file(folder_ / "link", "new");
    EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
    EXPECT_EQ(read_file(folder_ / "real", 1_kB), "new");
}

ErrorKind write_fault(const fs::path& path) {
    try {
        write_file(path, "bytes");
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

TEST_F(Files, AFullDiskIsUnavailableAndABadPathIsUsage) {
    EXPECT_EQ(write_fault("/dev/full"), ErrorKind::unavailable);
    EXPECT_EQ(write_fault(folder_ / "no" / "folder"), ErrorKind::usage);
    EXPECT_EQ(write_fault(folder_), ErrorKind::usage);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 0);
}

TEST_F(Files, AModelIsNamedAfterItsFileAndKnownByItsBytes) {
    const std::string bytes = fakes::linear_model(8, 5);
    put(folder_ / "small.onnx", bytes);
    const ModelFile file = load_model(folder_ / "small.onnx");
    EXPECT_EQ(file.image.name, "small");
    EXPECT_EQ(file.image.bytes, bytes);
    EXPECT_EQ(file.image.sha256, sha256(bytes));
    EXPECT_EQ(file.model.facts().sha256, sha256(bytes));
    EXPECT_TRUE(file.image.path.empty()) << "nothing beside it is needed";
}

TEST(Sha256, EqualsTheStandardsExample) {  // FIPS 180-2, appendix B.1
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Files, WeightsBesideTheModelAreFound) {
    put(folder_ / "m.onnx", external("sub/w.bin"));
    EXPECT_NE(fault(folder_ / "m.onnx").find("sub/w.bin"), std::string::npos) << "the missing file is named";
    fs::create_directory(folder_ / "sub");
    put(folder_ / "sub/w.bin", std::string(64, 'w'));
    const ModelFile file = load_model(folder_ / "m.onnx");
    EXPECT_EQ(file.image.path, fs::canonical(folder_) / "m.onnx");
    EXPECT_EQ(file.model.facts().parameters, 16);
}

TEST_F(Files, ABareFileNameMeansThisFolder) {
    put(folder_ / "m.onnx", external("w.bin"));
    put(folder_ / "w.bin", std::string(64, 'w'));
    const fs::path before = fs::current_path();
    fs::current_path(folder_);
    EXPECT_EQ(fault("m.onnx"), "");
    fs::current_path(before);
}

TEST_F(Files, WeightsMustHaveAllTheirBytes) {
    put(folder_ / "w.bin", std::string(64, 'w'));
    put(folder_ / "m.onnx", external("w.bin", "4"));
    EXPECT_NE(fault(folder_ / "m.onnx").find("cut short"), std::string::npos);
    put(folder_ / "m.onnx", external("w.bin", "9223372036854775807"));
    EXPECT_NE(fault(folder_ / "m.onnx"), "");
    put(folder_ / "m.onnx", external("w.bin", "-4"));
    EXPECT_NE(fault(folder_ / "m.onnx"), "");
    put(folder_ / "m.onnx", external("w.bin", "0", "60"));
    EXPECT_NE(fault(folder_ / "m.onnx").find("needs 64 bytes"), std::string::npos);
    put(folder_ / "m.onnx", external("w.bin", "0", "64"));
    EXPECT_EQ(fault(folder_ / "m.onnx"), "");
}

TEST_F(Files, WeightsMustNotLeaveTheModelsFolder) {
    put(root_ / "secret.bin", std::string(64, 's'));
    fs::create_directory(root_ / "models2");
    put(root_ / "models2/w.bin", std::string(64, 's'));
    fs::create_symlink(root_ / "secret.bin", folder_ / "link.bin");
    fs::create_directory_symlink(root_, folder_ / "up");
    for (const std::string& location :
         {std::string("../secret.bin"), (root_ / "secret.bin").string(), std::string("link.bin"),
          std::string("up/secret.bin"), std::string("sub/../../secret.bin"), std::string("../models2/w.bin"),
          std::string("w.bin\0/x", 8), std::string(".")}) {
        put(folder_ / "m.onnx", external(location));
        EXPECT_NE(fault(folder_ / "m.onnx"), "") << location;
    }
}

TEST_F(Files, APackedModelLoadsAsTheModelItWas) {
    const std::string model = fakes::linear_model(40, 30);
    const std::string packed = pack(model).bytes;
    put(folder_ / "m.bkv", packed);
    put(folder_ / "named_like_a_model.onnx", packed);
    for (const char* const file : {"m.bkv", "named_like_a_model.onnx"}) {
        const ModelFile loaded = load_model(folder_ / file);
        EXPECT_EQ(loaded.image.bytes, model);
        EXPECT_EQ(loaded.image.sha256, sha256(model));
        EXPECT_TRUE(loaded.image.path.empty());
    }
    EXPECT_EQ(load_model(folder_ / "m.bkv").image.name, "m");
    put(folder_ / "m.bkv", packed.substr(0, packed.size() / 2));
    EXPECT_EQ(fault(folder_ / "m.bkv"), "load model 'm': it ends too early; was it cut short?");
}

TEST_F(Files, APackedModelHasItsWeightsInside) {
    put(folder_ / "w.bin", std::string(64, 'w'));
    put(folder_ / "m.bkv", pack(external("w.bin")).bytes);
    EXPECT_NE(fault(folder_ / "m.bkv").find("packed, but its weights"), std::string::npos);
}

TEST_F(Files, AModelThatNeedsMoreMemoryThanThereIsIsRefused) {
    const Shape huge{1 << 20, 1 << 20, 16};  // 64 TiB
    put(folder_ / "m.onnx", fakes::TinyGraph()
                                .input("x", DType::float32, {1, 4})
                                .output("y", DType::float32, {1, 4})
                                .external("w", DType::float32, huge, {{"location", "w.bin"}})
                                .node("Relu", {"x"}, {"y"})
                                .model());
    std::ofstream(folder_ / "w.bin").put('w');
    std::error_code error;
    fs::resize_file(folder_ / "w.bin", std::uintmax_t{1} << 46U, error);
    const std::string said = fault(folder_ / "m.onnx");
    EXPECT_NE(said.find(error ? "cut short" : "memory"), std::string::npos) << said;
}

TEST(MemoryLimit, IsMoreThanNothing) {
    EXPECT_GT(memory_limit(), 1_MiB);
}

}  // namespace
}  // namespace breakeven
