// What decoding meets: frames from anywhere, with checksums that are right and that are not. Nothing but a tensor of
// the size it says or an Error{input} may come of them.
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "breakeven/codec/frame.h"
#include "breakeven/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace breakeven;
    std::vector<std::uint8_t> bytes(data, data + size);
    // The first byte says whether the checksum is made right, so that what lies behind it is reached.
    if (size > 5 && bytes[0] % 2 == 0) {
        const auto sum = static_cast<std::uint32_t>(crc32_z(0, bytes.data() + 1, size - 5));
        for (unsigned i = 0; i < 4; ++i) bytes[size - 4 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
    }
    if (size == 0) return 0;
    try {
        const Tensor tensor = decode_frame(std::as_bytes(std::span(bytes).subspan(1)), Bytes(1 << 16));
        if (tensor.size() > Bytes(1 << 16)) std::abort();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::input) std::abort();
    }
    return 0;
}
