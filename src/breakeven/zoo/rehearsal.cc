// Rehearsal: see rehearsal.h.
#include "breakeven/zoo/rehearsal.h"

#include <cmath>
#include <limits>

#include "breakeven/time/random.h"
#include "breakeven/zoo/synthetic.h"

namespace breakeven {

namespace {

constexpr std::int64_t samples = Rehearsal::samples;

Rehearsal sized(std::int64_t channels, Sides size) {
    Rehearsal values{.channels = channels, .height = size.rows, .width = size.columns, .values = {}};
    values.values.resize(static_cast<std::size_t>(samples * channels * size.rows * size.columns));
    return values;
}

/// Leaves that lie over one another, many small and few large ones, each of one colour.
constexpr int leaves = 400;
constexpr double radius_min = 1.0;
constexpr double radius_max = 64.0;
constexpr double colour_spread = 0.3;  ///< around the leaf's light, for one channel
constexpr double grain = 0.1;
constexpr std::int64_t whole_area = 32 * 32;  ///< that so many leaves cover

void draw_leaf(Rehearsal& pictures, std::int64_t sample, Random& random) {
    // The density of radii falls as their cube.
    const double ratio = radius_min / radius_max;
    const double radius = radius_min / std::sqrt(1.0 - random.uniform() * (1.0 - ratio * ratio));
    const auto centre = [&](std::int64_t size) {
        return random.uniform() * (static_cast<double>(size) + 2.0 * radius) - radius;
    };
    const double y = centre(pictures.height);
    const double x = centre(pictures.width);
    const auto within = [&](double middle, std::int64_t size) {
        return std::pair(std::max<std::int64_t>(static_cast<std::int64_t>(middle - radius), 0),
                         std::min(static_cast<std::int64_t>(middle + radius) + 1, size));
    };
    const auto rows = within(y, pictures.height);
    const auto columns = within(x, pictures.width);
    const double light = 2.0 * random.uniform() - 1.0;
    for (std::int64_t channel = 0; channel < pictures.channels; ++channel) {
        const double colour = light + colour_spread * (2.0 * random.uniform() - 1.0);
        const std::span<float> plane = pictures.plane(sample, channel);
        for (std::int64_t row = rows.first; row < rows.second; ++row) {
            for (std::int64_t column = columns.first; column < columns.second; ++column) {
                const double down = static_cast<double>(row) - y;
                const double right = static_cast<double>(column) - x;
                if (down * down + right * right > radius * radius) continue;
                plane[static_cast<std::size_t>(row * pictures.width + column)] = static_cast<float>(colour);
            }
        }
    }
}

/// For each output place of the piece and each tap, the input's place in the piece; none where the picture has zeros.
constexpr std::int64_t outside = -1;
class Places {
   public:
    /// `share` in 0..1 says where in the picture the piece lies, when it is smaller.
    Places(const Axis& axis, std::int64_t in, double share) : kernel_(axis.kernel) {
        out = std::max<std::int64_t>((in + axis.pads.before + axis.pads.after - axis.kernel) / axis.stride + 1, 1);
        const bool whole = in == axis.in;
        for (std::int64_t at = 0; at < out; ++at) {
            const double spread = (static_cast<double>(at) + share) / static_cast<double>(out);
            const auto real = whole ? at : static_cast<std::int64_t>(spread * static_cast<double>(axis.out));
            for (std::int64_t tap = 0; tap < kernel_; ++tap) {
                const std::int64_t there = real * axis.stride - axis.pads.before + tap;
                const std::int64_t here = at * axis.stride - axis.pads.before + tap;
                places_.push_back(there < 0 || there >= axis.in ? outside : std::clamp<std::int64_t>(here, 0, in - 1));
            }
        }
    }
    std::int64_t place(std::int64_t at, std::int64_t tap) const {
        return places_[static_cast<std::size_t>(at * kernel_ + tap)];
    }
    std::int64_t out = 0;

   private:
    std::int64_t kernel_;
    std::vector<std::int64_t> places_;
};

/// Where the taps of each output place of one sample lie in a plane, tap by tap.
struct Taps {
    Sides out{1};
    std::vector<std::int64_t> offsets;  ///< [taps][out]

