// Choices kept: what was found fastest for a network on this machine, for as long as nothing changes that it rests on.
// They lie in the measurement store's file, in a table of their own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "breakeven/measure/choice.h"
#include "breakeven/measure/store.h"

namespace breakeven {

/// Everything that a choice rests on: another engine, version, machine, or Breakeven chooses anew.
struct ChoiceKey {
    std::string host;  ///< fingerprint() of the machine
    std::string model_sha256;
    std::string inputs;   ///< types and shapes, the batch among them: inputs_key()
    int threads = 1;      ///< at most
    std::string engines;  ///< versions_text()
    std::string breakeven_version;
    friend bool operator==(const ChoiceKey&, const ChoiceKey&) = default;
};

/// "onnxruntime 1.31.1; openvino 2026.4.1": the engines with a platform that is here, so that a new or missing one
/// counts.
std::string versions_text(const Engines& engines);

struct KeptChoice {
    EngineChoice choice;
    CalendarTime taken;
};

class ChoiceStore final {
   public:
    /// The file of a Store; made where it is missing. Throws Error as Store does.
    explicit ChoiceStore(const std::filesystem::path& file);
    ~ChoiceStore();
    ChoiceStore(const ChoiceStore&) = delete;
    ChoiceStore& operator=(const ChoiceStore&) = delete;

    /// Takes the place of an earlier one with this key.
    void put(const ChoiceKey& key, const KeptChoice& kept);
    std::optional<KeptChoice> find(const ChoiceKey& key) const;

   private:
    class Database;
    std::unique_ptr<Database> database_;
};

}  // namespace breakeven
