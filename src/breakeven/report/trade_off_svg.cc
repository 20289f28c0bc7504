// What compressing costs and buys, as pictures: see trade_off_svg.h. Marks carry numbers, which the legend explains:
// names would lie over one another.
#include "breakeven/report/trade_off_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "breakeven/report/html.h"
#include "breakeven/units/text.h"

namespace breakeven {
namespace {

// In the picture's own units, which on a narrow phone are pixels.
constexpr double width = 330.0;
constexpr double height = 212.0;
constexpr double left = 56.0;
constexpr double right = 16.0;
constexpr double top = 14.0;
constexpr double bottom = 28.0;
constexpr double mark_radius = 9.0;

/// A picture's x: what it is, each variant's figure in base units, and how a figure is written.
struct Measure {
    std::string what;
    std::function<std::optional<double>(const TradeOff&)> of;
    std::function<std::string(double)> text;
};

std::vector<Measure> measures() {
    return {
        {"file size",
         [](const TradeOff& v) { return v.size ? std::optional(static_cast<double>(v.size->count())) : std::nullopt; },
         [](double x) { return to_text(Bytes(static_cast<std::int64_t>(x))); }},
        {"latency", [](const TradeOff& v) { return v.latency ? std::optional(v.latency->count()) : std::nullopt; },
         [](double x) { return to_text(Seconds(x)); }},
        {"energy", [](const TradeOff& v) { return v.energy ? std::optional(v.energy->in(joules)) : std::nullopt; },
         [](double x) { return to_text(joules(x)); }}};
}

/// The largest of 1, 2, 5 times a power of ten that is not above.
double round_step(double about) {
    const double power = std::pow(10.0, std::floor(std::log10(about)));
    for (const double factor : {5.0, 2.0}) {
        if (factor * power <= about) return factor * power;
    }
    return power;
}

/// The y axis: in percent, whole steps, a little more than what is shown.
struct Scale {
    double low = 0.0;
    double high = 100.0;
    double step = 20.0;
};

Scale accuracy_scale(const std::vector<TradeOff>& variants) {
    const auto [least, most] = std::ranges::minmax(variants, {}, &TradeOff::top1);
    const double span = std::max(100.0 * (most.top1 - least.top1), 2.0);
    Scale scale;
    scale.step = round_step(span / 2.0);
    scale.low = std::max(0.0, std::floor((100.0 * least.top1 - 0.1 * span) / scale.step) * scale.step);
    scale.high = std::min(100.0, std::ceil((100.0 * most.top1 + 0.1 * span) / scale.step) * scale.step);
    if (scale.high - scale.low < scale.step) scale.low = std::max(0.0, scale.high - scale.step);
    return scale;
}

class Picture {
   public:
    Picture(const std::vector<TradeOff>& variants, const Measure& measure, const Scale& scale)
        : variants_(variants), measure_(measure), scale_(scale) {
        for (const TradeOff& variant : variants) most_ = std::max(most_, measure.of(variant).value_or(0.0));
        most_ *= 1.08;
    }

    bool says_something() const {
        return std::ranges::count_if(variants_, [&](const TradeOff& v) { return measure_.of(v).has_value(); }) > 1;
    }

    std::string svg(const std::string& accuracy_word) const {
        return fmt::format(
            "<figure><figcaption>{} against {}</figcaption><svg class=\"trade-off\" viewBox=\"0 0 {:.0f} {:.0f}\" "
            "role=\"img\" aria-label=\"{} against {}\">\n{}{}</svg></figure>\n",
            accuracy_word, measure_.what, width, height, accuracy_word, measure_.what, axes(), marks());
    }

   private:
    double x(double figure) const { return left + (width - left - right) * figure / most_; }
    double y(double percentage) const {
        return height - bottom - (height - bottom - top) * (percentage - scale_.low) / (scale_.high - scale_.low);
    }

    std::string axes() const {
        std::string out;
        for (double at = scale_.low; at <= scale_.high + 1e-9; at += scale_.step) {
            out += fmt::format(
                "<line x1=\"{0:.0f}\" y1=\"{2:.1f}\" x2=\"{1:.0f}\" y2=\"{2:.1f}\" class=\"grid\"/>"
                "<text x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g} %</text>\n",
                left, width - right, y(at), left - 6, y(at) + 4, at);
        }
        const double step = round_step(most_ / 2.5);
        for (double at = 0.0; at <= most_; at += step) {
            out += fmt::format(
                "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" class=\"grid\"/>"
                "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4}</text>\n",
                x(at), top, height - bottom, height - bottom + 18, at == 0.0 ? "0" : measure_.text(at));
        }
        return out;
    }