    Taps(const Rehearsal& from, const Window& window, std::int64_t sample) {
        constexpr double step = 1.0 / static_cast<double>(samples);
        const std::int64_t mixed = sample * 13 % samples;  // rows and columns go through all places in different orders
        const Places rows(window.rows, from.height, (static_cast<double>(sample) + 0.5) * step);
        const Places columns(window.columns, from.width, (static_cast<double>(mixed) + 0.5) * step);
        out = {rows.out, columns.out};
        for (std::int64_t y = 0; y < window.rows.kernel; ++y) {
            for (std::int64_t x = 0; x < window.columns.kernel; ++x) {
                for (std::int64_t i = 0; i < rows.out * columns.out; ++i) {
                    const std::int64_t row = rows.place(i / columns.out, y);
                    const std::int64_t column = columns.place(i % columns.out, x);
                    offsets.push_back(row == outside || column == outside ? outside : row * from.width + column);
                }
            }
        }
    }
    std::int64_t count() const { return out.rows * out.columns; }
    std::span<const std::int64_t> of(std::int64_t tap) const {
        return std::span(offsets).subspan(static_cast<std::size_t>(tap * count()), static_cast<std::size_t>(count()));
    }
};

std::vector<Taps> taps_of(const Rehearsal& from, const Window& window) {
    std::vector<Taps> taps;
    for (std::int64_t sample = 0; sample < samples; ++sample) taps.emplace_back(from, window, sample);
    return taps;
}

/// Places and filters that are computed at a time.
constexpr std::size_t panel = 8;
constexpr std::size_t filter_block = 4;

/// sums[f][j] = sum over k of weights[f][k] * columns[k][j], k by k.
void multiply_panel(const float* weights, std::size_t depth, const float* columns, float (&sums)[filter_block][panel]) {
    float block[filter_block][panel] = {};
    for (std::size_t k = 0; k < depth; ++k) {
        for (std::size_t f = 0; f < filter_block; ++f) {
            for (std::size_t j = 0; j < panel; ++j) block[f][j] += weights[f * depth + k] * columns[k * panel + j];
        }
    }
    for (std::size_t f = 0; f < filter_block; ++f) {
        for (std::size_t j = 0; j < panel; ++j) sums[f][j] = block[f][j];
    }
}

/// What the filters see at `panel` output places, from `first` on, sample after sample: [channels * taps][panel].
void gather(const Rehearsal& from, std::span<const Taps> taps, std::int64_t first, std::span<float> columns) {
    const std::int64_t count = taps.front().count();
    const auto area = static_cast<std::int64_t>(taps.front().offsets.size()) / count;
    for (std::size_t j = 0; j < panel && first + static_cast<std::int64_t>(j) < samples * count; ++j) {
        const std::int64_t sample = (first + static_cast<std::int64_t>(j)) / count;
        const std::int64_t place = (first + static_cast<std::int64_t>(j)) % count;
        const std::int64_t* offsets = taps[static_cast<std::size_t>(sample)].offsets.data() + place;
        const float* plane = from.plane(sample, 0).data();
        float* to = columns.data() + j;
        for (std::int64_t channel = 0; channel < from.channels; ++channel, plane += from.area()) {
            for (std::int64_t tap = 0; tap < area; ++tap, to += panel) {
                const std::int64_t offset = offsets[tap * count];
                *to = offset == outside ? 0.0F : plane[offset];
            }
        }
    }
}

Rehearsal convolved_apart(const Rehearsal& from, std::span<const Taps> taps, std::span<const float> weights) {
    Rehearsal result = sized(from.channels, taps.front().out);
    const auto area = static_cast<std::int64_t>(weights.size()) / from.channels;
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        for (std::int64_t channel = 0; channel < from.channels; ++channel) {
            const std::span<const float> plane = from.plane(sample, channel);
            const std::span<float> to = result.plane(sample, channel);
            for (std::int64_t tap = 0; tap < area; ++tap) {
                const float weight = weights[static_cast<std::size_t>(channel * area + tap)];
                const auto offsets = taps[static_cast<std::size_t>(sample)].of(tap);
                for (std::size_t i = 0; i < to.size(); ++i) {
                    if (offsets[i] != outside) to[i] += weight * plane[static_cast<std::size_t>(offsets[i])];
                }
            }
        }
    }
    return result;
}

Rehearsal convolved_together(const Rehearsal& from, std::span<const Taps> taps, const Filters& filters) {
    Rehearsal result = sized(filters.filters, taps.front().out);
    const auto depth = filters.weights.size() / static_cast<std::size_t>(filters.filters);
    const auto count = static_cast<std::size_t>(filters.filters);
    const std::size_t whole = count / filter_block * filter_block;
    std::vector<float> rest(filter_block * depth);  // the last block's weights, filled up with zeros
    std::copy(filters.weights.begin() + static_cast<std::ptrdiff_t>(whole * depth), filters.weights.end(),
              rest.begin());
    std::vector<float> columns(depth * panel);
    const std::int64_t places = samples * result.area();
    for (std::int64_t first = 0; first < places; first += static_cast<std::int64_t>(panel)) {
        gather(from, taps, first, columns);
        for (std::size_t f = 0; f < count; f += filter_block) {
            float sums[filter_block][panel];
            multiply_panel(f < whole ? filters.weights.data() + f * depth : rest.data(), depth, columns.data(), sums);
            for (std::size_t i = 0; i < std::min(filter_block, count - f); ++i) {
                for (std::size_t j = 0; j < panel; ++j) {
                    const std::int64_t place = first + static_cast<std::int64_t>(j);
                    if (place >= places) break;
                    result.plane(place / result.area(),
                                 static_cast<std::int64_t>(f + i))[static_cast<std::size_t>(place % result.area())] =
                        sums[i][j];
                }
            }
        }
    }
    return result;
}

}  // namespace

