// `auto` as a platform: what `breakeven tune` found fastest for a network here, or finds now.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "breakeven/engine/engines.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/choice_store.h"
#include "cli/shell.h"

namespace breakeven::cli {

struct Tuned {
    EngineChoice choice;
    ChoiceKey key;
    std::optional<CalendarTime> kept{};  ///< when it was made; nothing where it was made now
    std::string not_kept{};              ///< why it could not be kept
};

/// Whether what was kept will do.
enum class Freshness { kept_will_do, made_again };

/// From the store (`store`: as --store has it), else by measuring, with progress; then it is kept. `file`: where the
/// network lies.
Tuned tuned(const Shell& shell, const Engines& engines, const ModelFile& model, const std::string& file,
            const ChoiceRequest& request, const std::string& store, Freshness freshness);

/// "auto", or "auto:N" for at most N threads.
bool is_auto(std::string_view platform);

/// Of "auto" all of this machine's, of "auto:N" N. Throws Error{usage}.
int threads_of(std::string_view platform);

/// What `auto` comes to for this network; any other text as parse_platform reads it. Says what it found as a note.
Platform platform_of(const Shell& shell, const Engines& engines, const std::string& text, const ModelFile& model,
                     const std::string& file);

/// The network of an image, with what lies beside its file.
Model model_of(const ModelImage& image);

/// Only what was found before; nothing is measured.
std::optional<Platform> tuned_before(const Engines& engines, const ModelImage& image, std::string_view platform);

}  // namespace breakeven::cli
