// structured_choice: see structured_choice.h.
#include "breakeven/compress/structured_choice.h"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <limits>

#include "breakeven/error.h"

namespace breakeven {

namespace {

/// A reader while units are removed from it.
struct Reading {
    Eigen::MatrixXf inverse;  ///< of the curvature of what is left; zero where columns are gone
    Eigen::MatrixXf weights;
    double share = 1.0;  ///< 1 / variance
};

double cost_of(const Reading& reading, const std::vector<Eigen::Index>& columns) {
    if (columns.empty()) return 0.0;
    const Eigen::MatrixXf block = reading.inverse(columns, columns);
    const Eigen::MatrixXf weights = reading.weights(Eigen::all, columns);
    const Eigen::MatrixXf solved = block.llt().solve(weights.transpose());
    return std::max(static_cast<double>(solved.transpose().cwiseProduct(weights).sum()), 0.0) * reading.share;
}

void remove(Reading& reading, const std::vector<Eigen::Index>& columns) {
    if (columns.empty()) return;
    const Eigen::MatrixXf block = reading.inverse(columns, columns);
    const Eigen::MatrixXf rows = reading.inverse(columns, Eigen::all);
    const Eigen::MatrixXf solved = block.llt().solve(rows);
    const Eigen::MatrixXf weights = reading.weights(Eigen::all, columns);
    reading.weights.noalias() -= weights * solved;
    reading.inverse.noalias() -= rows.transpose() * solved;
    for (const Eigen::Index column : columns) {
        reading.weights.col(column).setZero();
        reading.inverse.col(column).setZero();
        reading.inverse.row(column).setZero();
    }
}

}  // namespace

RemovalOrder removal_order(std::span<const int> units, std::vector<ReaderLoss> readers, std::size_t least) {
    std::vector<Reading> readings;
    for (const ReaderLoss& reader : readers) {
        const Eigen::MatrixXf curvature = reader.curvature;
        const Eigen::MatrixXf identity = Eigen::MatrixXf::Identity(curvature.rows(), curvature.cols());
        readings.push_back({curvature.llt().solve(identity), reader.weights, 1.0 / std::max(reader.variance, 1e-30)});
    }
    RemovalOrder order;
    order.loss.push_back(0.0);
    std::vector<std::size_t> left(units.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
    while (left.size() > least) {
        std::size_t best = 0;
        double best_cost = std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < left.size(); ++i) {
            double cost = 0.0;
            for (std::size_t r = 0; r < readings.size(); ++r) cost += cost_of(readings[r], readers[r].columns[left[i]]);
            if (cost < best_cost) {
                best = i;
                best_cost = cost;
            }
        }
        BREAKEVEN_ASSERT(std::isfinite(best_cost));
        for (std::size_t r = 0; r < readings.size(); ++r) remove(readings[r], readers[r].columns[left[best]]);
        order.units.push_back(units[left[best]]);
        order.loss.push_back(order.loss.back() + best_cost);
        left.erase(left.begin() + static_cast<std::ptrdiff_t>(best));
    }
    return order;
}

namespace {

std::int64_t kept(const std::vector<LayerCost::Part>& parts, const Widths& all, const Widths& widths) {
    std::int64_t channels = 0;
    for (const LayerCost::Part& part : parts) {
        channels += part.group ? part.channels / all[*part.group] * widths[*part.group] : part.channels;
    }
    return channels;
}

std::int64_t padded(std::int64_t channels, std::int64_t lane) {
    return (channels + lane - 1) / lane * lane;
}

std::int64_t columns(const LayerCost& layer, const Widths& all, const Widths& widths) {
    return layer.read.empty() ? layer.inputs : kept(layer.read, all, widths) * layer.kernel;
}

}  // namespace

std::int64_t Costs::weights(const LayerCost& layer, const Widths& widths) const {
    return kept(layer.made, all, widths) * columns(layer, all, widths);
}

std::int64_t Costs::macs(const Widths& widths) const {
    std::int64_t total = 0;
    for (const LayerCost& layer : layers) total += layer.positions * weights(layer, widths);
    return total;
}

double Costs::work(const Widths& widths) const {
    // A result is written, read by the next layer and passes an activation: about the time of so many multiply-adds.
    constexpr double moving = 16.0;
    // Depthwise kernels use each number they load once: a quarter of the speed.
    constexpr double depthwise_factor = 4.0;
    double total = 0.0;
    for (const LayerCost& layer : layers) {
        std::int64_t outputs = kept(layer.made, all, widths);
        std::int64_t inputs = columns(layer, all, widths);
        if (layer.vectors) {
            outputs = padded(outputs, lane);
            if (!layer.read.empty()) inputs = padded(kept(layer.read, all, widths), lane) * layer.kernel;
        }
        const double multiply_adds = static_cast<double>(inputs) * (layer.depthwise ? depthwise_factor : 1.0);
        total += static_cast<double>(layer.positions) * static_cast<double>(outputs) * (multiply_adds + moving);
    }
    return total;
}

namespace {

/// What n of the group's units cost when they are kept.
double loss_at(const RemovalOrder& order, std::int64_t all, std::int64_t kept) {
    const auto removed = static_cast<std::size_t>(all - kept);
    return removed < order.loss.size() ? order.loss[removed] : std::numeric_limits<double>::infinity();
}

Widths even_widths(const Costs& costs, std::span<const RemovalOrder> orders, const ChannelOptions& options) {
    const double goal = options.keep * costs.work(costs.all);
    Widths widths = costs.all;
    constexpr int shares = 400;
    for (int share = shares; share > 0 && costs.work(widths) > goal; --share) {
        for (std::size_t g = 0; g < widths.size(); ++g) {
            const double wanted = static_cast<double>(costs.all[g]) * share / shares;
            std::int64_t width = padded(static_cast<std::int64_t>(std::ceil(wanted)), options.multiple);
            width = std::min(width, costs.all[g]);
            if (std::isfinite(loss_at(orders[g], costs.all[g], width))) widths[g] = width;
        }
    }
    return widths;
}

/// The narrower width whose step costs least loss for each unit of what `saved` counts; false when none saves any.
template <class Saved>
bool narrow(Widths& widths, const Costs& costs, std::span<const RemovalOrder> orders, std::int64_t multiple,
            const Saved& saved) {
    double best = std::numeric_limits<double>::infinity();
    std::size_t best_group = 0;
    std::int64_t best_width = 0;
    for (std::size_t g = 0; g < widths.size(); ++g) {
        const double loss = loss_at(orders[g], costs.all[g], widths[g]);
        for (std::int64_t width = (widths[g] - 1) / multiple * multiple; width > 0; width -= multiple) {
            const double more = loss_at(orders[g], costs.all[g], width) - loss;
            if (!std::isfinite(more)) break;
            Widths narrower = widths;
            narrower[g] = width;
            const double saving = saved(narrower);
            if (saving > 0.0 && more / saving < best) {
                best = more / saving;
                best_group = g;
                best_width = width;
            }
        }
    }
    if (best_width == 0) return false;
    widths[best_group] = best_width;
    return true;
}

/// Gives one group back the width, up to `most`, that takes away most loss while the work stays below `goal`; false
/// when there is none. Early steps were cheap for what was missing then; later ones may have made them needless.
bool widen(Widths& widths, const Widths& most, const Costs& costs, std::span<const RemovalOrder> orders, double goal) {
    double best = 0.0;
    Widths chosen;
    for (std::size_t g = 0; g < widths.size(); ++g) {
        const double loss = loss_at(orders[g], costs.all[g], widths[g]);
        for (std::int64_t width = widths[g] + 1; width <= most[g]; ++width) {
            if (width % costs.lane != 0 && width != most[g]) continue;
            Widths wider = widths;
            wider[g] = width;
            if (costs.work(wider) > goal) break;
            const double less = loss - loss_at(orders[g], costs.all[g], width);
            if (less > best) {
                best = less;
                chosen = wider;
            }
        }
    }
    if (chosen.empty()) return false;
    widths = chosen;
    return true;
}

/// Bytes by which layers exceed what they shall fit.
double excess(const Costs& costs, const Widths& widths, const ChannelOptions& options) {
    double total = 0.0;
    for (const LayerCost& layer : costs.layers) {
        const Bytes size = options.weight_size * costs.weights(layer, widths);
        total += std::max(static_cast<double>((size - *options.fit).count()), 0.0);
    }
    return total;
}

}  // namespace

Widths choose_widths(const Costs& costs, std::span<const RemovalOrder> orders, const ChannelOptions& options) {
    Widths widths = costs.all;
    if (options.fit) {
        for (double now = excess(costs, widths, options); now > 0.0; now = excess(costs, widths, options)) {
            const auto saved = [&](const Widths& narrower) { return now - excess(costs, narrower, options); };
            if (!narrow(widths, costs, orders, options.multiple, saved)) break;
        }
    }
    if (options.allocation == ChannelAllocation::even) {
        const Widths even = even_widths(costs, orders, options);
        for (std::size_t g = 0; g < widths.size(); ++g) widths[g] = std::min(widths[g], even[g]);
        return widths;
    }
    const Widths most = widths;
    const double goal = options.keep * costs.work(costs.all);
    for (double now = costs.work(widths); now > goal; now = costs.work(widths)) {
        // More than what is missing saves nothing.
        const auto saved = [&](const Widths& narrower) { return std::min(now - costs.work(narrower), now - goal); };
        if (!narrow(widths, costs, orders, options.multiple, saved)) break;
    }
    while (widen(widths, most, costs, orders, std::max(goal, costs.work(widths)))) {
    }
    return widths;
}

}  // namespace breakeven