std::span<float> Rehearsal::plane(std::int64_t sample, std::int64_t channel) {
    return std::span(values).subspan(static_cast<std::size_t>((sample * channels + channel) * area()),
                                     static_cast<std::size_t>(area()));
}
std::span<const float> Rehearsal::plane(std::int64_t sample, std::int64_t channel) const {
    return std::span(values).subspan(static_cast<std::size_t>((sample * channels + channel) * area()),
                                     static_cast<std::size_t>(area()));
}

std::vector<ChannelMoments> moments_of(const Rehearsal& values) {
    std::vector<ChannelMoments> moments(static_cast<std::size_t>(values.channels));
    const auto count = static_cast<double>(samples * values.area());
    constexpr double fresh = static_cast<double>(samples + 1) / static_cast<double>(samples - 1);
    for (std::int64_t channel = 0; channel < values.channels; ++channel) {
        double sum = 0.0;
        for (std::int64_t sample = 0; sample < samples; ++sample) {
            for (const float value : values.plane(sample, channel)) sum += static_cast<double>(value);
        }
        const double mean = sum / count;
        double squares = 0.0;
        for (std::int64_t sample = 0; sample < samples; ++sample) {
            for (const float value : values.plane(sample, channel)) {
                squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
            }
        }
        moments[static_cast<std::size_t>(channel)] = {.mean = mean, .variance = fresh * squares / count};
    }
    return moments;
}

Rehearsal rehearsal_pictures(std::int64_t channels, Sides piece) {
    Rehearsal pictures = sized(channels, piece);
    Random random(2001);
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        for (int leaf = 0; leaf < leaves; ++leaf) draw_leaf(pictures, sample, random);
    }
    for (float& value : pictures.values) {
        const double noise = grain * (2.0 * random.uniform() - 1.0);
        value = static_cast<float>(std::clamp(static_cast<double>(value) + noise, -1.0, 1.0));
    }
    return pictures;
}

Tensor synthetic_picture(const TensorSpec& input, const SyntheticSample& sample) {
    BREAKEVEN_ASSERT(input.shape.size() == 4 && input.dtype == DType::float32);
    Rehearsal picture = sized(input.shape[1], {input.shape[2], input.shape[3]});
    Random random(sample.seed * 0x9e3779b97f4a7c15U + sample.index);
    // As many leaves for each place of the picture as the pieces have that networks are rehearsed with.
    const std::int64_t count = std::max<std::int64_t>(leaves, leaves * picture.area() / whole_area);
    for (std::int64_t leaf = 0; leaf < count; ++leaf) draw_leaf(picture, 0, random);
    const auto size = static_cast<std::size_t>(picture.channels * picture.area());
    Tensor tensor(DType::float32, {1, picture.channels, picture.height, picture.width});
    const std::span<float> values = tensor.mutable_as<float>();
    for (std::size_t i = 0; i < size; ++i) {
        const double noise = grain * (2.0 * random.uniform() - 1.0);
        values[i] = static_cast<float>(std::clamp(static_cast<double>(picture.values[i]) + noise, -1.0, 1.0));
    }
    return tensor;
}

