// `breakeven evaluate` for detectors: mean average precision at an overlap of a half, of each class, and the
// difference.
#include <fmt/format.h>

#include "cli/evaluate.h"

namespace breakeven::cli {
namespace {

Json optional_interval_json(const std::optional<Interval<Probability>>& of) {
    return of ? interval_json(*of) : Json(nullptr);
}

void add_precision(Json& json, const MeanPrecision& precision) {
    json["map50"] = precision.mean ? Json(number(*precision.mean)) : Json(nullptr);
    json["ci95"] = optional_interval_json(precision.ci95);
    json["classes"] = Json::array();
    for (const ClassPrecision& of_class : precision.classes) {
        json["classes"].push_back({{"label", of_class.label},
                                   {"objects", of_class.objects},
                                   {"found", of_class.found},
                                   {"ap50", number(of_class.average_precision)}});
    }
    json["strays"] = precision.strays;
}

Json against_json(const DetectionEvaluation& evaluation, const std::string& name) {
    const MeanPrecision& agreement = *evaluation.agreement;
    Json json{{"model", name},
              {"agreement", agreement.mean ? Json(number(*agreement.mean)) : Json(nullptr)},
              {"agreement_ci95", optional_interval_json(agreement.ci95)}};
    add_precision(json, evaluation.first);
    json["difference"] = evaluation.difference ? Json(number(evaluation.difference->difference)) : Json(nullptr);
    json["difference_ci95"] =
        evaluation.difference ? optional_interval_json(evaluation.difference->ci95) : Json(nullptr);
    return json;
}

std::string interval_text(const std::optional<Interval<Probability>>& of) {
    if (!of) return "no interval: the same whichever pictures are drawn";
    return fmt::format("95 % interval {:.1f} to {:.1f}", of->low.in(percent), of->high.in(percent));
}

std::string class_table(const MeanPrecision& precision) {
    std::vector<std::vector<std::string>> rows;
    for (const ClassPrecision& of_class : precision.classes) {
        rows.push_back({fmt::format("{}", of_class.label), fmt::format("{}", of_class.objects),
                        fmt::format("{}", of_class.found), percent_text(of_class.average_precision)});
    }
    return table({"class", "objects", "found", "AP50"}, rows);
}

std::string difference_text(const DetectionEvaluation& evaluation) {
    if (!evaluation.difference) return {};
    const auto& [difference, interval] = *evaluation.difference;
    const std::string other = percent_text(*evaluation.first.mean);
    if (!interval) {
        return fmt::format("  mAP50 {:+.1f} points to its {}, the same whichever pictures are drawn\n",
                           difference.in(percent), other);
    }
    const bool differ = interval->low > of_one(0.0) || interval->high < of_one(0.0);
    return fmt::format("  mAP50 {:+.1f} points to its {} (95 % interval {:+.1f} to {:+.1f}): {}\n",
                       difference.in(percent), other, interval->low.in(percent), interval->high.in(percent),
                       differ ? "they differ" : "no difference shown");
}

std::string against_text(const DetectionEvaluation& evaluation, const std::string& name) {
    const MeanPrecision& agreement = *evaluation.agreement;
    std::string text = fmt::format("against {}: it finds nothing to agree with\n", name);
    if (agreement.mean) {
        text = fmt::format("against {}: agreement {} ({}), which is mAP50 if its boxes were the true ones\n", name,
                           percent_text(*agreement.mean), interval_text(agreement.ci95));
    }
    return text + difference_text(evaluation);
}

std::string stray_text(const MeanPrecision& precision) {
    if (precision.strays == 0 || !precision.mean) return {};
    return fmt::format("{} boxes are of classes that boxes.csv does not have; they count for nothing\n",
                       precision.strays);
}

}  // namespace

void answer_detector(const Shell& shell, const Pictures& pictures, const Evaluated& networks,
                     const DetectionEvaluation& evaluation) {
    const MeanPrecision& precision = evaluation.second ? *evaluation.second : evaluation.first;
    const bool untrained = is_untrained(networks);
    const std::string where = to_text(networks.model.platform);
    Json document{{"model", networks.model.name},
                  {"data", pictures.data},
                  {"where", where},
                  {"n", precision.pictures},
                  {"objects", precision.objects}};
    add_precision(document, precision);
    document["untrained"] = untrained;

    std::string text = "no true boxes: there is no precision, and agreement with another network at most\n";
    if (precision.mean) {
        text = fmt::format("mAP50 {} ({})\n", percent_text(*precision.mean), interval_text(precision.ci95));
    }
    if (untrained) text += "untrained: seeded weights; agreement is all that means something\n";
    if (networks.against) {
        document["against"] = against_json(evaluation, networks.against->name);
        text += against_text(evaluation, networks.against->name);
    }
    if (!precision.classes.empty()) text += class_table(precision);
    text += stray_text(precision);
    text += fmt::format("{} objects on {} of {} pictures in {}, on {}\n", precision.objects, precision.pictures,
                        pictures.pictures, pictures.data, where);
    shell.answer(document, text);
}

}  // namespace breakeven::cli
