// A server of scripted models on the loopback, and a client for it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "breakeven/measure/steady_clock.h"
#include "breakeven/model/sha256.h"
#include "breakeven/serve/server.h"
#include "breakeven/wire/client.h"
#include "fakes/scripted_engine.h"

namespace breakeven::fakes {

class World {
   public:
    explicit World(ServerOptions options = ServerOptions()) {
        options.listen = "127.0.0.1:0";
        options.stop_within = Seconds(5.0);
        options.repository.sent_loader = [this](SentBytes sent) {
            if (sent_hook) sent_hook();
            return sent_model(std::move(sent));
        };
        options_ = std::move(options);
        make_server();
    }

    /// A model that a client sends is the script that its first line names; the rest makes it longer.
    static ModelImage sent_model(SentBytes sent) {
        const std::string script = sent.bytes.substr(0, sent.bytes.find('\n'));
        return {.name = script, .bytes = std::move(sent.bytes), .path = {}, .sha256 = {}};
    }

    /// Adds a model and serves it.
    void serve(const std::string& name, Script script) {
        engine.scripts[name] = std::move(script);
        server->add_model(ModelImage{.name = name, .bytes = "x", .path = {}, .sha256 = sha256(name)});
    }

    Client& start() {
        address = server->start();
        client = std::make_unique<Client>(address);
        return *client;
    }

    /// The server ends and another one starts at its address, with nothing of what clients sent.
    void restart() {
        server.reset();
        options_.listen = address;
        make_server();
        server->start();
    }

    /// Called when a client's model is loaded.
    std::function<void()> sent_hook;

    SteadyClock clock;
    ScriptedEngine engine;
    std::unique_ptr<Server> server;
    std::string address;
    std::unique_ptr<Client> client;

   private:
    void make_server() {
        server = std::make_unique<Server>(
            engine,
            [](const std::filesystem::path& file) {
                return ModelImage{file.stem().string(), "x", {}, {}};
            },
            clock, options_);
    }

    ServerOptions options_;
};

}  // namespace breakeven::fakes
