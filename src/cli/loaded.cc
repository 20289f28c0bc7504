// A network ready to run: see loaded.h.
#include "cli/loaded.h"

#include <fmt/format.h>

#include <filesystem>

#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/files/samples.h"
#include "breakeven/model/input_codec.h"
#include "breakeven/session/split.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/coded_runner.h"
#include "cli/inputs.h"
#include "cli/security.h"
#include "cli/tune.h"

namespace breakeven::cli {

void add_place_options(CLI::App& command, Place& place) {
    command.add_option(
        "--platform", place.platform,
        "where on this machine, such as cpu:2, or auto for the fastest (default: cpu:1; for TFLite openvino:cpu:1)");
    command.add_option("--server", place.server, "HOST:PORT of an Open Inference Protocol server that has the network");
    command.add_option("--at", place.at,
                       "cut the network at these tensors: the head runs on --platform, the tail on --server");
    command.add_option("--codec", place.codec,
                       "how tensors cross to a Breakeven server: raw, lossless, q8, q4, q2 or jpeg:1 to jpeg:100");
}

namespace {

void check(const Place& place) {
    const char* reason = nullptr;
    if (place.at.empty() && !place.platform.empty() && !place.server.empty()) {
        reason = "give --platform or --server; both only with --at, which cuts the network in two";
    } else if (!place.at.empty() && place.server.empty()) {
        reason = "the tail needs a server: --server HOST:PORT";
    } else if (!place.codec.empty() && place.server.empty()) {
        reason = "--codec is for what crosses to a server: --server HOST:PORT";
    }
    if (reason != nullptr) throw Error(ErrorKind::usage, "find a place to run", reason);
}

std::optional<Codec> codec_named(const std::string& word) {
    return word.empty() ? std::nullopt : std::optional(parse_codec(word));
}

}  // namespace

std::unique_ptr<Runner> load_in_two(const Shell& shell, const Engines& engines, const ModelFile& model,
                                    const TwoPlaces& places) {
    const DeployOptions options{.progress = [&shell, server = places.server](const DeployProgress& p) {
        shell.progress(fmt::format("sending the tail to {}: {} of {}", server, to_text(p.there), to_text(p.total)));
    }};
    LoadedSplit split = load_split(model, places.at,
                                   {.head = places.head,
                                    .server = std::make_shared<Client>(places.server, client_options(shell)),
                                    .codec = codec_named(places.codec)},
                                   engines, shell.clock, options);
    shell.progress_done();
    return std::move(split.runner);
}

Loaded load(const Shell& shell, const Engines& engines, const std::string& model, const Place& place) {
    check(place);
    Loaded loaded;
    ModelImage image{.name = model, .bytes = {}, .path = {}, .sha256 = {}};
    std::error_code ignored;
    std::optional<ModelFile> file;
    if (place.server.empty() || !place.at.empty() || std::filesystem::exists(model, ignored)) {
        file = load_model(model);
        image = file->image;
        loaded.model = file->model;
    }
    loaded.name = image.name;
    const bool here = place.server.empty() || !place.at.empty();
    if (!here) {
        loaded.platform = parse_platform("grpc://" + server_address(place.server));
    } else {
        loaded.platform = place.platform.empty() ? Engines::cpu_for(image, 1)
                                                 : platform_of(shell, engines, place.platform, *file, model);
    }
    loaded.where = to_text(loaded.platform);
    if (!loaded.platform.is_remote()) {
        first_contact(shell, engines.version(loaded.platform)).with(model, image, loaded.platform);
    }
    if (place.at.empty() && !place.codec.empty()) {
        loaded.runner = load_coded(std::make_shared<Client>(server_address(place.server), client_options(shell)),
                                   image.name, parse_codec(place.codec));
    } else if (place.at.empty()) {
        loaded.runner = engines.load(image, loaded.platform, {});
    } else {
        const std::string server = server_address(place.server);
        loaded.where += " and grpc://" + server;
        loaded.runner = load_in_two(shell, engines, *file,
                                    {.at = place.at, .head = loaded.platform, .server = server, .codec = place.codec});
    }
    return loaded;
}

Preprocess preprocess_for(const Loaded& loaded, const std::string& file) {
    if (!file.empty()) return read_preprocess(file);
    return loaded.model ? preprocess_of(*loaded.model) : Preprocess{};
}

}  // namespace breakeven::cli
