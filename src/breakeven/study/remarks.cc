// Remarks: see remarks.h.
#include "breakeven/study/remarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;

/// What is not alike among the folders, or in one of them: versions, and variants that some lack.
void add_differences(const std::vector<StudyFolder>& folders, const FolderRows& rows, const Results& results,
                     std::vector<std::string>& out) {
    std::set<std::string> versions;
    for (const StudyFolder& folder : folders) {
        for (const RecordEntry& entry : folder.entries) {
            const Json key = Json::parse(entry.key, nullptr, false);
            if (key.is_object() && key.contains("breakeven")) versions.insert(key.at("breakeven").get<std::string>());
        }
    }
    if (versions.size() > 1) {
        out.push_back(
            fmt::format("Cells of several versions of Breakeven stand side by side: {}.", fmt::join(versions, ", ")));
    }
    if (folders.size() < 2) return;
    for (std::size_t i = 0; i < folders.size(); ++i) {
        std::set<std::size_t> has;
        for (std::size_t k = i == 0 ? 0 : rows.row_ends[i - 1]; k < rows.row_ends[i]; ++k)
            has.insert(results.rows[k].variant);
        if (has.size() == results.variants.size()) continue;
        out.push_back(fmt::format("{} has {} of the {} variants; its means are over those.", rows.names[i], has.size(),
                                  results.variants.size()));
    }
}

/// How many cells were disturbed while they were measured, and by what, the first as it was told.
void add_disturbances(const std::vector<StudyFolder>& folders, std::vector<std::string>& out) {
    std::size_t cells = 0, disturbed = 0;
    std::string first;
    for (const StudyFolder& folder : folders) {
        for (const RecordEntry& entry : folder.entries) {
            const auto warnings = entry.value.find("warnings");
            if (warnings == entry.value.end()) continue;
            ++cells;
            for (const Json& warning : *warnings) {
                const auto& text = warning.get_ref<const std::string&>();
                if (text.find("other programs") == std::string::npos) continue;
                if (++disturbed == 1) first = text;
                break;
            }
        }
    }
    if (disturbed == 0) return;
    out.push_back(
        fmt::format("Other programs disturbed {} of {} cells (\"{}\"): measure them again on a quiet "
                    "machine, into another folder.",
                    disturbed, cells, first));
}

}  // namespace

std::vector<std::string> remarks(const std::vector<StudyFolder>& folders, const FolderRows& rows,
                                 const Results& results) {
    std::vector<std::string> out;
    add_differences(folders, rows, results, out);
    add_disturbances(folders, out);
    return out;
}

}  // namespace breakeven
