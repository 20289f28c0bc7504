// Repository folders: what is found, what must not be served, and that a name never becomes a path.
#include "breakeven/serve/layout.h"

#include <gtest/gtest.h>

#include <fstream>

#include "breakeven/error.h"
#include "breakeven/serve/repository.h"
#include "fakes/scripted_engine.h"
#include "serve/folder.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;
using fakes::Folder;

std::string listed(const std::vector<Candidate>& candidates) {
    std::string text;
    for (const Candidate& candidate : candidates) {
        text += candidate.name + " " + std::to_string(candidate.version) + " " +
                (candidate.problem.empty() ? "good" : candidate.problem) + "\n";
    }
    return text;
}

TEST(Layout, FindsVersionsAndLooseFiles) {
    const Folder folder;
    folder.write("net/1/model.onnx");
    folder.write("net/12/model.onnx");
    folder.write("loose.onnx");
    folder.write("notes.txt");
    folder.write(".hidden.onnx");
    folder.write("net/config.pbtxt");
    EXPECT_EQ(listed(find_models(folder.path)), "loose 1 good\nnet 1 good\nnet 12 good\n");
}

TEST(Layout, FindsPackedModels) {
    const Folder folder;
    folder.write("net/1/model.bkv");
    folder.write("net/2/model.onnx");
    folder.write("net/2/model.bkv");
    folder.write("loose.bkv");
    const auto found = find_models(folder.path);
    EXPECT_EQ(listed(found), "loose 1 good\nnet 1 good\nnet 2 good\n");
    EXPECT_EQ(found[1].file.filename(), "model.bkv");
    EXPECT_EQ(found[2].file.filename(), "model.onnx");
}

TEST(Layout, FindsTfliteFiles) {
    const Folder folder;
    folder.write("net/1/model.tflite");
    folder.write("net/2/model.tflite");
    folder.write("net/2/model.onnx");
    folder.write("loose.tflite");
    const auto found = find_models(folder.path);
    EXPECT_EQ(listed(found), "loose 1 good\nnet 1 good\nnet 2 good\n");
    EXPECT_EQ(found[1].file.filename(), "model.tflite");
    EXPECT_EQ(found[2].file.filename(), "model.onnx");
}

TEST(Layout, SaysWhatIsWrongWithTheRest) {
    const Folder folder;
    folder.write("empty/readme");
    folder.write("half/1/other.onnx");
    folder.write("odd/01/model.onnx");
    folder.write("odd/-1/model.onnx");
    EXPECT_EQ(listed(find_models(folder.path)),
              "empty 1 there is no empty/VERSION/model.onnx with a number as VERSION\n"
              "half 1 it cannot be read: No such file or directory\n"
              "odd 1 there is no odd/VERSION/model.onnx with a number as VERSION\n");
}

TEST(Layout, TwoModelsOfOneNameAreNotMixed) {
    const Folder folder;
    folder.write("net/1/model.onnx");
    folder.write("net.onnx");
    const auto found = find_models(folder.path);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_NE(found[0].problem.empty(), found[1].problem.empty());
}

