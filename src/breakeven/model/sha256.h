// sha256: the identity of a model.
#pragma once

#include <string>
#include <string_view>

namespace breakeven {

/// SHA-256 (FIPS 180-4) in lower-case hexadecimal.
std::string sha256(std::string_view bytes);

}  // namespace breakeven
