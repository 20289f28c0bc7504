// onnx_text: how this room words what ONNX's library and a hostile file say.
#pragma once

#include <string>
#include <string_view>

#include "breakeven/error.h"

namespace breakeven {

/// A foreign message, or a name from a file, fit for one line of ours: printable, cut at `length_max`.
std::string printable(std::string_view foreign, std::size_t length_max = 240);

bool is_utf8(std::string_view text);

/// The error of a model that cannot be used.
Error bad_model(std::string_view model, const std::string& reason);

}  // namespace breakeven
