// First contact: a model's first load and run happen in a child process, because an engine can crash or exit on a graph
// that passes every check. What survived is remembered, so that a known model costs nothing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "breakeven/model/image.h"
#include "breakeven/plan/platform.h"
#include "breakeven/units/units.h"

namespace breakeven {

/// What the child prints when the model has run: an engine may end the process with code 0, too.
inline constexpr std::string_view first_contact_survived = "breakeven: the network ran";
/// The same for a library that was loaded, or said properly that it is none.
inline constexpr std::string_view library_survived = "breakeven: the library was tried";

struct FirstContact {
    std::filesystem::path executable;  ///< the program whose hidden command `first-contact` tries a model
    std::filesystem::path memory;      ///< folder in which survived models are remembered; empty: remember nothing
    std::string engine_version;        ///< a new engine meets every model anew
    Seconds limit{120.0};              ///< a model that has not answered once by then is refused

    /// Returns when the model at `path` loads and runs once on `platform` in a child process. Throws Error{input} with
    /// the child's own reason, or the signal that ended it, when it does not.
    void with(const std::filesystem::path& path, const ModelImage& model, const Platform& platform) const;
    /// The same with a model that lies nowhere, or where its image says.
    void with(const ModelImage& model, const Platform& platform) const;
    /// Loads `engine`'s library in a child process, which one that was cut short, or was built for another processor,
    /// ends. Why it must not be loaded here; empty where the child survived, whatever the library is.
    std::string refusal_of_library(const std::filesystem::path& library, const std::string& engine) const;
    /// The same for another engine.
    FirstContact of_version(std::string version) const {
        FirstContact other = *this;
        other.engine_version = std::move(version);
        return other;
    }
};

}  // namespace breakeven