    /// Another is at least as right and takes no more, and is better in one of both.
    bool is_beaten(const TradeOff& variant) const {
        return std::ranges::any_of(variants_, [&](const TradeOff& other) {
            const auto theirs = measure_.of(other);
            const auto own = measure_.of(variant);
            return theirs && *theirs <= *own && other.top1 >= variant.top1 &&
                   (*theirs < *own || other.top1 > variant.top1);
        });
    }

    std::string marks() const {
        std::string out;
        for (std::size_t i = variants_.size(); i-- > 0;) {  // the network as given lies on top
            const TradeOff& variant = variants_[i];
            const auto figure = measure_.of(variant);
            if (!figure) continue;
            const double at_x = x(*figure);
            const double at_y = y(100.0 * variant.top1);
            out += fmt::format(
                "<g class=\"{}\"><title>{}: {:.1f} %, {}</title><circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.0f}\"/>"
                "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></g>\n",
                is_beaten(variant) ? "beaten" : "front", html_text(variant.variant), 100.0 * variant.top1,
                measure_.text(*figure), at_x, at_y, mark_radius, at_x, at_y + 4.5, i + 1);
        }
        return out;
    }

    const std::vector<TradeOff>& variants_;
    const Measure& measure_;
    const Scale& scale_;
    double most_ = 0.0;
};

std::string legend(const std::vector<TradeOff>& variants) {
    std::string out = "<ol class=\"legend numbered\">";
    for (const TradeOff& variant : variants) {
        out += fmt::format("<li>{}: {:.1f} %", html_text(variant.variant), 100.0 * variant.top1);
        if (variant.size) out += ", " + to_text(*variant.size);
        if (variant.latency) out += ", " + to_text(*variant.latency);
        if (variant.energy) out += ", " + to_text(*variant.energy);
        out += "</li>";
    }
    return out + "</ol>";
}

}  // namespace

std::vector<TradeOff> trade_offs(const Advice& advice) {
    std::vector<TradeOff> found;
    // A codec's accuracy is not its variant's.
    const auto judged =
        std::ranges::find_if(advice.plans, [](const Plan& p) { return p.accuracy.has_value() && !p.is_coded(); });
    if (judged == advice.plans.end()) return found;
    const double given_top1 = judged->accuracy->top1 + judged->accuracy->drop;
    for (const Plan& plan : advice.plans) {
        const bool is_given = plan.variant == as_given;
        if ((!plan.accuracy && !is_given) || plan.is_coded()) continue;
        auto of = std::ranges::find(found, plan.variant, &TradeOff::variant);
        if (of == found.end()) {
            found.push_back({.variant = plan.variant,
                             .top1 = is_given ? given_top1 : plan.accuracy->top1,
                             .size = {},
                             .latency = {},
                             .energy = {}});
            of = found.end() - 1;
            const auto file = std::ranges::find(advice.files, plan.variant, &VariantFile::variant);
            if (file != advice.files.end()) of->size = file->size;
        }
        const Seconds latency = plan.whole_latency();
        if (!of->latency || latency < *of->latency) of->latency = latency;
        if (plan.cost.energy && (!of->energy || plan.cost.energy->value < *of->energy)) {
            of->energy = plan.cost.energy->value;
        }
    }
    std::ranges::stable_sort(
        found, [](const TradeOff& a, const TradeOff& b) { return a.variant == as_given && b.variant != as_given; });
    return found;
}

std::string trade_off_svg(const Advice& advice) {
    const std::vector<TradeOff> variants = trade_offs(advice);
    if (variants.size() < 2) return {};
    const bool is_agreement =
        std::ranges::any_of(advice.plans, [](const Plan& p) { return p.accuracy && p.accuracy->is_agreement; });
    const Scale scale = accuracy_scale(variants);
    const std::vector<Measure> all = measures();
    std::string out = "<div class=\"trade-offs\">\n";
    for (const Measure& measure : all) {
        const Picture picture(variants, measure, scale);
        if (picture.says_something()) out += picture.svg(is_agreement ? "Agreement" : "Accuracy");
    }
    return out + "</div>\n" + legend(variants);
}

}  // namespace breakeven
