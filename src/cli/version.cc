// Versions: see version.h.in.
#include "cli/version.h"

#include <fmt/format.h>

namespace breakeven::cli {

std::string version_text() {
    return fmt::format(
        "breakeven {}\n"
        "onnx {}, gRPC {}, protobuf {}, SQLite {}, built with {}\n"
        "ONNX Runtime is loaded at run time: `breakeven doctor` says which",
        breakeven_version, onnx_version, grpc_version, protobuf_version, sqlite_version, compiler_version);
}

}  // namespace breakeven::cli
