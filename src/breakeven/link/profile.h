// LinkProfile: a link with constant latency and rates. The study's three, and your own from JSON text.
// Rates mean TCP payload: what an application moves, headers aside.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "breakeven/units/units.h"

namespace breakeven {

struct LinkProfile {
    std::string name;
    Seconds one_way_latency{0.0};
    BytesPerSecond up;    ///< device to server
    BytesPerSecond down;  ///< server to device
    /// What the device's radio or card spends on a byte; unknown for some links.
    std::optional<JoulesPerByte> up_energy;
    std::optional<JoulesPerByte> down_energy;
    friend bool operator==(const LinkProfile&, const LinkProfile&) = default;
};

/// Limits of what is accepted as a link; a profile beyond them is a slip of the unit, not a link.
inline constexpr Seconds one_way_latency_max{60.0};
inline constexpr BytesPerSecond link_rate_min = bytes_per_second(1.0);
inline constexpr BytesPerSecond link_rate_max = bytes_per_second(125e9);  ///< 1 Tbit/s
inline constexpr JoulesPerByte link_energy_max = joules_per_byte(1.0);

/// ethernet, wifi and 5g of Frennborn & Oliv 2022, chapter 4.
std::span<const LinkProfile> study_links();

/// A link of the study by name ("radio" is the study's own word for wifi).
std::optional<LinkProfile> study_link(std::string_view name);

/// Reads `{"one_way_latency": "10ms", "up": "3.04MB/s", "down": "7.13MB/s", "up_energy": "128nJ/B", ...}`.
/// `origin` says in errors where the text came from, and names the link when the text does not ("name" is optional).
/// Throws Error{input} for anything else: unknown, missing or repeated keys, values without unit or beyond the limits.
LinkProfile parse_link_profile(std::string_view text, std::string_view origin);

/// The JSON text that parse_link_profile reads back as the same profile, digit for digit.
std::string link_profile_text(const LinkProfile& link);

/// Throws Error{input} when the profile is beyond the limits above or not finite.
void check_link_profile(const LinkProfile& link, std::string_view origin);

}  // namespace breakeven
