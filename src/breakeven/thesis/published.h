// What Frennborn & Oliv printed (Chalmers 2022, "Neural Networks, Edge Computing or Offloading"): their tables, word
// for word as numbers. Nothing here is ours; what follows from it is in checks.h.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "breakeven/thesis/results.h"

namespace breakeven {

/// A row of Table 2.1, and the name under which our zoo builds that network.
struct PublishedNetwork {
    std::string network;  ///< "MobileNet"
    std::int64_t side = 0;
    std::string zoo;  ///< "mobilenet-v1-32"
    std::int64_t parameters = 0;
    std::int64_t depth = 0;
};
std::span<const PublishedNetwork> published_networks();

/// The network of our zoo's name; null for one that the thesis does not have.
const PublishedNetwork* published_network(std::string_view zoo);

/// Tables 4.2, 4.3 and 4.4: an offload over one link to one server, over the 33 variants. Links carry our names.
std::span<const Scenario> published_scenarios();

/// A row of Table 5.1: the mean layer's size in percent of L1d, L2 and on-chip RAM, as an int8 model.
struct PublishedFit {
    std::string network;
    std::int64_t side = 0;
    std::array<double, 3> percent{};
};
std::span<const PublishedFit> published_fits();

/// The i.MX 8M Plus' levels that Table 5.1 is made with.
struct BoardLevel {
    std::string name;
    Bytes size;
};
std::span<const BoardLevel> published_levels();

/// Something the thesis says in its text, for the report to hold against its tables.
struct PublishedClaims {
    Seconds ethernet_threshold{24e-3};  ///< chapter 4; elsewhere 25 ms
    Seconds ethernet_threshold_again{25e-3};
    Seconds radio_threshold{68e-3};
    Seconds ethernet_bound{31e-3};
    Seconds radio_bound{79e-3};
    Joules low_idle_radio = millijoules(32);  ///< beside Figure 4.5: 32 +- 6 mJ, bound 72 mJ
    double npu_compression_gain = 188.0;      ///< mean; 716 at most
    double cpu_compression_gain_low = 1.06;
    double cpu_compression_gain_high = 1.08;
    double energy_latency_correlation_low = 0.98;
};
const PublishedClaims& published_claims();

/// Result of every network: 100 classes as 32-bit numbers.
inline constexpr Bytes thesis_result{400};

/// One 8-bit picture.
Bytes thesis_input(std::int64_t side);

/// The thesis as a results table: 11 inputs, its scenarios, and the network's share over each of its links.
Results published_results();

}  // namespace breakeven
