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
#include "breakeven/model/model.h"
#include "breakeven/serve/layout.h"
#include "breakeven/serve/refusal.h"
#include "breakeven/serve/statistics.h"

namespace breakeven {

/// Reads and checks a model file; throws Error. (files/ has it; a server need not know how.)
using ModelLoader = std::function<ModelImage(const std::filesystem::path& file)>;

/// Checks a model that a client sends, as strictly as the other one does a file; throws Error.
struct SentBytes {
    std::string name;
    std::string bytes;
};
using SentModelLoader = std::function<ModelImage(SentBytes sent)>;

/// Checks the model, but does not try it out: an engine that crashes on it takes the server with it.
ModelImage check_sent_model(SentBytes sent);

/// A model that a client sends.
struct SentModel {
    std::string name;
    std::int64_t version = 1;
    std::string bytes;
    std::string sha256;  ///< what the client says; empty: it does not
};

struct ServedModel {
    std::string name;
    std::int64_t version = 1;
    std::string file;  ///< its name, for the configuration
    ModelFormat format = ModelFormat::onnx;
    std::string engine;  ///< that runs it
    std::string sha256;  ///< of the file; empty where weights lie in other files
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

/// Where a model runs, and what runs it.
struct Seat {
    Engine& engine;
    Platform platform;
};
/// Throws Error where there is none.
using Seating = std::function<Seat(const ModelImage& image)>;

/// Looks at a model that was loaded, before it is served; throws Error where it must not be.
using Approval = std::function<void(const ModelImage& image, const Platform& platform, const ServedModel& loaded)>;

struct RepositoryOptions {
    Platform platform;
    LoadOptions load;
    /// By the file, where one engine does not read them all; empty: every model on the server's engine, on `platform`.
    Seating seat;
    Approval approve;  ///< empty: whatever loads is served
    /// What all loaded models together may take, by the size of their files.
    std::optional<Bytes> memory_limit;
    SentModelLoader sent_loader = check_sent_model;
};

class Repository final {
   public:
    Repository(Engine& engine, ModelLoader loader, RepositoryOptions options);

    /// Loads every model in `folder`; what fails is in the index with its reason. Throws Error{input} when there is no
    /// such folder.
    void load_folder(const std::filesystem::path& folder);

    /// Loads a model that lies in no folder, as version 1. Throws Error.
    void add(const ModelImage& image);

    /// (Re)loads all versions of a model of the folder, in place of one that a client sent. A version that fails stays
    /// as it was. Requests under way finish on what they have, here and below.
    std::optional<Refusal> load(const std::string& name);
    /// Serves a model that a client sends, in memory only, in place of all of that name; or leaves all as it was.
    std::optional<Refusal> deploy(SentModel sent);
    /// Takes a model out. One that a client sent is forgotten, one of the folder can be loaded again.
    std::optional<Refusal> unload(const std::string& name);

    /// Whether the newest version of the model has this hash.
    bool serves(const std::string& name, const std::string& sha256) const;
    /// Why a model of this size has no room here.
    std::optional<Refusal> refuse_size(Bytes size) const;

    // shared: a request keeps its model while another request unloads it.
    using Found = std::variant<std::shared_ptr<ServedModel>, Refusal>;
    /// `version`: empty for the newest.
    Found find(const std::string& name, const std::string& version) const;

    std::vector<IndexEntry> index() const;
    std::vector<std::shared_ptr<ServedModel>> models() const;
    std::vector<std::string> versions(const std::string& name) const;

   private:
    enum class From { here, client };
    struct Entry {
        std::shared_ptr<ServedModel> model;  ///< null: not ready
        std::string reason;
        From from = From::here;
    };
    using Versions = std::map<std::int64_t, Entry>;

    Entry load_candidate(const Candidate& candidate) const;
    std::shared_ptr<ServedModel> load_image(const ModelImage& image, const Candidate& candidate) const;
    void check_memory(Bytes size) const;
    void check_room_for(const std::string& name) const;
    void keep(const Candidate& candidate, Entry entry);
    Versions versions_of(const std::string& name) const;
    void replace(const std::string& name, Versions versions);

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
