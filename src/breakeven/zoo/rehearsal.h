// Rehearsal: a few synthetic pictures that go through a network's layers while it is built, so that batch norms get the
// statistics of real activations and biases take real means away. A small piece of each picture does: where the piece
// ends and the picture would go on, its last row or column repeats; where the picture itself ends, there are zeros.
// The same on every machine: no sum is reordered, nothing is fused, and only square roots are more than arithmetic.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "breakeven/zoo/window.h"

namespace breakeven {

/// What the rehearsed pictures have become: samples, then channels, rows, columns.
struct Rehearsal {
    std::int64_t channels = 0;
    std::int64_t height = 1;
    std::int64_t width = 1;
    std::vector<float> values;

    /// How many pictures.
    static constexpr std::int64_t samples = 16;

    std::int64_t area() const { return height * width; }
    std::span<float> plane(std::int64_t sample, std::int64_t channel);
    std::span<const float> plane(std::int64_t sample, std::int64_t channel) const;
};
/// Shared: a value may feed several layers, and none changes it.
using Rehearsed = std::shared_ptr<const Rehearsal>;

/// Mean of each channel, and the variance about it that another picture is to be expected to have: (n + 1) / (n - 1)
/// times that of the n rehearsed ones. Without this the activations of a deep network grow from layer to layer.
struct ChannelMoments {
    double mean = 0.0;
    double variance = 0.0;
};
std::vector<ChannelMoments> moments_of(const Rehearsal& values);

/// Pieces of pictures with the statistics of natural ones, -1..1: leaves that cover one another (Lee, Mumford & Huang
/// 2001, "Occlusion models for natural images").
Rehearsal rehearsal_pictures(std::int64_t channels, Sides piece);

/// `weights` are [filters, channels / groups, rows, columns].
struct Filters {
    std::span<const float> weights;
    std::int64_t filters;
    std::int64_t groups;
};
Rehearsal convolved(const Rehearsal& from, const Window& window, const Filters& filters);
enum class Pool { largest, mean };
Rehearsal pooled(const Rehearsal& from, const Window& window, Pool pool);
/// The mean of each channel.
Rehearsal pooled_globally(const Rehearsal& from);
/// value * scale + offset, by channel.
void scale_channels(Rehearsal& values, std::span<const double> scale, std::span<const double> offset);
Rehearsal clipped(const Rehearsal& from, float highest);
Rehearsal sum(const Rehearsal& first, const Rehearsal& second);
Rehearsal joined(std::span<const Rehearsed> parts);
/// One number of each place of the picture, whose size is `size`: those that the piece lacks repeat.
Rehearsal flattened(const Rehearsal& from, Sides size);
/// `weights` are [from.channels, units].
Rehearsal multiplied(const Rehearsal& from, std::span<const float> weights, std::int64_t units);

}  // namespace breakeven
