// The study, measured: see thesis_study.h.
#include "breakeven/study/thesis_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "breakeven/advise/offload.h"
#include "breakeven/advise/workbench.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/machine.h"
#include "breakeven/study/child_measure.h"
#include "breakeven/thesis/published.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

/// Starting a child, loading and meeting the network: a guess until cells were timed.
constexpr Seconds overhead_guess{4.0};
/// A cell that takes longer than its duration by this is stuck.
constexpr Seconds patience{300.0};

struct Cell {
    std::size_t variant = 0;  ///< index into the files
    CellKind kind = CellKind::local;
    Platform platform;  ///< local: where it runs; else the server's
    const LinkProfile* link = nullptr;
};

class Study final {
   public:
    Study(const ThesisRequest& request, const ThesisTools& tools)
        : request_(request), tools_(tools), machine_(this_machine()), record_(request.folder), files_(chosen_files()) {
        plan();
    }

    ThesisRun run() {
        keep_settings();
        keep_variants();
        for (const Cell& cell : cells_) {
            if (stopped()) break;
            const std::string key = key_of(cell);
            if (record_.find(key) != nullptr) {
                ++result_.kept;
                continue;
            }
            finish(cell, key);
        }
        result_.total = cells_.size();
        result_.is_interrupted = stopped();
        result_.entries = record_.entries();
        return std::move(result_);
    }

   private:
    bool stopped() const { return tools_.stop != nullptr && tools_.stop->load(std::memory_order_relaxed); }

    std::vector<VariantFile> chosen_files() const {
        std::vector<VariantFile> all = variant_files(request_.variants);
        if (request_.extent == Extent::full) return all;
        const std::vector<std::string> smallest = quick_networks();
        std::erase_if(all, [&](const VariantFile& f) { return std::ranges::find(smallest, f.zoo) == smallest.end(); });
        if (all.empty()) {
            throw Error(ErrorKind::input, "choose the variants of a quick study",
                        fmt::format("'{}' has none of the smallest networks ({})", request_.variants.string(),
                                    smallest.front()));
        }
        return all;
    }

    /// All cells of one variant stand together, so that whatever ends the study leaves whole variants.
    void plan() {
        std::vector<Platform> platforms = request_.platforms;
        const Platform all = parse_platform(fmt::format("cpu:{}", std::max(1, machine_.threads)));
        if (platforms.empty()) {
            platforms.push_back(parse_platform("cpu:1"));
            if (machine_.threads > 1) platforms.push_back(all);
        }
        for (std::size_t i = 0; i < files_.size(); ++i) {
            for (const Platform& platform : platforms) cells_.push_back({i, CellKind::local, platform, nullptr});
            cells_.push_back({i, CellKind::server, all, nullptr});
            if (!request_.emulator.available) continue;
            for (const LinkProfile& link : request_.settings.links) cells_.push_back({i, CellKind::link, all, &link});
        }
    }

    /// Everything that changes a cell's result.
    std::string key_of(const Cell& cell) const {
        Json key{{"variant", files_[cell.variant].sha256},
                 {"kind", name(cell.kind)},
                 {"platform", to_text(cell.platform)},
                 {"engine", tools_.engines.version(cell.platform)},
                 {"duration_s", request_.duration.count()},
                 {"machine", fingerprint(machine_)},
                 {"breakeven", tools_.version}};
        if (cell.kind == CellKind::local) {
            key["meter"] = request_.meter;
            key["counters"] = request_.counters;
            if (request_.rest) key["rest_s"] = request_.rest->count();
        }
        if (cell.link != nullptr) {
            key["link"] = link_profile_text(*cell.link);
            key["tcp"] = name(request_.congestion);
        }
        return key.dump(-1, ' ', false, Json::error_handler_t::replace);
    }

    void keep_settings() {
        Json circumstances{
            fmt::format("{}: {}", "measured on", to_text(machine_)),
            fmt::format("{} of steady runs in each cell, after the warm-up, which is found",
                        to_text(request_.duration)),
            fmt::format("engine {}, Breakeven {}", tools_.engines.version(cells_.front().platform), tools_.version)};
        circumstances.push_back(
            request_.emulator.available
                ? fmt::format("links emulated packet by packet, TCP {}; requests carry 8-bit pixels where the "
                              "network takes pictures",
                              name(request_.congestion))
                : "links modelled only: " + request_.emulator.reason);
        circumstances.push_back("command: " + request_.command);
        const Json value{
            {"type", "settings"}, {"settings", to_json(request_.settings)}, {"circumstances", circumstances}};
        const Json* before = record_.find("settings");
        if (before == nullptr || *before != value) record_.append("settings", value);
    }

    void keep_variants() {
        const Caches caches = this_machines_caches();
        for (const VariantFile& file : files_) {
            const std::string key = fmt::format("variant {}", file.sha256);
            if (stopped() || record_.find(key) != nullptr) continue;
            tell(fmt::format("looking into {}", file.known.title()));
            record_.append(
                key, {{"type", "variant"}, {"sha256", file.sha256}, {"facts", to_json(looked_into(file, caches))}});
        }
    }

