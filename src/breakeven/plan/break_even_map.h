// Break-even map: which plan wins where, over round-trip time and uplink rate. The borders are the break-evens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/plan/cost.h"
#include "breakeven/plan/objective.h"

namespace breakeven {

/// A plan as the map may choose it: what it asks of both sides, whichever link lies between.
struct MapPlan {
    std::string title;  ///< without a link: "local on cpu:2", "offload as u8", "split at pool1"
    PlanKind kind = PlanKind::local;
    Shares shares;
    std::optional<Bytes> deploy;  ///< what must be brought to the server first
};

/// Both axes are logarithmic.
struct MapAxes {
    Seconds round_trip_min{0.0002};
    Seconds round_trip_max{0.5};
    BytesPerSecond up_min = megabits_per_second(0.1);
    BytesPerSecond up_max = megabits_per_second(1000);
    std::size_t columns = 60;  ///< of round-trip times
    std::size_t rows = 24;     ///< of rates

    Seconds round_trip(std::size_t column) const;
    BytesPerSecond up(std::size_t row) const;
    /// Where a link lies, in columns and rows from 0; clamped to the map.
    double column_of(Seconds round_trip) const;
    double row_of(BytesPerSecond up) const;
};

struct MapQuestion {
    Goal goal = Goal::latency;
    Powers power;
    std::optional<TcpUse> tcp;
    /// Energy of a byte on the air, for every place of the map; nothing where it is unknown: then only latency is
    /// drawn.
    std::optional<JoulesPerByte> up_energy;
    std::optional<JoulesPerByte> down_energy;
    std::int64_t inferences = 1;  ///< that a deployed form serves
    MapAxes axes;
};

struct BreakEvenMap {
    struct Place {
        std::size_t plan = 0;  ///< index into titles
        double figure = 0.0;   ///< seconds, joules or joule-seconds, by the goal
    };
    struct Mark {
        std::string link;
        double column = 0.0;
        double row = 0.0;
    };
    Goal goal = Goal::latency;
    MapAxes axes;
    std::vector<std::string> titles;  ///< of the plans that win somewhere, the one with the most places first
    std::vector<PlanKind> kinds;      ///< of those
    std::vector<Place> places;        ///< row by row, rows x columns; the slowest uplink first
    std::vector<Mark> marks;

    const Place& at(std::size_t row, std::size_t column) const { return places[row * axes.columns + column]; }
};

/// The best plan at every place; downlink as fast as the uplink. Nothing when no plan's figure is known.
std::optional<BreakEvenMap> map_of(const std::vector<MapPlan>& plans, const MapQuestion& question,
                                   const std::vector<LinkProfile>& marks);

}  // namespace breakeven
