// Assemble: the entries of one or several records become a table of results: measured rows as they are, modelled ones
// from the servers' times, energies by the one cost function.
#pragma once

#include <string>
#include <vector>

#include "breakeven/link/profile.h"
#include "breakeven/plan/device.h"
#include "breakeven/study/record.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

/// What does not change a cell, only what is made of it.
struct ThesisSettings {
    std::vector<LinkProfile> links;
    Powers power;                   ///< idle: awake while waiting
    std::optional<Watts> idle_low;  ///< suspended while waiting
    std::string factors;            ///< JSON text that replaces some of plan/factors.json's; empty: none of them
    double slowdown = 1.0;          ///< the device is this many times slower than this machine (modelled)
    std::vector<std::string> notes;
};

nlohmann::ordered_json to_json(const ThesisSettings& settings);
ThesisSettings settings_from(const nlohmann::ordered_json& json);

/// An entry's key and value, by what it is: a variant, a local cell, a server's cell, a link's cell, the settings.
enum class CellKind { local, server, link };
std::string_view name(CellKind kind);

/// One study folder's entries. Throws Error{input} for entries that are none of a thesis study.
struct StudyFolder {
    std::string name;
    std::vector<RecordEntry> entries;
};

/// The first folder is the device's: its settings hold. With several, every platform is named with its machine.
Results assemble(const std::vector<StudyFolder>& folders);

}  // namespace breakeven
