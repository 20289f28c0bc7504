// Repository: see repository.h.
#include "breakeven/serve/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <new>

#include "breakeven/error.h"
#include "breakeven/files/files.h"
#include "breakeven/model/model.h"
#include "breakeven/model/sha256.h"
#include "breakeven/model/tflite.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/message.h"

namespace breakeven {
namespace {

/// Models that clients sent, at once: enough for many devices, and an end to a client that sends without one.
constexpr std::size_t sent_models_max = 64;

bool share_open_batch(const Runner& runner) {
    const auto open = [](const TensorSpec& spec) { return !spec.shape.empty() && spec.shape.front() < 0; };
    return !runner.inputs().empty() && std::all_of(runner.inputs().begin(), runner.inputs().end(), open) &&
           std::all_of(runner.outputs().begin(), runner.outputs().end(), open);
}

/// The model's file, and where its weights lie in files beside it those too.
Bytes size_of(const ModelImage& image) {
    if (is_in_one_file(image)) return Bytes(static_cast<std::int64_t>(image.bytes.size()));
    Bytes total;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(image.path.parent_path(), failed)) {
        if (!entry.is_regular_file(failed)) continue;
        const std::uintmax_t size = entry.file_size(failed);
        if (!failed) total += Bytes(static_cast<std::int64_t>(size));
    }
    return total;
}

}  // namespace

Repository::Repository(Engine& engine, ModelLoader loader, RepositoryOptions options)
    : engine_(engine), loader_(std::move(loader)), options_(std::move(options)) {}

ModelImage check_sent_model(SentBytes sent) {
    const Bytes memory = memory_limit();
    const Model model = Model::parse(sent.bytes, sent.name, {.memory = Bytes(memory.count() / 2)});
    if (!model.external_weights().empty()) {
        throw Error(ErrorKind::input, "load model " + in_quotes(sent.name),
                    "its weights lie in other files; put them into the model's own file");
    }
    return {.name = std::move(sent.name), .bytes = std::move(sent.bytes), .path = {}, .sha256 = model.facts().sha256};
}

std::optional<Refusal> Repository::refuse_size(Bytes size) const {
    if (!options_.memory_limit) return std::nullopt;
    Bytes total = size;
    for (const auto& model : models()) total += model->size;
    if (total <= *options_.memory_limit) return std::nullopt;
    return Refusal{RefusalCode::resource_exhausted, fmt::format("the models would take {}, --memory-limit is {}",
                                                                to_text(total), to_text(*options_.memory_limit))};
}

void Repository::check_memory(Bytes size) const {
    if (const auto refusal = refuse_size(size)) {
        throw Error(ErrorKind::unavailable, "keep it in memory", refusal->reason);
    }
}

std::shared_ptr<ServedModel> Repository::load_image(const ModelImage& image, const Candidate& candidate) const {
    const Bytes size = size_of(image);
    check_memory(size);
    auto model = std::make_shared<ServedModel>();
    model->name = candidate.name;
    model->version = candidate.version;
    model->file = candidate.file.filename().string();
    model->format = is_tflite(image.bytes) ? ModelFormat::tflite : ModelFormat::onnx;
    if (is_in_one_file(image)) model->sha256 = image.sha256;
    model->size = size;
    const Seat seat = options_.seat ? options_.seat(image) : Seat{engine_, options_.platform};
    model->engine = seat.engine.name();
    model->runner = seat.engine.load(image, seat.platform, options_.load);
    model->batched = share_open_batch(*model->runner);
    if (options_.approve) options_.approve(image, seat.platform, *model);
    return model;
}

Repository::Entry Repository::load_candidate(const Candidate& candidate) const {
    if (!candidate.problem.empty()) return {.model = nullptr, .reason = candidate.problem, .from = From::here};
    if (candidate.name == probe_model)
        return {.model = nullptr, .reason = "this name is the server's own", .from = From::here};
    try {
        return {.model = load_image(loader_(candidate.file), candidate), .reason = {}, .from = From::here};
    } catch (const std::bad_alloc&) {
        return {.model = nullptr, .reason = "it needs more memory than there is", .from = From::here};
    } catch (const std::exception& error) {
        return {.model = nullptr, .reason = error.what(), .from = From::here};
    }
}

