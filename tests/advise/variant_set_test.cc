// A set of variants goes on where it ended, holds its folder for itself, and mixes no two studies.
#include "breakeven/advise/variant_set.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "fakes/tiny_models.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

class Folder {
   public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "breakeven-variants-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        path_ = name;
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    operator const fs::path&() const { return path_; }
    fs::path operator/(const std::string& name) const { return path_ / name; }

   private:
    fs::path path_;
};

Model tiny(float weight) {
    const std::vector<float> weights{weight, 0.0F, 2.0F};
    return Model::parse(fakes::TinyGraph()
                            .input("x", DType::float32, {1, 3})
                            .weights("w", {3}, weights)
                            .node("Add", {"x", "w"}, {"y"})
                            .output("y", DType::float32, {1, 3})
                            .model(),
                        "tiny");
}

/// Networks as given only: nothing must run, so that no engine is needed.
struct Study {
    const Folder& folder;
    std::map<std::string, std::string> settings{{"seed", "0"}};
    std::vector<std::string> built{};
    VirtualClock clock{};
    Engines engines{};
    std::atomic<bool> stop{false};
    std::string stop_at{};

    VariantSetResult build() {
        VariantSetRequest request{.folder = folder,
                                  .networks = {},
                                  .recipes = {},
                                  .options = {},
                                  .calibration = {},
                                  .comparison = {},
                                  .settings = settings,
                                  .platform = {}};
        for (const std::string name : {"a", "b", "c"}) {
            request.networks.push_back({.name = name, .work = 1.0, .build = [this, name] {
                                            if (name == stop_at) stop = true;
                                            built.push_back(name);
                                            clock.advance(Seconds(1));
                                            return tiny(static_cast<float>(name[0]));
                                        }});
        }
        return build_variants(
            request, {.engines = engines, .clock = clock, .progress = [](const VariantSetProgress&) {}, .stop = &stop});
    }
};

ErrorKind kind_of(Study& study) {
    try {
        study.build();
    } catch (const Error& error) {
        return error.kind();
    }
    ADD_FAILURE() << "it was built";
    return ErrorKind::internal;
}

TEST(VariantSet, BuildsEachOnceAndThenNothing) {
    const Folder folder;
    Study study{.folder = folder};
    const VariantSetResult first = study.build();
    EXPECT_TRUE(first.is_complete);
    EXPECT_EQ(first.built, 3U);
    for (const BuiltVariant& variant : first.manifest.variants) {
        const ModelFile file = load_model(folder / (variant.name + ".onnx"));
        EXPECT_EQ(file.image.sha256, variant.sha256);
        EXPECT_EQ(Bytes(static_cast<std::int64_t>(file.image.bytes.size())), variant.file_size);
        EXPECT_EQ(variant.parameters, 3);
        EXPECT_EQ(variant.nonzero, 2);
    }
    const VariantSetResult second = study.build();
    EXPECT_EQ(second.built, 0U);
    EXPECT_EQ(study.built, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(second.manifest.variants.size(), 3U);
}

TEST(VariantSet, GoesOnWhereItWasStopped) {
    const Folder folder;
    Study study{.folder = folder};
    study.stop_at = "b";
    const VariantSetResult stopped = study.build();
    EXPECT_FALSE(stopped.is_complete);
    EXPECT_EQ(stopped.built, 1U);
    EXPECT_FALSE(fs::exists(folder / "b.onnx"));
    study.stop = false;
    study.stop_at.clear();
    study.built.clear();
    EXPECT_TRUE(study.build().is_complete);
    EXPECT_EQ(study.built, (std::vector<std::string>{"b", "c"}));
}

TEST(VariantSet, BuildsAgainWhatIsGoneOrOfAnotherSize) {
    const Folder folder;
    Study study{.folder = folder};
    study.build();
    fs::remove(folder / "a.onnx");
    fs::resize_file(folder / "c.onnx", 5);
    study.built.clear();
    EXPECT_EQ(study.build().manifest.variants.size(), 3U);
    EXPECT_EQ(study.built, (std::vector<std::string>{"a", "c"}));
}

TEST(VariantSet, RemovesWhatAKilledRunLeftHalfWritten) {
    const Folder folder;
    std::ofstream(folder / ".breakeven-aB3xyz") << "half";
    std::ofstream(folder / ".breakeven-of-mine") << "not of this kind";
    Study study{.folder = folder};
    study.build();
    EXPECT_FALSE(fs::exists(folder / ".breakeven-aB3xyz"));
    EXPECT_TRUE(fs::exists(folder / ".breakeven-of-mine"));
}

TEST(VariantSet, MixesNoTwoStudies) {
    const Folder folder;
    Study study{.folder = folder};
    study.build();
    study.settings["seed"] = "1";
    EXPECT_EQ(kind_of(study), ErrorKind::usage);
}

TEST(VariantSet, HoldsItsFolderForItself) {
    const Folder folder;
    const int other = ::open(fs::path(folder).c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(::flock(other, LOCK_EX), 0);
    Study study{.folder = folder};
    EXPECT_EQ(kind_of(study), ErrorKind::unavailable);
    ::close(other);
    EXPECT_TRUE(study.build().is_complete);
}

TEST(VariantSet, RefusesAFileWhereAFolderIsNeeded) {
    const Folder folder;
    const fs::path file = folder / "file";
    std::ofstream(file) << "x";
    Study study{.folder = folder};
    VariantSetRequest request{.folder = file,
                              .networks = {},
                              .recipes = {},
                              .options = {},
                              .calibration = {},
                              .comparison = {},
                              .settings = {},
                              .platform = {}};
    const VariantSetTools tools{
        .engines = study.engines, .clock = study.clock, .progress = [](const VariantSetProgress&) {}};
    EXPECT_THROW(build_variants(request, tools), Error);
}

VariantManifest one_variant() {
    VariantManifest manifest;
    manifest.settings = {{"seed", "7"}};
    manifest.variants.push_back({.name = "a-pq",
                                 .network = "a",
                                 .recipe = "PQ",
                                 .sha256 = "00",
                                 .file_size = Bytes(12),
                                 .packed_size = Bytes(5),
                                 .parameters = 3,
                                 .nonzero = 2,
                                 .is_untrained = true,
                                 .took = Seconds(1.5),
                                 .agreement = Tally{.right = 3, .total = 4},
                                 .output_sqnr_db = 12.25,
                                 .top1 = {}});
    return manifest;
}

TEST(VariantManifest, ComesBackAsItWasWritten) {
    const Folder folder;
    const VariantManifest manifest = one_variant();
    write_variant_manifest(folder, manifest);
    EXPECT_EQ(variant_manifest_text(*read_variant_manifest(folder)), variant_manifest_text(manifest));
}

RC_GTEST_PROP(VariantManifest, ThatIsDamagedIsRefusedOrRead, (std::uint16_t place, char byte)) {
    const Folder folder;
    std::string text = variant_manifest_text(one_variant());
    text[place % text.size()] = byte;
    std::ofstream(folder / variant_manifest_name) << text;
    try {
        read_variant_manifest(folder);
    } catch (const Error& error) {
        RC_ASSERT(error.kind() == ErrorKind::input);
    }
}

}  // namespace
}  // namespace breakeven
