// Factors: what is known of the world beyond the device: networks, servers, the grid, radios. All of it lies in one
// file, factors.json, where each figure has its source; a user's own file replaces what it names.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/link/radio.h"
#include "breakeven/plan/whole_system.h"

namespace breakeven {

/// One figure as the file has it: `path` like "grid.co2_kg_per_kwh".
struct Factor {
    std::string path;
    double value = 0.0;
    std::optional<double> low;  ///< how far it may lie off, where the file says
    std::optional<double> high;
    std::string source;
};

/// What carries a link's bytes beyond it, and what the device speaks it with.
struct LinkFactors {
    std::string network;  ///< one of the factors'
    std::string radio;    ///< one of the factors'; empty: none, or not known
};

struct Factors {
    std::string currency;
    std::map<std::string, NetworkFactors> networks;
    std::map<std::string, ServerFactors> servers;
    std::map<std::string, LinkFactors> links;  ///< by the link's name; "other" for those without an entry
    GridFactors grid;
    std::vector<Radio> radios;
    std::vector<Factor> figures;  ///< all of them but the radios', for a list of sources

    /// The factors of a network ("mobile") and a server ("cpu"). Throws Error{usage} naming those that there are.
    SystemFactors system(const std::string& network, const std::string& server) const;
    const Radio& radio(const std::string& name) const;
    const LinkFactors& link(const std::string& name) const;
};

/// The text of the file that comes with the program.
std::string_view shipped_factors();

/// The shipped ones, with what the JSON `text` has in their place: `{"grid": {"price_per_kwh": {"value": 0.3, "source":
/// "my bill"}}}`. New networks, servers and radios must be whole. Throws Error{input}: unknown keys, a figure without
/// source, out of bounds. Empty text: the shipped ones.
Factors parse_factors(std::string_view text, const std::string& name);

}  // namespace breakeven
