// The forms that were tried: see compress_forms.h.
#include "cli/compress_forms.h"

#include <fmt/format.h>

#include <cmath>

#include "breakeven/files/files.h"
#include "breakeven/units/text.h"
#include "cli/figures.h"

namespace breakeven::cli {
namespace {

std::filesystem::path file_of(const FormTried& form, const std::string& stem, const std::filesystem::path& folder) {
    return folder / fmt::format("{}-{}.onnx", stem, form.form.name);
}

std::string accuracy_of(const CompressionResult& result) {
    if (result.after.top1) return fmt::format("{:.1f} %", share(*result.after.top1).in(percent));
    if (!result.comparison) return "-";
    return fmt::format("{:.1f} % agree", share(result.comparison->agreement).in(percent));
}

}  // namespace

void write_forms(const FormsTried& tried, const std::string& stem, const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    for (const FormTried& form : tried.forms) {
        write_file(file_of(form, stem, folder), form.result.compressed.model.serialized());
    }
}

Json forms_json(const FormsTried& tried, const std::string& stem, const std::filesystem::path& folder) {
    Json list = Json::array();
    for (std::size_t i = 0; i < tried.forms.size(); ++i) {
        const FormTried& form = tried.forms[i];
        const auto& agreement = form.verdict.agreement;
        const auto& top1 = form.result.after.top1;
        list.push_back(
            {{"form", form.form.name},
             {"file", file_of(form, stem, folder).string()},
             {"latency", to_json(form.result.after.latency)},
             {"speedup", form.speedup() > 0.0 ? Json(form.speedup()) : Json(nullptr)},
             {"top1", top1 ? Json(share(*top1).in(of_one)) : Json(nullptr)},
             {"right", form.verdict.problem.empty()},
             {"difference", agreement && std::isfinite(agreement->error) ? Json(agreement->error) : Json(nullptr)},
             {"problem", form.verdict.problem.empty() ? Json(nullptr) : Json(form.verdict.problem)},
             {"chosen", i == tried.best}});
    }
    return list;
}

std::string forms_text(const FormsTried& tried, const Platform& platform) {
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < tried.forms.size(); ++i) {
        const FormTried& form = tried.forms[i];
        const auto& latency = form.result.after.latency;
        const auto& agreement = form.verdict.agreement;
        rows.push_back({form.form.name + (i == tried.best ? " *" : ""), latency ? to_text(latency->p50) : "-",
                        latency ? fmt::format("{:.2f}", form.speedup()) : "-", accuracy_of(form.result),
                        agreement ? fmt::format("{:.3g} %", 100.0 * agreement->error) : "-",
                        form.verdict.problem.empty() ? "yes" : "NO"});
    }
    return "\n" +
           table({fmt::format("on {}", to_text(platform)), "latency", "times as fast", "top-1", "off by", "right"},
                 rows) +
           "u, s: unsigned, signed, with their bits; activations before weights; *: written\n"
           "off by, right: what the engine makes of the form, against the graph as written\n";
}

}  // namespace breakeven::cli
