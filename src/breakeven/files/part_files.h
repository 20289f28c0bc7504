// part_files: the parts of a network as files, and as engines take them.
#pragma once

#include <filesystem>

#include "breakeven/files/model_file.h"
#include "breakeven/model/parts.h"

namespace breakeven {

struct PartFiles {
    std::filesystem::path head;
    std::filesystem::path tail;
};

/// Writes NAME-head.onnx and NAME-tail.onnx into `folder`, which is made. Weights that lie beside the network come into
/// the part's file; where that would outgrow ONNX's 2 GiB, their files are copied into the folder. Throws Error{usage}
/// when such a file would replace another one, or the folder cannot be written to.
PartFiles write_parts(const Parts& parts, const ModelFile& whole, const std::filesystem::path& folder);

/// A part of `whole` for an engine, its weights inside. Throws Error{unsupported} where they do not fit in.
ModelImage image_of_part(const Model& part, const ModelFile& whole);

}  // namespace breakeven
