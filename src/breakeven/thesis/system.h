// The whole system: what an inference takes of everybody, the device, its radio, the network that carries it and the
// server that computes it, in energy, CO2 and money; the study's own future work. The factors are plan/factors.json's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/whole_system.h"
#include "breakeven/thesis/findings.h"
#include "breakeven/thesis/results.h"

namespace breakeven {

/// One row's part of everybody.
struct SystemRow {
    const Row* row = nullptr;
    std::optional<Joules> device;  ///< computing, and waiting awake
    std::optional<Joules> radio;   ///< moving the bytes; nothing for a local row
    std::optional<Joules> alone;   ///< what a request more takes that finds the radio asleep: promotion and tail
    SystemCost cost;               ///< `device` in it is device and radio, as far as they are known
    bool is_whole() const { return device && radio; }
};

/// Which of the factors a row is counted with.
std::string network_of(const Row& row, const Factors& factors);
std::string server_of(const Row& row);  ///< "cpu" or "gpu"

/// Nothing for a row that no platform stands behind.
std::optional<SystemRow> system_row(const Row& row, const Factors& factors);

/// The mean over all variants of one series: a platform, or a link to a server.
struct SystemScenario {
    std::string series;
    PlanKind kind = PlanKind::local;
    std::string link, platform;
    Origin origin = Origin::measured;
    std::string network, server;  ///< the factors'; empty for a platform of the device
    std::size_t n = 0;
    std::optional<Joules> device, radio, alone;  ///< where all rows know them
    SystemShares attributed, marginal;
    bool is_whole() const { return device && radio; }
};

/// None without factors. In the order of the table, without models of what was measured.
std::vector<SystemScenario> system_scenarios(const Results& results);

/// How often each series takes the least of the whole system.
enum class SystemBy { attributed, marginal };
std::vector<Wins> system_wins(const Results& results, SystemBy by);

/// The answer in words; no lines where there are no factors.
Finding whole_system(const Results& results);

}  // namespace breakeven
