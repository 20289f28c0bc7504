// Capacity: what one direction of a recorded link can carry, as the bytes carried since its start: a rising line whose
// exact inverse says when a transfer ends. No step in time, no integration. After its end the recording starts again.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "breakeven/units/units.h"

namespace breakeven {

class Capacity final {
   public:
    /// From `start` until the next step, or the recording's end.
    struct Step {
        Seconds start{0.0};
        BytesPerSecond rate;
    };
    /// Steps in rising order, the first at 0, all before `duration`.
    static Capacity of_steps(std::span<const Step> steps, Seconds duration);

    /// Each moment (rising, several may coincide, none after `duration`) carries one packet at once, or it is lost.
    static Capacity of_packets(std::span<const Seconds> moments, Seconds duration, Bytes packet);

    Seconds duration() const { return duration_; }

    /// False when not even one byte passes in all of the recording: then none ever does.
    bool carries() const { return bytes_.back() >= 1.0; }

    /// When the last of `size` bytes handed over at `start` has left; nothing if the link never carries a byte.
    std::optional<Seconds> finish(Seconds start, Bytes size) const;

    /// What can pass between two moments (whole bytes).
    struct Span {
        Seconds from{0.0};
        Seconds to{0.0};
    };
    Bytes carried(const Span& span) const;

    BytesPerSecond mean_rate(const Span& span) const;
    /// Of the whole recording.
    BytesPerSecond mean_rate() const;

    /// The same course at `share` of the rate.
    Capacity scaled(double share) const;

    /// A point of the line, for who sends one thing after another: bytes since the recording's start, fractions too.
    struct Place {
        double bytes = 0.0;
    };
    /// A jump at that very moment left out: who hands over bytes then may still use it.
    Place place_at(Seconds moment) const;
    /// The first moment by which so many have been carried; nothing if the link never carries a byte.
    std::optional<Seconds> moment_of(Place place) const;
    /// Of one time through the recording.
    Place end() const { return {bytes_.back()}; }

   private:
    Capacity(std::vector<double> moments, std::vector<double> bytes, Seconds duration)
        : times_(std::move(moments)), bytes_(std::move(bytes)), duration_(duration) {}
    double bytes_by(double time) const;
    double time_of(double bytes) const;

    // Corners of the line, straight in between; two corners at one time are a jump. First (0, 0), last (duration, all).
    std::vector<double> times_;
    std::vector<double> bytes_;
    Seconds duration_;
};

}  // namespace breakeven