Rehearsal convolved(const Rehearsal& from, const Window& window, const Filters& filters) {
    const std::vector<Taps> taps = taps_of(from, window);
    if (filters.groups == 1) return convolved_together(from, taps, filters);
    BREAKEVEN_ASSERT(filters.groups == from.channels && filters.filters == from.channels);
    return convolved_apart(from, taps, filters.weights);
}

Rehearsal pooled(const Rehearsal& from, const Window& window, Pool pool) {
    const std::vector<Taps> taps = taps_of(from, window);
    Rehearsal result = sized(from.channels, taps.front().out);
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        const Taps& mine = taps[static_cast<std::size_t>(sample)];
        for (std::int64_t channel = 0; channel < from.channels; ++channel) {
            const std::span<const float> plane = from.plane(sample, channel);
            const std::span<float> to = result.plane(sample, channel);
            for (std::size_t i = 0; i < to.size(); ++i) {
                float total = 0.0F;
                float most = std::numeric_limits<float>::lowest();
                float count = 0.0F;
                for (std::int64_t tap = 0; tap < window.area(); ++tap) {
                    const std::int64_t offset = mine.of(tap)[i];
                    if (offset == outside) continue;
                    const float value = plane[static_cast<std::size_t>(offset)];
                    total += value;
                    most = std::max(most, value);
                    count += 1.0F;
                }
                BREAKEVEN_ASSERT(count > 0.0F);
                to[i] = pool == Pool::largest ? most : total / count;
            }
        }
    }
    return result;
}

Rehearsal pooled_globally(const Rehearsal& from) {
    Rehearsal result = sized(from.channels, 1);
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        for (std::int64_t channel = 0; channel < from.channels; ++channel) {
            float total = 0.0F;
            for (const float value : from.plane(sample, channel)) total += value;
            result.plane(sample, channel)[0] = total / static_cast<float>(from.area());
        }
    }
    return result;
}

void scale_channels(Rehearsal& values, std::span<const double> scale, std::span<const double> offset) {
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        for (std::int64_t channel = 0; channel < values.channels; ++channel) {
            const auto c = static_cast<std::size_t>(channel);
            for (float& value : values.plane(sample, channel)) {
                value = static_cast<float>(static_cast<double>(value) * scale[c] + offset[c]);
            }
        }
    }
}

Rehearsal clipped(const Rehearsal& from, float highest) {
    Rehearsal result = from;
    for (float& value : result.values) value = std::clamp(value, 0.0F, highest);
    return result;
}

Rehearsal sum(const Rehearsal& first, const Rehearsal& second) {
    BREAKEVEN_ASSERT(first.values.size() == second.values.size());
    Rehearsal result = first;
    for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] += second.values[i];
    return result;
}

Rehearsal joined(std::span<const Rehearsed> parts) {
    std::int64_t channels = 0;
    for (const Rehearsed& part : parts) channels += part->channels;
    Rehearsal result = sized(channels, {parts.front()->height, parts.front()->width});
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        std::int64_t to = 0;
        for (const Rehearsed& part : parts) {
            BREAKEVEN_ASSERT(part->area() == result.area());
            for (std::int64_t channel = 0; channel < part->channels; ++channel) {
                const std::span<const float> plane = part->plane(sample, channel);
                std::copy(plane.begin(), plane.end(), result.plane(sample, to++).begin());
            }
        }
    }
    return result;
}

Rehearsal flattened(const Rehearsal& from, Sides size) {
    Rehearsal result = sized(from.channels * size.rows * size.columns, 1);
    auto to = result.values.begin();
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        for (std::int64_t channel = 0; channel < from.channels; ++channel) {
            const std::span<const float> plane = from.plane(sample, channel);
            for (std::int64_t i = 0; i < size.rows * size.columns; ++i) {
                const std::int64_t row = i / size.columns * from.height / size.rows;
                const std::int64_t column = i % size.columns * from.width / size.columns;
                *to++ = plane[static_cast<std::size_t>(row * from.width + column)];
            }
        }
    }
    return result;
}

Rehearsal multiplied(const Rehearsal& from, std::span<const float> weights, std::int64_t units) {
    Rehearsal result = sized(units, 1);
    for (std::int64_t sample = 0; sample < samples; ++sample) {
        float* to = result.plane(sample, 0).data();
        const float* weight = weights.data();
        for (std::int64_t i = 0; i < from.channels; ++i) {
            const float value = from.plane(sample, i)[0];
            for (std::int64_t unit = 0; unit < units; ++unit) to[unit] += value * *weight++;
        }
    }
    return result;
}

}  // namespace breakeven
