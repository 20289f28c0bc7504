// Seats: where each network runs that `breakeven serve` serves, why there, and whether its answers are right there: a
// fast wrong engine would hand wrong answers to everybody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/engine/engines.h"
#include "breakeven/measure/agreement.h"
#include "breakeven/serve/repository.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// What is told of a network once it is loaded.
struct Seated {
    std::string name;
    std::int64_t version = 1;
    Platform platform;
    bool tuned = false;                  ///< `auto` found it kept
    std::optional<Agreement> agreement;  ///< with the reference; nothing where it was not compared
    std::string not_compared;            ///< why not; empty for the reference's own engine
};

class Seats final {
   public:
    /// `asked`: as --platform has it, `auto` included. Throws Error where that platform is not here.
    Seats(const Shell& shell, const Engines& engines, const std::string& asked);

    /// The network's first contact with the engine that will run it; throws Error. `file`: where it lies.
    void meet(const std::filesystem::path& file, const ModelImage& image);
    Seat of(const ModelImage& image);
    /// Compares it with the reference, on another engine than the reference's. Throws Error where it answers something
    /// else.
    void approve(const ModelImage& image, const Platform& platform, const ServedModel& loaded);

    /// Those that were approved before tell_at_once(), in that order.
    const std::vector<Seated>& seated() const { return seated_; }
    /// "'net' runs on openvino:cpu:1, as tuned; 2.1e-05 % off the reference"; empty where nothing was decided: it runs
    /// where it was asked for, on the reference's engine.
    std::string text_of(const Seated& seated) const;
    Json document() const;
    /// From now on what is approved is told at once, and not kept: clients may send networks without end.
    void tell_at_once() { tells_ = true; }

   private:
    struct Place {
        Platform platform;
        bool tuned = false;
    };
    Place place(const ModelImage& image) const;
    Place place_met(const ModelImage& image) const { return met_sha256_ == image.sha256 ? met_ : place(image); }

    const Shell& shell_;
    const Engines& engines_;
    std::string asked_;
    Platform otherwise_;  ///< what was asked for; of `auto`, where nothing was kept
    /// Of the network that is being loaded, its hash and its place: a server loads one at a time.
    std::string met_sha256_;
    Place met_;
    std::vector<Seated> seated_;
    bool tells_ = false;
};

}  // namespace breakeven::cli