TEST(Layout, ALinkThatLeavesTheFolderIsNotFollowed) {
    const Folder outside, folder;
    outside.write("secret.onnx");
    fs::create_symlink(outside.path / "secret.onnx", folder.path / "leak.onnx");
    fs::create_directories(folder.path / "net");
    fs::create_directory_symlink(outside.path, folder.path / "net" / "1");
    fs::create_directory_symlink("/", folder.path / "root");
    folder.write("inside.onnx");
    fs::create_symlink("inside.onnx", folder.path / "alias.onnx");
    const std::string text = listed(find_models(folder.path));
    EXPECT_NE(text.find("alias 1 good\n"), std::string::npos) << text;
    EXPECT_NE(text.find("leak 1 it is a link that leaves the repository\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("net 1 good"), std::string::npos) << text;
    EXPECT_EQ(text.find("root 1 good"), std::string::npos) << text;
}

TEST(Layout, AFolderWhoseNameOnlyBeginsAlikeIsOutside) {
    const Folder parent;
    parent.write("repo/a.onnx");
    parent.write("repo-secret/b.onnx");
    fs::create_symlink(parent.path / "repo-secret" / "b.onnx", parent.path / "repo" / "b.onnx");
    EXPECT_EQ(listed(find_models(parent.path / "repo")), "a 1 good\nb 1 it is a link that leaves the repository\n");
}

TEST(Layout, WithoutAFolderThereIsAnError) {
    const Folder folder;
    folder.write("file");
    EXPECT_THROW(find_models(folder.path / "missing"), Error);
    EXPECT_THROW(find_models(folder.path / "file"), Error);
}

/// A repository of scripted models whose files say nothing.
struct Shelf {
    explicit Shelf(RepositoryOptions options = {}) {
        for (const char* name : {"a", "b"}) engine.scripts[name] = fakes::identity({{"x", DType::uint8, {-1}}});
        repository = std::make_unique<Repository>(
            engine,
            [](const fs::path& file) {
                const std::string parent = file.parent_path().parent_path().filename().string();
                std::ifstream in(file);
                return ModelImage{file.stem() == "model" ? parent : file.stem().string(),
                                  std::string(std::istreambuf_iterator<char>(in), {}),
                                  {},
                                  {}};
            },
            std::move(options));
    }
    std::string find(const std::string& name, const std::string& version = "") const {
        const auto found = repository->find(name, version);
        if (const auto* refusal = std::get_if<Refusal>(&found)) return refusal->reason;
        return name + " " + std::to_string(std::get<0>(found)->version);
    }
    fakes::ScriptedEngine engine;
    std::unique_ptr<Repository> repository;
};

TEST(Repository, ServesTheNewestUnlessAskedForAnother) {
    const Folder folder;
    for (const char* file : {"a/2/model.onnx", "a/10/model.onnx", "b.onnx"}) folder.write(file);
    const Shelf shelf;
    shelf.repository->load_folder(folder.path);
    EXPECT_EQ(shelf.find("a"), "a 10");
    EXPECT_EQ(shelf.find("a", "2"), "a 2");
    EXPECT_EQ(shelf.find("a", "-1"), "a 10");
    EXPECT_EQ(shelf.find("a", "3"), "Request for unknown model: 'a' version 3 is not found");
    EXPECT_EQ(shelf.find("a", "two"), "model version 'two' is not a number");
    EXPECT_EQ(shelf.find("a", "2 "), "model version '2 ' is not a number");
    EXPECT_EQ(shelf.find("b"), "b 1");
    for (const char* name : {"c", "", "../a", "a/2", "/etc/passwd", "b.onnx"}) {
        EXPECT_EQ(shelf.find(name), "Request for unknown model: '" + std::string(name) + "' is not found");
    }
}

TEST(Repository, AModelThatFailsIsListedAndTheOthersAreServed) {
    const Folder folder;
    for (const char* file : {"a.onnx", "unknown.onnx", "breakeven.probe.onnx"}) folder.write(file);
    const Shelf shelf;
    shelf.repository->load_folder(folder.path);
    EXPECT_EQ(shelf.find("a"), "a 1");
    EXPECT_EQ(shelf.find("unknown"), "model 'unknown' is not ready: load model 'unknown': no script for it");
    EXPECT_EQ(shelf.find("breakeven.probe"), "model 'breakeven.probe' is not ready: this name is the server's own");
    EXPECT_EQ(shelf.repository->index().size(), 3U);
    EXPECT_EQ(shelf.repository->models().size(), 1U);
}

TEST(Repository, TheMemoryLimitKeepsTheNewestVersions) {
    const Folder folder;
    for (const char* file : {"a/1/model.onnx", "a/2/model.onnx"}) folder.write(file, std::string(600, 'x'));
    RepositoryOptions options;
    options.memory_limit = Bytes(1000);
    const Shelf shelf(options);
    shelf.repository->load_folder(folder.path);
    EXPECT_EQ(shelf.find("a"), "a 2");
    EXPECT_EQ(shelf.find("a", "1"),
              "model 'a' version 1 is not ready: keep it in memory: the models would take 1.20 kB, --memory-limit is "
              "1.00 kB");
}

TEST(Repository, AModelRunsWhereItsFileSays) {
    const Folder folder;
    folder.write("a.onnx");
    folder.write("b.tflite", std::string(4, '\0') + "TFL3");
    fakes::ScriptedEngine other;
    other.scripts["b"] = fakes::identity({{"only here", DType::int8, {1}}});
    RepositoryOptions options;
    std::vector<std::string> asked;
    fakes::ScriptedEngine own;
    own.scripts["a"] = fakes::identity({{"x", DType::uint8, {-1}}});
    options.seat = [&](const ModelImage& image) {
        const bool tflite = image.bytes.size() == 8;
        asked.push_back(image.name);
        return Seat{tflite ? other : own, parse_platform(tflite ? "openvino:cpu:1" : "cpu:1")};
    };
    const Shelf shelf(options);
    shelf.repository->load_folder(folder.path);
    const auto found = shelf.repository->find("b", "");
    const auto& served = std::get<std::shared_ptr<ServedModel>>(found);
    EXPECT_EQ(served->runner->inputs()[0].name, "only here");
    EXPECT_EQ(served->format, ModelFormat::tflite);
    EXPECT_EQ(served->engine, "scripted");
    EXPECT_EQ(served->size.count(), 8) << "not all the folder";
    EXPECT_EQ(std::get<std::shared_ptr<ServedModel>>(shelf.repository->find("a", ""))->format, ModelFormat::onnx);
    EXPECT_EQ(asked.size(), 2U);
}

TEST(Repository, UnloadingTakesAModelOutAndLoadingBringsItBack) {
    const Folder folder;
    folder.write("a.onnx");
    const Shelf shelf;
    shelf.repository->load_folder(folder.path);
    EXPECT_FALSE(shelf.repository->unload("a").has_value());
    EXPECT_EQ(shelf.find("a"), "model 'a' is not ready: unloaded");
    EXPECT_FALSE(shelf.repository->load("a").has_value());
    EXPECT_EQ(shelf.find("a"), "a 1");
    folder.write("b.onnx");
    EXPECT_FALSE(shelf.repository->load("b").has_value());
    EXPECT_EQ(shelf.find("b"), "b 1");
    EXPECT_EQ(shelf.repository->load("c")->code, RefusalCode::not_found);
    EXPECT_EQ(shelf.repository->unload("c")->code, RefusalCode::not_found);
    EXPECT_EQ(shelf.repository->load("../b")->code, RefusalCode::not_found);
}

}  // namespace
}  // namespace breakeven
