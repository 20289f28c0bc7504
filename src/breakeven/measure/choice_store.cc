// Choices kept: see choice_store.h.
#include "breakeven/measure/choice_store.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "breakeven/error.h"
#include "breakeven/measure/sqlite.h"

namespace breakeven {
namespace {

using Json = nlohmann::json;
using sqlite::Connection;
using sqlite::Statement;

constexpr const char* table = R"(
    CREATE TABLE IF NOT EXISTS choices (
        host TEXT NOT NULL, model_sha256 TEXT NOT NULL, inputs TEXT NOT NULL, threads INTEGER NOT NULL,
        engines TEXT NOT NULL, breakeven_version TEXT NOT NULL,
        taken_s REAL NOT NULL, choice TEXT NOT NULL,  -- JSON
        PRIMARY KEY (model_sha256, host, inputs, threads, engines, breakeven_version)) WITHOUT ROWID
)";

void bind_key(Statement& statement, const ChoiceKey& key) {
    statement.bind(key.host).bind(key.model_sha256).bind(key.inputs).bind(std::int64_t{key.threads});
    statement.bind(key.engines).bind(key.breakeven_version);
}

Json document(const Contender& contender) {
    Json json{{"platform", to_text(contender.platform)},
              {"settings", contender.settings},
              {"outcome", name(contender.outcome)},
              {"ratio", contender.ratio},
              {"reason", contender.reason}};
    if (contender.latency) json["latency_s"] = contender.latency->count();
    if (contender.ci95) json["ci95"] = {contender.ci95->low, contender.ci95->high};
    if (contender.memory) json["memory_bytes"] = contender.memory->count();
    return json;
}

Json document(const EngineChoice& choice) {
    Json contenders = Json::array();
    for (const Contender& contender : choice.contenders) contenders.push_back(document(contender));
    return {{"platform", to_text(choice.platform)},
            {"latency_s", choice.latency.count()},
            {"why", choice.why},
            {"took_s", choice.took.count()},
            {"settled", choice.settled},
            {"not_compared", choice.not_compared},
            {"contenders", contenders}};
}

/// Throws nlohmann's exceptions, or our own, for what we did not write.
Contender contender_of(const Json& json) {
    Contender contender{.platform = parse_platform(json.at("platform").get<std::string>()),
                        .settings = json.at("settings").get<std::string>(),
                        .ratio = json.at("ratio").get<double>(),
                        .reason = json.at("reason").get<std::string>()};
    const auto word = json.at("outcome").get<std::string>();
    for (const RaceOutcome outcome :
         {RaceOutcome::chosen, RaceOutcome::tied, RaceOutcome::slower, RaceOutcome::wrong, RaceOutcome::failed}) {
        if (name(outcome) == word) contender.outcome = outcome;
    }
    if (json.contains("latency_s")) contender.latency = Seconds(json.at("latency_s").get<double>());
    if (json.contains("ci95")) {
        contender.ci95 = {json.at("ci95").at(0).get<double>(), json.at("ci95").at(1).get<double>()};
    }
    if (json.contains("memory_bytes")) contender.memory = Bytes(json.at("memory_bytes").get<std::int64_t>());
    return contender;
}

EngineChoice choice_of(const Json& json) {
    EngineChoice choice{.platform = parse_platform(json.at("platform").get<std::string>()),
                        .latency = Seconds(json.at("latency_s").get<double>()),
                        .why = json.at("why").get<std::string>(),
                        .contenders = {},
                        .took = Seconds(json.at("took_s").get<double>()),
                        .settled = json.at("settled").get<bool>(),
                        .not_compared = json.value("not_compared", std::string())};
    for (const Json& each : json.at("contenders")) choice.contenders.push_back(contender_of(each));
    return choice;
}

}  // namespace

std::string versions_text(const Engines& engines) {
    std::set<std::string> present;
    for (const PlatformStatus& status : engines.platforms()) {
        if (!status.available || status.platform.is_remote()) continue;
        present.insert(fmt::format("{} {}", status.platform.engine, engines.version(status.platform)));
    }
    std::string text;
    for (const std::string& each : present) text += (text.empty() ? "" : "; ") + each;
    return text;
}

class ChoiceStore::Database final {
   public:
    explicit Database(const std::filesystem::path& file) : connection(checked(file)) { connection.execute(table); }
    mutable Connection connection;

   private:
    /// The Store knows whether the file is one of ours, and makes it.
    static const std::filesystem::path& checked(const std::filesystem::path& file) {
        const Store store(file);
        return file;
    }
};

ChoiceStore::ChoiceStore(const std::filesystem::path& file) : database_(std::make_unique<Database>(file)) {}
ChoiceStore::~ChoiceStore() = default;

void ChoiceStore::put(const ChoiceKey& key, const KeptChoice& kept) {
    Statement insert(database_->connection,
                     "INSERT OR REPLACE INTO choices (host, model_sha256, inputs, threads, engines, breakeven_version, "
                     "taken_s, choice) VALUES (?,?,?,?,?,?,?,?)");
    bind_key(insert, key);
    insert.bind(kept.taken.time_since_epoch().count());
    insert.bind(document(kept.choice).dump(-1, ' ', false, Json::error_handler_t::replace));
    insert.step();
}

std::optional<KeptChoice> ChoiceStore::find(const ChoiceKey& key) const {
    Statement select(database_->connection,
                     "SELECT taken_s, choice FROM choices WHERE host = ? AND model_sha256 = ? AND inputs = ? AND "
                     "threads = ? AND engines = ? AND breakeven_version = ?");
    bind_key(select, key);
    if (!select.step()) return std::nullopt;
    try {
        return KeptChoice{.choice = choice_of(Json::parse(select.text(1))),
                          .taken = CalendarTime(Seconds(select.real(0)))};
    } catch (const std::exception& error) {  // whoever wrote it, it is no choice: it is made again
        return std::nullopt;
    }
}

}  // namespace breakeven
