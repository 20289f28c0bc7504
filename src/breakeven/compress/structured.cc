// structured: see structured.h.
#include "breakeven/compress/structured.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <unordered_map>

#include "breakeven/compress/prune.h"
#include "breakeven/compress/structured_choice.h"
#include "breakeven/compress/structured_study.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

void check(const ChannelOptions& options, const Calibration& calibration) {
    const auto refuse = [](const std::string& reason) { throw Error(ErrorKind::usage, "remove channels", reason); };
    if (!(options.keep > 0.0 && options.keep <= 1.0)) refuse("the share of work to keep must be above 0 and at most 1");
    if (options.multiple < 1) refuse("widths must be multiples of 1 or more");
    if (options.damping && !(*options.damping > 0.0)) refuse("the damping must be positive");
    if (options.fit && options.fit->count() <= 0) refuse("the size that layers shall fit must be positive");
    const bool looks = options.choice == ChannelChoice::second_order || options.refit != ChannelRefit::none;
    if (looks && calibration.samples.count == 0) {
        refuse("there are no calibration samples; give a folder of inputs (labels are not needed)");
    }
}

std::vector<LayerCost::Part> parts_of(Study& study, const std::vector<int>& labels) {
    std::unordered_map<std::size_t, std::int64_t> by_group;
    std::int64_t fixed = 0;
    for (const int label : labels) {
        const auto group = study.group_of.find(study.map.unit(label));
        if (group == study.group_of.end()) {
            ++fixed;
        } else {
            ++by_group[group->second];
        }
    }
    std::vector<LayerCost::Part> parts;
    if (fixed > 0) parts.push_back({std::nullopt, fixed});
    for (const auto& [group, channels] : by_group) parts.push_back({group, channels});
    return parts;
}

std::int64_t positions_in(const Study& study, const LinearLayer& layer) {
    const auto output = study.network.tensor(layer.output);
    if (!output) return 0;
    const auto elements = element_count(with_batch(*output, 1).shape);
    return elements ? *elements / layer.outputs : 0;
}

Costs costs_of(Study& study, const ChannelOptions& options) {
    Costs costs;
    costs.lane = options.multiple;
    for (const ChannelGroup& group : study.groups) costs.all.push_back(static_cast<std::int64_t>(group.units.size()));
    costs.layers.resize(study.layers.layers.size());
    for (std::size_t l = 0; l < costs.layers.size(); ++l) {
        const LinearLayer& layer = study.layers.layers[l];
        costs.layers[l] = {.read = {},
                           .made = {{std::nullopt, layer.outputs}},
                           .inputs = layer.inputs,
                           .kernel = 1,
                           .positions = positions_in(study, layer),
                           .depthwise = layer.is_depthwise(),
                           .vectors = layer.kind == LinearLayer::Kind::convolution};
    }
    for (const ChannelUse& use : study.map.uses()) {
        const auto found = study.layer_of.find(use.layer);
        if (found == study.layer_of.end()) continue;
        const LinearLayer& layer = study.layers.layers[found->second];
        if (use.tensor != layer.weights) continue;
        LayerCost& cost = costs.layers[found->second];
        if (use.role == ChannelUse::Role::read) {
            cost.read = parts_of(study, use.labels);
            cost.kernel = layer.inputs / static_cast<std::int64_t>(use.labels.size());
        } else {
            cost.made = parts_of(study, use.labels);
        }
    }
    return costs;
}

/// How many units must stay: a width that is a multiple.
std::size_t least_of(const ChannelGroup& group, const ChannelOptions& options) {
    return std::min(group.units.size(), static_cast<std::size_t>(options.multiple));
}

RemovalOrder order_by_magnitude(Study& study, const ChannelGroup& group, const ChannelOptions& options) {
    std::unordered_map<int, double> size;
    for (const std::size_t u : group.makers) {
        const ChannelUse& use = study.map.uses()[u];
        const LinearLayer* layer = study.layer(use);
        if (layer == nullptr) continue;
        const Matrix weights = matrix_of(study.network, *layer, 0);
        for (std::size_t i = 0; i < use.labels.size(); ++i) {
            const auto row = static_cast<Eigen::Index>(i);
            size[study.map.unit(use.labels[i])] += static_cast<double>(weights.row(row).cwiseAbs().sum());
        }
    }
    RemovalOrder order;
    order.units = group.units;
    std::stable_sort(order.units.begin(), order.units.end(), [&](int a, int b) { return size[a] < size[b]; });
    order.units.resize(order.units.size() - least_of(group, options));
    order.loss.push_back(0.0);
    for (const int unit : order.units) order.loss.push_back(order.loss.back() + size[unit]);
    return order;
}

