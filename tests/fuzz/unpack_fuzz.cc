// What unpacking meets: bytes from anywhere. Each input is unpacked as it is, and as a model that is packed first: that
// must come back. Nothing but an Error{input} may come of the former.
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
    constexpr std::size_t worth_packing = 256;  // packing tries many ways, unpacking is what is exposed
    if (!is_packed(bytes) && size <= worth_packing && unpack(pack(bytes).bytes, "fuzzed") != bytes) std::abort();
    return 0;
}
