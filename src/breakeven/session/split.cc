// A split network, loaded: see split.h.
#include "breakeven/session/split.h"

#include "breakeven/engine/parts_runner.h"
#include "breakeven/files/part_files.h"
#include "breakeven/wire/deployed_runner.h"

namespace breakeven {

ModelImage tail_image(const Parts& parts, const ModelFile& whole) {
    ModelImage image = image_of_part(parts.tail, whole);
    image.name = content_name(whole.image.name + "-tail", image.sha256);
    return image;
}

LoadedSplit load_split(const ModelFile& whole, const std::vector<std::string>& cut, const SplitPlaces& places,
                       const Engines& engines, Clock& clock, const DeployOptions& options) {
    const Parts parts = split_at(whole.model, cut);
    auto tail = std::make_unique<DeployedRunner>(places.server, clock, tail_image(parts, whole),
                                                 RedeployOptions{.deploy = options, .codec = places.codec});
    const Deployed deployed = tail->deployed();
    auto head = engines.load(image_of_part(parts.head, whole), places.head, {});
    return {.runner = std::make_unique<PartsRunner>(whole.model, std::move(head), std::move(tail), clock),
            .tail = deployed};
}

}  // namespace breakeven
