// What unpacking meets: bytes from anywhere. Nothing but a model or an Error{input} may come of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "breakeven/compress/pack.h"
#include "breakeven/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace breakeven;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        unpack(bytes, "fuzzed", {.size = Bytes(1 << 16)});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) std::abort();
    }
    return 0;
}
