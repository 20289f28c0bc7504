// Repository: the models a server has loaded, by name and version, and why others are not.
// Every function may be called from any thread; loading happens outside the lock, so that requests go on meanwhile.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <variant>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/serve/layout.h"
#include "breakeven/serve/refusal.h"
#include "breakeven/serve/statistics.h"

namespace breakeven {

/// Reads and checks a model file; throws Error. (files/ has it; a server need not know how.)
using ModelLoader = std::function<ModelImage(const std::filesystem::path& file)>;

struct ServedModel {
    std::string name;
    std::int64_t version = 1;
    std::string file;  ///< its name, for the configuration
    Bytes size;
    std::unique_ptr<Runner> runner;
    /// All inputs and outputs share an open first dimension: a batch.
    bool batched = false;
    Statistics statistics;
};

struct IndexEntry {
    std::string name;
    std::int64_t version = 1;
    bool ready = false;
    std::string reason;  ///< why not; empty when ready
};

struct RepositoryOptions {
    Platform platform;
    LoadOptions load;
    /// What all loaded models together may take, by the size of their files.
    std::optional<Bytes> memory_limit;
};

class Repository final {
   public:
    Repository(Engine& engine, ModelLoader loader, RepositoryOptions options);

    /// Loads every model in `folder`; what fails is in the index with its reason. Throws Error{input} when there is no
    /// such folder.
    void load_folder(const std::filesystem::path& folder);

    /// Loads a model that lies in no folder, as version 1. Throws Error.
    void add(const ModelImage& image);

    /// (Re)loads all versions of a model of the folder, or takes it out; requests under way finish on what they have.
    std::optional<Refusal> load(const std::string& name);
    std::optional<Refusal> unload(const std::string& name);

    // shared: a request keeps its model while another request unloads it.
    using Found = std::variant<std::shared_ptr<ServedModel>, Refusal>;
    /// `version`: empty for the newest.
    Found find(const std::string& name, const std::string& version) const;

    std::vector<IndexEntry> index() const;
    std::vector<std::shared_ptr<ServedModel>> models() const;
    std::vector<std::string> versions(const std::string& name) const;
    const Engine& engine() const { return engine_; }

   private:
    struct Entry {
        std::shared_ptr<ServedModel> model;  ///< null: not ready
        std::string reason;
    };
    using Versions = std::map<std::int64_t, Entry>;

    Entry load_candidate(const Candidate& candidate) const;
    std::shared_ptr<ServedModel> load_image(const ModelImage& image, const Candidate& candidate) const;
    void check_memory(Bytes size) const;
    void keep(const Candidate& candidate, Entry entry);

    Engine& engine_;
    ModelLoader loader_;
    RepositoryOptions options_;
    std::filesystem::path folder_;
    std::mutex loading_;  ///< one load at a time, so that the memory limit holds
    mutable std::shared_mutex mutex_;
    std::map<std::string, Versions> models_;
};

/// The name of our server's built-in model that measures a link (wire/probe.h); no model of a repository may have it.
inline constexpr std::string_view probe_model = "breakeven.probe";

}  // namespace breakeven
