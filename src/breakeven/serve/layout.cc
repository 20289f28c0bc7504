// Repository folders: see layout.h.
#include "breakeven/serve/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>

#include "breakeven/error.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

/// More entries than this are no repository: somebody named the wrong folder.
constexpr std::size_t entries_max = 10'000;

std::optional<std::int64_t> version_of(const std::string& text) {
    std::int64_t version = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), version);
    const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
    return whole && version > 0 && std::to_string(version) == text ? std::optional(version) : std::nullopt;
}

/// Why `file` must not be loaded; empty when it may. A link may point anywhere inside the repository.
std::string problem_of(const fs::path& file, const fs::path& root) {
    std::error_code failed;
    const fs::path real = fs::canonical(file, failed);
    if (failed) return "it cannot be read: " + failed.message();
    const auto [end, ignored] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
    if (end != root.end()) return "it is a link that leaves the repository";
    if (!fs::is_regular_file(real, failed)) return "it is not a file";
    return {};
}

constexpr std::array<std::string_view, 3> endings{".onnx", ".bkv", ".tflite"};

/// The model of a version's folder: the first there is, or what is missing.
fs::path model_in(const fs::path& folder) {
    for (const std::string_view ending : endings) {
        const fs::path file = folder / ("model" + std::string(ending));
        std::error_code absent;
        if (fs::symlink_status(file, absent).type() != fs::file_type::not_found) return file;
    }
    return folder / "model.onnx";
}

bool hidden(const fs::path& path) {
    return path.filename().string().starts_with('.');
}

void find_versions(const fs::path& folder, const fs::path& root, std::vector<Candidate>& out) {
    const std::string name = folder.filename().string();
    const std::size_t before = out.size();
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
        const std::optional<std::int64_t> version = version_of(entry.path().filename().string());
        if (!version || out.size() > entries_max) continue;
        const fs::path file = model_in(entry.path());
        out.push_back({.name = name, .version = *version, .file = file, .problem = problem_of(file, root)});
    }
    if (out.size() == before) {
        out.push_back({.name = name,
                       .version = 1,
                       .file = folder,
                       .problem = failed ? "it cannot be read: " + failed.message()
                                         : "there is no " + name + "/VERSION/model.onnx with a number as VERSION"});
    }
}

}  // namespace

std::vector<Candidate> find_models(const fs::path& folder) {
    const std::string attempt = "serve the models in '" + folder.string() + "'";
    std::error_code failed;
    const fs::path root = fs::canonical(folder, failed);
    if (failed) throw Error(ErrorKind::input, attempt, failed.message());
    if (!fs::is_directory(root, failed)) {
        throw Error(ErrorKind::input, attempt,
                    "this is not a folder; give the folder that holds NAME.onnx or NAME.tflite");
    }
    std::vector<Candidate> found;
    std::size_t entries = 0;
    for (const auto& entry : fs::directory_iterator(root, failed)) {
        if (++entries > entries_max) throw Error(ErrorKind::input, attempt, "there are more than 10000 entries in it");
        const fs::path path = entry.path();
        if (hidden(path)) continue;
        std::error_code unreadable;
        if (entry.is_directory(unreadable)) {
            find_versions(path, root, found);
        } else if (std::ranges::find(endings, path.extension().string()) != endings.end()) {
            found.push_back(
                {.name = path.stem().string(), .version = 1, .file = path, .problem = problem_of(path, root)});
        }
    }
    if (failed) throw Error(ErrorKind::input, attempt, failed.message());

    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
        return std::tie(a.name, a.version, a.file) < std::tie(b.name, b.version, b.file);
    });
    for (std::size_t i = 1; i < found.size(); ++i) {
        if (found[i].name == found[i - 1].name && found[i].version == found[i - 1].version) {
            found[i].problem = "there is another of the same name";
        }
    }
    return found;
}

}  // namespace breakeven