    std::string title(const Cell& cell) const {
        const std::string variant = files_[cell.variant].known.title();
        if (cell.kind == CellKind::local) return fmt::format("{} on {}", variant, to_text(cell.platform));
        return cell.kind == CellKind::server ? variant + " on the server"
                                             : fmt::format("{} over {}", variant, cell.link->name);
    }

    void tell(const std::string& what) const {
        if (!tools_.progress) return;
        ThesisProgress progress{
            .done = result_.kept + result_.measured, .total = cells_.size(), .left = {}, .what = what};
        const std::size_t remaining = progress.total - std::min(progress.done, progress.total);
        const Seconds each =
            result_.measured > 0 ? spent_ / static_cast<double>(result_.measured) : request_.duration + overhead_guess;
        progress.left = each * static_cast<double>(remaining);
        tools_.progress(progress);
    }

    void finish(const Cell& cell, const std::string& key) {
        tell(title(cell));
        const Seconds before = tools_.clock.now();
        Json result;
        try {
            result = cell.kind == CellKind::local ? measure_here(cell) : measure_offloaded(cell);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;
            if (!stopped()) result_.failures.push_back(fmt::format("{}: {}", title(cell), error.what()));
            return;
        }
        if (stopped() && result.at("interrupted").get<bool>()) return;
        const Json& first = result.at("results").at(0);
        if (first.at("latency").is_null()) {
            result_.failures.push_back(fmt::format("{}: no steady run", title(cell)));
            return;
        }
        Json value{{"type", "cell"},
                   {"kind", name(cell.kind)},
                   {"variant", files_[cell.variant].sha256},
                   {"platform", to_text(cell.platform)},
                   {"machine", machine_.name},
                   {"result", first},
                   {"warnings", result.at("warnings")}};
        if (result.contains("payload")) value["payload"] = result.at("payload");
        if (cell.kind == CellKind::local && request_.rest) {
            value["idle_power_w"] = result.at("idle_power_w");
            value["idle_power_reason"] = result.at("idle_power_reason");
        }
        if (cell.link != nullptr) value["link"] = link_profile_text(*cell.link);
        record_.append(key, value);
        ++result_.measured;
        spent_ += tools_.clock.now() - before;
    }

    Json measure_here(const Cell& cell) const {
        return measure_in_child({.executable = tools_.executable,
                                 .model = files_[cell.variant].path,
                                 .platform = cell.platform,
                                 .duration = request_.duration,
                                 .meter = request_.meter,
                                 .counters = request_.counters,
                                 .rest = request_.rest,
                                 .store = request_.folder / "measurements.sqlite"});
    }

    Json measure_offloaded(const Cell& cell) {
        if (bench_ == nullptr || bench_of_ != cell.variant) {
            bench_.reset();
            model_ = std::make_unique<ModelFile>(load_model(files_[cell.variant].path));
            bench_ = std::make_unique<Workbench>(*model_, std::nullopt);
            bench_of_ = cell.variant;
        }
        // As 8-bit pixels where the network takes pictures: that is what the study sends.
        const auto& forms = bench_->forms();
        const auto pixels = std::ranges::find(forms, "u8", &OffloadForm::codec);
        const OffloadForm& form = pixels != forms.end() ? *pixels : forms.front();
        const Exchange exchange{.name = form.name, .whole = model_.get(), .form = &form};
        const OffloadOptions options{.executable = tools_.executable,
                                     .duration = request_.duration,
                                     .limit = 3.0 * request_.duration + patience};
        const OffloadMeasurement measured =
            cell.kind == CellKind::server
                ? measure_loopback(*bench_, exchange, options)
                : measure_emulated(*bench_, exchange, *cell.link, std::string(name(request_.congestion)), options);
        Json answer = Json::parse(measured.answer);
        const Payload payload = payload_of(form);
        answer["payload"] = {{"up", payload.up.count()}, {"down", payload.down.count()}};
        return answer;
    }

    const ThesisRequest& request_;
    const ThesisTools& tools_;
    Machine machine_;
    Record record_;
    std::vector<VariantFile> files_;
    std::vector<Cell> cells_;
    ThesisRun result_;
    Seconds spent_{0.0};
    // What offloads the variant at hand.
    std::unique_ptr<ModelFile> model_;
    std::unique_ptr<Workbench> bench_;
    std::size_t bench_of_ = 0;
};

}  // namespace

std::vector<std::string> quick_networks() {
    std::vector<std::string> smallest, seen;
    for (const PublishedNetwork& network : published_networks()) {  // each network's smallest comes first
        if (std::ranges::find(seen, network.network) != seen.end()) continue;
        seen.push_back(network.network);
        smallest.push_back(network.zoo);
    }
    return smallest;
}

ThesisRun run_thesis(const ThesisRequest& request, const ThesisTools& tools) {
    return Study(request, tools).run();
}

}  // namespace breakeven