ReaderLoss reader_loss(Study& study, const ChannelUse& use, const LinearLayer& layer, const Moments& moments,
                       const ChannelGroup& group) {
    ReaderLoss reader;
    reader.weights = matrix_of(study.network, layer, 0);
    reader.curvature = moments.inputs;
    const float floor = std::max(moments.inputs.diagonal().maxCoeff(), 1e-20F) * 1e-6F;
    reader.curvature.diagonal() +=
        static_cast<float>(ranking_damping(moments)) * moments.inputs.diagonal().cwiseMax(floor);
    reader.variance = moments.outputs_variance.cast<double>().sum();
    std::unordered_map<int, std::size_t> place;
    for (std::size_t i = 0; i < group.units.size(); ++i) place[group.units[i]] = i;
    reader.columns.resize(group.units.size());
    const std::int64_t width = layer.inputs / static_cast<std::int64_t>(use.labels.size());
    for (std::size_t i = 0; i < use.labels.size(); ++i) {
        const auto found = place.find(study.map.unit(use.labels[i]));
        if (found == place.end()) continue;
        for (std::int64_t k = 0; k < width; ++k) {
            reader.columns[found->second].push_back(static_cast<Eigen::Index>(i) * width + k);
        }
    }
    return reader;
}

/// Removal orders for as many groups as have their readers' moments in memory at a time.
class Orders {
   public:
    Orders(Study& study, const ChannelOptions& options, const Calibration& calibration)
        : study_(study), options_(options), calibration_(calibration) {
        if (options.sensitivity_samples > 0) sensitivity_.emplace(study, calibration, options.sensitivity_samples);
    }

    std::vector<RemovalOrder> all() {
        std::vector<RemovalOrder> orders;
        std::set<std::size_t> readers;
        std::int64_t numbers = 0;
        std::size_t from = 0;
        for (std::size_t g = 0; g <= study_.groups.size(); ++g) {
            constexpr std::int64_t numbers_max = 16'000'000;  // of moments at a time: about 200 MB
            if (g == study_.groups.size() || numbers > numbers_max) {
                batch(from, g, readers, orders);
                readers.clear();
                numbers = 0;
                from = g;
            }
            if (g == study_.groups.size()) break;
            for (const std::size_t u : study_.groups[g].readers) {
                const LinearLayer* layer = study_.layer(study_.map.uses()[u]);
                if (usable(layer) && readers.insert(u).second) numbers += layer->inputs * layer->inputs;
            }
        }
        return orders;
    }

   private:
    bool usable(const LinearLayer* layer) const {
        return layer != nullptr && layer->rows_known && layer->inputs <= options_.inputs_max && layer->groups == 1;
    }

    void batch(std::size_t from, std::size_t to, const std::set<std::size_t>& readers,
               std::vector<RemovalOrder>& orders) {
        std::vector<LinearLayer> layers;
        std::unordered_map<std::size_t, std::size_t> place;
        for (const std::size_t u : readers) {
            place[u] = layers.size();
            layers.push_back(*study_.layer(study_.map.uses()[u]));
        }
        if (layers.empty()) {
            for (; from < to; ++from) orders.push_back({{}, {0.0}});
            return;
        }
        std::vector<SplitMoments> moments;
        for (const auto& halves : moments_of(layers, study_.base, study_.base, calibration_, options_.gram)) {
            moments.push_back(halves.front());
        }
        for (; from < to; ++from) {
            const ChannelGroup& group = study_.groups[from];
            std::vector<ReaderLoss> losses;
            for (const std::size_t u : group.readers) {
                if (!place.contains(u)) break;
                const SplitMoments& halves = moments[place.at(u)];
                if (halves.even.rows + halves.odd.rows < layers[place.at(u)].inputs) break;
                const ChannelUse& use = study_.map.uses()[u];
                losses.push_back(reader_loss(study_, use, layers[place.at(u)], joined(moments[place.at(u)]), group));
            }
            // A reader that cannot be looked at, or was seen fewer times than it has inputs (a classifier behind a
            // global pooling): nobody knows what its channels are worth.
            const bool known = losses.size() == group.readers.size();
            const std::size_t least = known ? least_of(group, options_) : group.units.size();
            orders.push_back(removal_order(group.units, std::move(losses), least));
            std::vector<const SplitMoments*> seen;
            for (const std::size_t u : group.readers) {
                if (known) seen.push_back(&moments[place.at(u)]);
            }
            if (sensitivity_) weigh(orders.back(), group, seen);
            if (options_.progress) options_.progress("channels ranked", orders.size(), study_.groups.size());
        }
    }

    /// The losses become what the network's answers tell, tried at a width one step down, two, four and so on; between
    /// those tried they rise as the readers' own do.
    void weigh(RemovalOrder& order, const ChannelGroup& group, std::span<const SplitMoments* const> moments) {
        const auto multiple = static_cast<std::size_t>(options_.multiple);
        const std::size_t all = group.units.size();
        const std::vector<double> own = order.loss;
        std::size_t before = 0;
        double loss_before = 0.0;
        for (std::size_t step = 1; before < order.units.size(); step *= 2) {
            const std::size_t steps_down = std::min((step - 1) * multiple, all);
            const std::size_t widest = (all - 1) / multiple * multiple;
            const std::size_t removed = std::min(all - widest + steps_down, order.units.size());
            // A share below float's resolution still makes wider cuts dearer than narrower ones.
            const double moved = sensitivity_->of(group, std::span(order.units).first(removed), moments);
            const double loss = std::max({moved, loss_before, 1e-9 * static_cast<double>(removed)});
            const double rise = own[removed] - own[before];
            for (std::size_t n = before + 1; n <= removed; ++n) {
                const double even = static_cast<double>(n - before) / static_cast<double>(removed - before);
                order.loss[n] =
                    loss_before + (loss - loss_before) * (rise > 0.0 ? (own[n] - own[before]) / rise : even);
            }
            before = removed;
            loss_before = loss;
        }
    }

