// Server: speaks Open Inference Protocol v2 over gRPC for the models of a repository, with gRPC's own health service
// and reflection. Used by `breakeven serve`, by tests, and by whoever embeds a server.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engine.h"
#include "breakeven/serve/admission.h"
#include "breakeven/serve/log.h"
#include "breakeven/serve/repository.h"
#include "breakeven/serve/security.h"
#include "breakeven/time/clock.h"
#include "breakeven/units/units.h"

namespace breakeven {

enum class LoadRequests { refused, allowed };

struct ServerOptions {
    std::string listen = "127.0.0.1:8001";  ///< "host:port"; port 0 picks one
    RepositoryOptions repository;           ///< where models run, and how much memory they may take
    AdmissionLimits admission;
    /// Longest request taken; a longer one is refused with RESOURCE_EXHAUSTED. Larger admits larger tensors, and lets
    /// a client use more memory.
    Bytes message_max{std::int64_t{256} << 20};
    /// Whether clients may load and unload models: of the repository, and such as they send.
    LoadRequests load_requests = LoadRequests::refused;
    /// How long stop() waits for what is under way.
    Seconds stop_within{10.0};
    /// TCP congestion control ("cubic", "bbr", "reno") of the connections; empty: the machine's default.
    std::string congestion_control;
    ServerSecurity security;
    std::string version = "0";  ///< what the server says of itself
    Log log;                    ///< told of failures that are not a client's; empty: nobody is
};

class Server final {
   public:
    /// `loader` is called at load_repository() and when a client loads a model.
    Server(Engine& engine, ModelLoader loader, Clock& clock, ServerOptions options);
    ~Server();  // stops
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Loads what `folder` holds; models that fail are in index() with the reason. Throws Error{input} without a
    /// folder.
    void load_repository(const std::filesystem::path& folder);
    /// Serves a model that lies in no folder, under `image.name`. Throws Error.
    void add_model(const ModelImage& image);
    std::vector<IndexEntry> index() const;

    /// Listens; returns "host:port" with the real port. Throws Error{unavailable} when the address is taken.
    std::string start();

    /// Refuses new requests, finishes those under way within ServerOptions::stop_within, cancels the rest. Repeatable.
    void stop();

   private:
    struct Running;
    ServerOptions options_;
    Repository repository_;
    Admission admission_;
    Clock& clock_;
    std::unique_ptr<Running> running_;
};

}  // namespace breakeven
