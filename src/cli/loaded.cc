// A network ready to run: see loaded.h.
#include "cli/loaded.h"

#include <filesystem>

#include "breakeven/files/model_file.h"
#include "breakeven/files/samples.h"
#include "breakeven/model/input_codec.h"
#include "cli/inputs.h"

namespace breakeven::cli {

void add_place_options(CLI::App& command, Place& place) {
    CLI::Option* platform =
        command.add_option("--platform", place.platform, "where on this machine, such as cpu:2 (default: cpu:1)");
    command.add_option("--server", place.server, "HOST:PORT of an Open Inference Protocol server that has the network")
        ->excludes(platform);
}

Loaded load(const Shell& shell, const Engines& engines, const std::string& model, const Place& place) {
    Loaded loaded;
    ModelImage image{.name = model, .bytes = {}, .path = {}, .sha256 = {}};
    std::error_code ignored;
    if (place.server.empty() || std::filesystem::exists(model, ignored)) {
        ModelFile file = load_model(model);
        image = std::move(file.image);
        loaded.model = std::move(file.model);
    }
    loaded.name = image.name;
    loaded.platform = place.server.empty() ? parse_platform(place.platform.empty() ? "cpu:1" : place.platform)
                                           : parse_platform("grpc://" + server_address(place.server));
    if (!loaded.platform.is_remote()) {
        first_contact(shell, engines.version(loaded.platform)).with(model, image, loaded.platform);
    }
    loaded.runner = engines.load(image, loaded.platform, {});
    return loaded;
}

Preprocess preprocess_for(const Loaded& loaded, const std::string& file) {
    if (!file.empty()) return read_preprocess(file);
    return loaded.model ? preprocess_of(*loaded.model) : Preprocess{};
}

}  // namespace breakeven::cli