    Study& study_;
    const ChannelOptions& options_;
    const Calibration& calibration_;
    std::optional<Sensitivity> sensitivity_;
};

void refit_layers(Study& study, const std::vector<bool>& removed, const ChannelOptions& options,
                  const Calibration& calibration) {
    PruneOptions fitting;
    fitting.sparsity = 0.0;
    fitting.damping = options.damping;
    fitting.second_order.last_steps = options.steps;
    fitting.gram = options.gram;
    fitting.passes_max = options.passes_max;
    fitting.inputs_max = options.inputs_max;
    if (options.progress) {
        fitting.progress = [&](const PrunedLayer&, std::size_t done, std::size_t total) {
            options.progress("layers fitted", done, total);
        };
    }
    const Teacher teacher{study.base, study.kept_outputs(removed)};
    prune(study.network, fitting, &calibration, &teacher);
}

Widths given_widths(const Costs& costs, std::span<const RemovalOrder> orders, const ChannelOptions& options) {
    bool fits = options.widths.size() == orders.size();
    for (std::size_t g = 0; fits && g < orders.size(); ++g) {
        const std::int64_t removed = costs.all[g] - options.widths[g];
        fits = removed >= 0 && removed <= static_cast<std::int64_t>(orders[g].units.size());
    }
    if (!fits) {
        throw Error(ErrorKind::usage, "remove channels",
                    fmt::format("the widths given do not fit the {} groups of channels", orders.size()));
    }
    return options.widths;
}

ChannelReport report_of(Study& study, const Costs& costs, const Widths& widths, std::span<const RemovalOrder> orders,
                        const ChannelOptions& options) {
    ChannelReport report;
    for (std::size_t g = 0; g < study.groups.size(); ++g) {
        PrunedChannels group;
        for (const std::size_t u : study.groups[g].makers) {
            const LinearLayer* layer = study.layer(study.map.uses()[u]);
            group.makers.push_back(layer == nullptr ? study.map.uses()[u].layer : layer->node);
        }
        group.before = costs.all[g];
        group.after = widths[g];
        group.error = orders[g].loss[static_cast<std::size_t>(group.before - group.after)];
        report.groups.push_back(std::move(group));
    }
    report.macs_before = costs.macs(costs.all);
    report.macs_after = costs.macs(widths);
    report.work_left = costs.work(widths) / std::max(costs.work(costs.all), 1.0);
    report.layers = costs.layers.size();
    for (const LayerCost& layer : costs.layers) {
        if (!options.fit) break;
        if (options.weight_size * costs.weights(layer, costs.all) <= *options.fit) ++report.layers_fit_before;
        if (options.weight_size * costs.weights(layer, widths) <= *options.fit) ++report.layers_fit_after;
    }
    report.left_alone = study.map.left_alone();
    report.left_alone.insert(report.left_alone.end(), study.layers.left_alone.begin(), study.layers.left_alone.end());
    return report;
}

}  // namespace

PrunedNetwork prune_channels(const Model& model, const ChannelOptions& options, const Calibration& calibration) {
    check(options, calibration);
    Study study(model);
    if (study.groups.empty()) {
        throw Error(ErrorKind::unsupported, fmt::format("remove channels of '{}'", model.name()),
                    "no channel can go: each reaches an output, or an operator that is not known here");
    }
    const Costs costs = costs_of(study, options);
    std::vector<RemovalOrder> orders;
    if (options.choice == ChannelChoice::magnitude) {
        for (const ChannelGroup& group : study.groups) orders.push_back(order_by_magnitude(study, group, options));
    } else {
        orders = Orders(study, options, calibration).all();
    }
    const Widths widths =
        options.widths.empty() ? choose_widths(costs, orders, options) : given_widths(costs, orders, options);
    std::vector<bool> removed(study.map.labels(), false);
    for (std::size_t g = 0; g < widths.size(); ++g) {
        for (std::int64_t i = 0; i < costs.all[g] - widths[g]; ++i) {
            removed[static_cast<std::size_t>(orders[g].units[static_cast<std::size_t>(i)])] = true;
        }
    }
    study.map.remove(study.network, removed);
    if (options.refit == ChannelRefit::least_squares) refit_layers(study, removed, options, calibration);
    ChannelReport report = report_of(study, costs, widths, orders, options);
    return {study.network.finish(), std::move(report)};
}

}  // namespace breakeven