void Repository::keep(const Candidate& candidate, Entry entry) {
    const std::unique_lock lock(mutex_);
    models_[candidate.name][candidate.version] = std::move(entry);
}

void Repository::load_folder(const std::filesystem::path& folder) {
    std::vector<Candidate> candidates = find_models(folder);
    const std::scoped_lock loading(loading_);
    folder_ = folder;
    // Newest versions first: they are what a memory limit should leave room for.
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) { return a.version > b.version; });
    for (const Candidate& candidate : candidates) keep(candidate, load_candidate(candidate));
}

void Repository::add(const ModelImage& image) {
    const std::string file = image.name + (is_tflite(image.bytes) ? ".tflite" : ".onnx");
    const Candidate candidate{.name = image.name, .version = 1, .file = file, .problem = {}};
    if (candidate.name == probe_model) {
        throw Error(ErrorKind::input, "serve " + in_quotes(candidate.name), "this name is the server's own");
    }
    const std::scoped_lock loading(loading_);
    keep(candidate, {.model = load_image(image, candidate), .reason = {}, .from = From::here});
}

Repository::Versions Repository::versions_of(const std::string& name) const {
    const std::shared_lock lock(mutex_);
    const auto found = models_.find(name);
    return found == models_.end() ? Versions() : found->second;
}

/// What was there outlives the lock: an engine may take its time to free a model.
void Repository::replace(const std::string& name, Versions versions) {
    const std::unique_lock lock(mutex_);
    models_[name].swap(versions);
    if (models_[name].empty()) models_.erase(name);
}

std::optional<Refusal> Repository::load(const std::string& name) {
    const std::scoped_lock loading(loading_);
    try {
        if (folder_.empty())
            return Refusal{RefusalCode::unavailable, "this server has no repository folder to load from"};
        const Versions before = versions_of(name);
        Versions loaded;
        std::string failure;
        for (const Candidate& candidate : find_models(folder_)) {
            if (candidate.name != name) continue;
            Entry entry = load_candidate(candidate);
            if (!entry.model) {
                failure = entry.reason;
                const auto old = before.find(candidate.version);
                if (old != before.end() && old->second.model) entry = old->second;
            }
            loaded[candidate.version] = std::move(entry);
        }
        if (loaded.empty()) {
            return Refusal{RefusalCode::not_found, "there is no model " + in_quotes(name) + " in the repository"};
        }
        // What a client sent goes only when there is something in its place.
        const bool any_ready =
            std::ranges::any_of(loaded, [](const auto& entry) { return entry.second.model != nullptr; });
        if (any_ready || before.empty() || before.begin()->second.from == From::here) replace(name, std::move(loaded));
        if (failure.empty()) return std::nullopt;
        return Refusal{RefusalCode::invalid_argument, "cannot load " + in_quotes(name) + ": " + failure};
    } catch (const Error& error) {
        return refusal_of(error);
    }
}

void Repository::check_room_for(const std::string& name) const {
    const std::shared_lock lock(mutex_);
    std::size_t sent = 0;
    for (const auto& [other, versions] : models_) {
        if (other != name) sent += versions.begin()->second.from == From::client ? 1U : 0U;
    }
    if (sent >= sent_models_max) {
        throw Error(ErrorKind::unavailable, "keep it in memory",
                    fmt::format("{} models that clients sent are here already; unload one first", sent));
    }
}

std::optional<Refusal> Repository::deploy(SentModel sent) {
    const std::string attempt = "cannot load " + in_quotes(sent.name) + ": ";
    if (sent.name == probe_model) return Refusal{RefusalCode::invalid_argument, "this name is the server's own"};
    const std::string file = is_tflite(sent.bytes) ? "model.tflite" : "model.onnx";
    const Candidate candidate{.name = sent.name, .version = sent.version, .file = file, .problem = {}};
    const std::scoped_lock loading(loading_);
    try {
        const Bytes size(static_cast<std::int64_t>(sent.bytes.size()));
        if (auto refusal = refuse_size(size)) return refusal;
        check_room_for(sent.name);
        std::string identity = sha256(sent.bytes);
        if (!sent.sha256.empty() && sent.sha256 != identity) {
            return Refusal{RefusalCode::data_loss,
                           attempt + "the file's SHA-256 is " + identity + ", announced was " + sent.sha256};
        }
        ModelImage image = options_.sent_loader({.name = sent.name, .bytes = std::move(sent.bytes)});
        image.sha256 = std::move(identity);
        Versions versions;
        versions[sent.version] = {.model = load_image(image, candidate), .reason = {}, .from = From::client};
        replace(sent.name, std::move(versions));
        return std::nullopt;
    } catch (const Error& error) {
        Refusal refusal = refusal_of(error);
        // To a client UNAVAILABLE means: try again. This will not change by that.
        if (refusal.code == RefusalCode::unavailable) refusal.code = RefusalCode::resource_exhausted;
        return Refusal{refusal.code, attempt + refusal.reason};
    } catch (const std::bad_alloc&) {
        return Refusal{RefusalCode::resource_exhausted, attempt + "it needs more memory than there is"};
    }
}

