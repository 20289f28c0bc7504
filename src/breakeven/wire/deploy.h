// deploy: puts a network onto a server that lets clients load networks: RepositoryModelLoad with the file in it, as
// Triton defines it. A server that already serves the same file is not sent it again; a Breakeven server takes it in
// pieces, and an interrupted upload goes on where it stopped.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "breakeven/model/image.h"
#include "breakeven/time/clock.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/client.h"
#include "breakeven/wire/outcome.h"

namespace breakeven {

struct DeployProgress {
    Bytes there;  ///< what the server has of it by now
    Bytes total;
};

struct DeployOptions {
    /// Told after each piece, from the thread that deploys; may be empty. What it throws ends the upload; the server
    /// keeps the pieces for a while.
    std::function<void(const DeployProgress&)> progress;
    /// The first piece. Later ones grow while they take less than a second, and shrink while they take more than four.
    Bytes first_piece{std::int64_t{1} << 20};
    /// How long one piece may take. Longer survives slower links, and notices a dead one later.
    Seconds piece_timeout{30.0};
    /// How long the server may take from the last byte until the network is ready to run.
    Seconds load_timeout{180.0};
    /// How often a call that was lost or late is repeated before the upload is given up; a piece that arrives sets the
    /// count back.
    int tries = 3;
    /// How long to wait each time for a server that is gone.
    Seconds patience{10.0};
};

struct Deployed {
    enum class How { already_there, sent_whole, sent_in_pieces } how = How::already_there;
    std::string sha256;  ///< of the file
    Bytes sent;          ///< of the file, across the link, this time; pieces sent twice count twice
    Bytes resumed;       ///< that were there from an interrupted upload
    Seconds time{0.0};   ///< until it was ready to run
    /// The server holds requests against the hash (sha256_parameter): what answers is this network, or nothing.
    bool held_against_hash = false;
};

/// Serves `image` under `name` on the client's server, in place of what it serves under that name. Refused: the server
/// forbids it, or does not take this network; what it served before is still served. Lost and Late: gone for good,
/// after DeployOptions::tries. Throws Error{unsupported} for a network with weights in other files.
[[nodiscard]] Outcome<Deployed> deploy(Client& client, Clock& clock, const std::string& name, const ModelImage& image,
                                       const DeployOptions& options = {});

/// A name that says what is under it: `name`, and the beginning of the hash. Who deploys under such names never
/// replaces another's network, and never meets another network under them.
std::string content_name(std::string_view name, std::string_view sha256);

/// Parameters of RepositoryModelLoad that a Breakeven server knows beside the protocol's: an upload is known by the
/// file's SHA-256 (sha256_parameter) and its size. Without a piece the call asks how much is there. The call that
/// brings the last byte loads the network. The reply says how much is there, and how long a piece may be.
namespace upload {
inline constexpr std::string_view size_parameter = "breakeven_size";                  // number: of the whole file
inline constexpr std::string_view offset_parameter = "breakeven_offset";              // number: where the piece begins
inline constexpr std::string_view piece_parameter = "breakeven_piece";                // bytes
inline constexpr std::string_view piece_sha256_parameter = "breakeven_piece_sha256";  // text
}  // namespace upload

/// The protocol's own: the file, and the configuration that goes with it.
inline constexpr std::string_view config_parameter = "config";
inline constexpr std::string_view file_prefix = "file:";
inline constexpr std::string_view model_filename = "model.onnx";
inline constexpr std::string_view tflite_filename = "model.tflite";

}  // namespace breakeven
