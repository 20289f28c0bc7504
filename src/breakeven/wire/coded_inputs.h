// Coded inputs: a request whose tensors travel as frames (codec/frame.h), to servers whose extension says they take
// them.
//   Extension of the server's metadata:  breakeven_codecs
//   Parameter of such a request:         breakeven_codecs = true; then each input is UINT8 [n], its raw contents a
//   frame
// The tensors of a response stay as they are: results are small.
#pragma once

#include <string_view>

#include "breakeven/codec/codec.h"
#include "breakeven/wire/message.h"

namespace breakeven {

inline constexpr std::string_view codecs_extension = "breakeven_codecs";
inline constexpr std::string_view codecs_parameter = "breakeven_codecs";

/// The same request with frames for inputs. Throws Error{usage} where the codec cannot take an input (frame.h).
Request coded(Request request, const Codec& codec);

/// Whether a request says that its inputs are frames.
bool is_coded(const ParsedMessage& request);

}  // namespace breakeven
