// LoadRequest: what a RepositoryModelLoad asks for, read from its parameters: a (re)load from the folder, a file as
// Triton takes it, or a piece of a file (wire/deploy.h). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "breakeven/serve/refusal.h"
#include "breakeven/serve/uploads.h"
#include "open_inference.pb.h"

namespace breakeven {

struct LoadFromFolder {};

struct LoadFile {
    std::int64_t version = 1;
    std::string* bytes = nullptr;  ///< in the request, to be moved from
    std::string sha256;            ///< as the configuration says; empty: it does not
};

struct LoadPiece {
    SentFile file;
    std::optional<SentPiece> piece;  ///< nothing: asks how much is here
};

using LoadRequest = std::variant<LoadFromFolder, LoadFile, LoadPiece, Refusal>;

/// Refers to the request's bytes.
LoadRequest read_load_request(inference::RepositoryModelLoadRequest& request);

}  // namespace breakeven