bool Repository::serves(const std::string& name, const std::string& sha256) const {
    const Found found = find(name, "");
    const auto* model = std::get_if<std::shared_ptr<ServedModel>>(&found);
    return model != nullptr && !sha256.empty() && (*model)->sha256 == sha256;
}

std::optional<Refusal> Repository::unload(const std::string& name) {
    const std::scoped_lock loading(loading_);
    Versions versions = versions_of(name);
    if (versions.empty()) {
        return Refusal{RefusalCode::not_found, "there is no model " + in_quotes(name) + " in the repository"};
    }
    std::erase_if(versions, [](const auto& entry) { return entry.second.from == From::client; });
    for (auto& [version, entry] : versions) entry = {.model = nullptr, .reason = "unloaded", .from = From::here};
    replace(name, std::move(versions));
    return std::nullopt;
}

Repository::Found Repository::find(const std::string& name, const std::string& version) const {
    std::int64_t wanted = 0;
    if (!version.empty()) {
        const auto read = std::from_chars(version.data(), version.data() + version.size(), wanted);
        if (read.ec != std::errc() || read.ptr != version.data() + version.size()) {
            return Refusal{RefusalCode::invalid_argument, "model version " + in_quotes(version) + " is not a number"};
        }
    }
    const std::shared_lock lock(mutex_);
    const auto found = models_.find(name);
    if (found == models_.end()) {
        return Refusal{RefusalCode::not_found, "Request for unknown model: " + in_quotes(name) + " is not found"};
    }
    const Versions& versions = found->second;
    if (wanted > 0) {
        const auto entry = versions.find(wanted);
        if (entry == versions.end()) {
            return Refusal{RefusalCode::not_found, fmt::format("Request for unknown model: {} version {} is not found",
                                                               in_quotes(name), wanted)};
        }
        if (entry->second.model) return entry->second.model;
        return Refusal{RefusalCode::unavailable, fmt::format("model {} version {} is not ready: {}", in_quotes(name),
                                                             wanted, entry->second.reason)};
    }
    std::string reason;
    for (auto entry = versions.rbegin(); entry != versions.rend(); ++entry) {
        if (entry->second.model) return entry->second.model;
        if (reason.empty()) reason = entry->second.reason;
    }
    return Refusal{RefusalCode::unavailable, fmt::format("model {} is not ready: {}", in_quotes(name), reason)};
}

std::vector<IndexEntry> Repository::index() const {
    const std::shared_lock lock(mutex_);
    std::vector<IndexEntry> entries;
    for (const auto& [name, versions] : models_) {
        for (const auto& [version, entry] : versions) {
            entries.push_back(
                {.name = name, .version = version, .ready = entry.model != nullptr, .reason = entry.reason});
        }
    }
    return entries;
}

std::vector<std::shared_ptr<ServedModel>> Repository::models() const {
    const std::shared_lock lock(mutex_);
    std::vector<std::shared_ptr<ServedModel>> ready;
    for (const auto& [name, versions] : models_) {
        for (const auto& [version, entry] : versions) {
            if (entry.model) ready.push_back(entry.model);
        }
    }
    return ready;
}

std::vector<std::string> Repository::versions(const std::string& name) const {
    const std::shared_lock lock(mutex_);
    std::vector<std::string> ready;
    const auto found = models_.find(name);
    if (found == models_.end()) return ready;
    for (const auto& [version, entry] : found->second) {
        if (entry.model) ready.push_back(std::to_string(version));
    }
    return ready;
}

}  // namespace breakeven
