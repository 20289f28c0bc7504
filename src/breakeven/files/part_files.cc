// part_files: see part_files.h.
#include "breakeven/files/part_files.h"

#include <fmt/format.h>

#include <fstream>
#include <set>

#include "breakeven/error.h"
#include "breakeven/files/files.h"

namespace breakeven {

namespace {

namespace fs = std::filesystem;

std::string read_weights(const ExternalWeights& weights, const fs::path& folder) {
    const fs::path path = folder / weights.location;
    std::ifstream file(path, std::ios::binary);
    file.seekg(weights.offset.count());
    std::string bytes(static_cast<std::size_t>(weights.size_needed.value_or(Bytes()).count()), '\0');
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
        throw Error(ErrorKind::input, fmt::format("read weight '{}' from '{}'", weights.tensor, path.string()),
                    "the file cannot be read, or was cut short meanwhile");
    }
    return bytes;
}

std::optional<Model> embedded(const Model& part, const ModelFile& whole) {
    if (part.external_weights().empty()) return part;
    const fs::path folder = whole.image.path.parent_path();
    return with_weights_inside(part, [&](const ExternalWeights& weights) { return read_weights(weights, folder); });
}

/// Whether two files hold the same bytes.
bool are_equal(const fs::path& a, const fs::path& b) {
    std::error_code error;
    if (fs::equivalent(a, b, error)) return true;
    if (fs::file_size(a, error) != fs::file_size(b, error)) return false;
    std::ifstream first(a, std::ios::binary);
    std::ifstream second(b, std::ios::binary);
    std::string left(std::size_t{1} << 20, '\0');
    std::string right(left.size(), '\0');
    while (first && second) {
        first.read(left.data(), static_cast<std::streamsize>(left.size()));
        second.read(right.data(), static_cast<std::streamsize>(right.size()));
        if (first.gcount() != second.gcount() || left.compare(0, static_cast<std::size_t>(first.gcount()), right, 0,
                                                              static_cast<std::size_t>(second.gcount())) != 0) {
            return false;
        }
    }
    return true;
}

void copy_weights(const fs::path& from, const fs::path& to) {
    std::error_code error;
    if (fs::exists(to, error)) {
        if (are_equal(from, to)) return;
        throw Error(ErrorKind::usage, fmt::format("copy the weights '{}' to '{}'", from.string(), to.string()),
                    "another file has that name; choose another folder");
    }
    fs::create_directories(to.parent_path(), error);
    if (!error) fs::copy_file(from, to, error);
    if (error) {
        throw Error(error == std::errc::no_space_on_device ? ErrorKind::unavailable : ErrorKind::usage,
                    fmt::format("copy the weights '{}' to '{}'", from.string(), to.string()), error.message());
    }
}

fs::path write_part(const Model& part, const ModelFile& whole, const fs::path& folder) {
    const fs::path path = folder / (part.name() + ".onnx");
    if (const auto one_file = embedded(part, whole)) {
        write_file(path, one_file->serialized());
        return path;
    }
    std::set<std::string> locations;
    for (const ExternalWeights& weights : part.external_weights()) locations.insert(weights.location);
    for (const std::string& location : locations) {
        copy_weights(fs::canonical(whole.image.path.parent_path() / location), folder / location);
    }
    write_file(path, part.serialized());
    return path;
}

}  // namespace

PartFiles write_parts(const Parts& parts, const ModelFile& whole, const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder)) {
        throw Error(ErrorKind::usage, fmt::format("write the parts into '{}'", folder.string()),
                    error ? error.message() : "it is no folder");
    }
    return {.head = write_part(parts.head, whole, folder), .tail = write_part(parts.tail, whole, folder)};
}

ModelImage image_of_part(const Model& part, const ModelFile& whole) {
    const auto one_file = embedded(part, whole);
    if (!one_file) {
        throw Error(ErrorKind::unsupported, fmt::format("run '{}'", part.name()),
                    "its weights are more than the 2 GiB that one file holds; split it with -o and load the files");
    }
    return image_of(*one_file);
}

}  // namespace breakeven
