// What can be checked of the thesis: whether its tables agree with its own equations and profiles, and with our zoo.
// Its server inference times are only in its figures, so a check never needs them.
#pragma once

#include <string>
#include <vector>

#include "breakeven/thesis/published.h"

namespace breakeven {

enum class Aggregate { mean, sd, max, min };
std::string_view name(Aggregate aggregate);

/// How the network's energy enters: as eq. 2.4 has it, or left out, as their tables suggest.
enum class NetworkEnergy { counted, left_out };

/// The power with which the device waits, from the radio/CPU row's means alone: (E - E_network) / t.
struct DerivedIdle {
    Idle idle = Idle::high;
    NetworkEnergy network = NetworkEnergy::counted;
    Watts power;
};

/// Eq. 2.5, E = t * P_idle + E_network, for one printed energy of another row, from the latency printed in 4.2.
struct EnergyCheck {
    std::string link, server;
    Idle idle = Idle::high;
    Aggregate aggregate = Aggregate::mean;
    NetworkEnergy network = NetworkEnergy::counted;
    Joules printed, predicted;
};

/// At which of a link's rates the input travels.
enum class Reading { upload_rate, download_rate };
std::string_view name(Reading reading);

/// Eq. 2.2 over the eleven input sizes, beside what Table 4.2 prints for all of an offload over that link.
struct ShareCheck {
    std::string link, server;
    Reading reading = Reading::upload_rate;
    Aggregate aggregate = Aggregate::max;
    Seconds network, printed;
    /// The network alone takes longer than the whole is printed to (by more than the half millisecond of rounding).
    bool ruled_out() const;
};

/// A row of Table 2.1 beside what our definition of the network counts.
struct CountCheck {
    std::string network;
    std::int64_t side = 0;
    std::int64_t printed = 0, counted = 0;
};

/// A cell of Table 5.1 beside parameters / Keras layers / level size.
struct FitCheck {
    std::string network;
    std::int64_t side = 0;
    std::string level;
    double printed_percent = 0.0, computed_percent = 0.0;
};

struct ThesisChecks {
    std::vector<DerivedIdle> idle_powers;
    std::vector<EnergyCheck> energies;
    std::vector<ShareCheck> shares;
    std::vector<CountCheck> counts;
    std::vector<FitCheck> fits;

    /// The largest |predicted - printed| of the energies, with the network's energy counted or left out.
    Joules energy_error_max(NetworkEnergy network) const;
    double fit_error_max() const;  ///< in points
    /// Whether a printed maximum rules the reading out, over any link.
    bool ruled_out(Reading reading) const;
};

ThesisChecks check_thesis();

/// How the checks came out, one sentence each.
std::vector<std::string> outcomes(const ThesisChecks& checks);

/// What does not fit in the thesis, one sentence each, computed from its printed numbers.
std::vector<std::string> contradictions(const ThesisChecks& checks);

}  // namespace breakeven
