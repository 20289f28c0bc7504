// Deployments: networks that clients load and unload, one at a time: from the folder, from a file in the request, or
// from pieces. Internal to serve/: protobuf's types.
#pragma once

#include <optional>
#include <variant>

#include "breakeven/serve/admission.h"
#include "breakeven/serve/load_request.h"
#include "breakeven/serve/repository.h"
#include "breakeven/serve/uploads.h"
#include "breakeven/time/clock.h"

namespace breakeven {

struct DeploymentLimits {
    UploadLimits uploads;
    /// Longest piece taken.
    Bytes piece_max{std::int64_t{32} << 20};
    /// Loads that wait for the one under way; each may hold a file in memory, and a thread.
    int waiting = 3;
};

class Deployments final {
   public:
    Deployments(Repository& repository, const Clock& clock, const DeploymentLimits& limits)
        : repository_(repository),
          uploads_(clock, limits.uploads),
          turns_({.running = 1, .waiting = limits.waiting}),
          piece_max_(limits.piece_max) {}

    struct Reply {
        Bytes received;
        Bytes piece_max;
    };
    /// Takes the file out of the request. From any thread.
    std::variant<Reply, Refusal> load(inference::RepositoryModelLoadRequest& request, Admission::Deadline deadline);
    std::optional<Refusal> unload(const std::string& name, Admission::Deadline deadline);

   private:
    std::optional<Refusal> load_file(const std::string& name, LoadFile& file, Admission::Deadline deadline);
    std::variant<Reply, Refusal> take_piece(const std::string& name, const LoadPiece& piece,
                                            Admission::Deadline deadline);
    std::optional<Refusal> load_upload(const std::string& name, const SentFile& file, Admission::Deadline deadline);

    Repository& repository_;
    Uploads uploads_;
    Admission turns_;
    Bytes piece_max_;
};

}  // namespace breakeven
