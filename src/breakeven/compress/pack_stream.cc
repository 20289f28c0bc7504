// pack_stream: see pack_stream.h.
#include "breakeven/compress/pack_stream.h"

#include <zstd.h>

#include <algorithm>

#include "breakeven/codec/pack_bytes.h"
#include "breakeven/codec/rans_tables.h"
#include "breakeven/error.h"

namespace breakeven {

namespace {

enum class Method : std::uint8_t { stored, zstd, rans };

constexpr int level_quick = 3;
constexpr int level_thorough = 19;
/// Streams up to this size are worth Zstandard's slow levels.
constexpr std::size_t thorough_max = std::size_t{1} << 21U;

Method method_of(ByteReader& reader) {
    const std::uint8_t method = reader.byte();
    if (method > static_cast<std::uint8_t>(Method::rans)) throw UnpackFault("it is coded in a way not known here");
    return static_cast<Method>(method);
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string zstd_packed(std::span<const std::uint8_t> bytes, int level) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
    BREAKEVEN_ASSERT(ZSTD_isError(size) == 0);
    out.resize(size);
    return out;
}

std::string pack_stream(std::span<const std::uint8_t> bytes, std::span<const std::int64_t> dimensions) {
    std::string best;
    best.push_back(static_cast<char>(Method::stored));
    best.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (bytes.empty()) return best;
    const auto offer = [&best](Method method, const std::string& coded, std::size_t handicap = 0) {
        if (coded.size() + 1 < best.size() + handicap) best = static_cast<char>(method) + coded;
    };
    const TableChoice choice = choose_tables(bytes, dimensions);
    const std::string coded = choice.written + rans_encode(bytes, choice.order, choice.tables);
    offer(Method::rans, coded);
    const std::string quick = zstd_packed(bytes, level_quick);
    // Its Huffman codes come back three times as fast: worth a hundredth.
    offer(Method::zstd, quick, quick.size() < bytes.size() ? best.size() / 100 : 0);
    // Repetition that the quick level sees may be worth a closer look.
    const bool promising = quick.size() < bytes.size() && quick.size() < best.size() + best.size() / 4;
    if (promising && bytes.size() <= thorough_max) offer(Method::zstd, zstd_packed(bytes, level_thorough));
    return best;
}

void unpack_stream_into(std::string_view packed, std::span<std::uint8_t> out) {
    ByteReader reader(packed);
    const Method method = method_of(reader);
    if (method == Method::rans) {
        const TableChoice choice = read_tables(reader, out.size());
        rans_decode(reader.rest(), choice.order, choice.tables, out);
        return;
    }
    const std::string_view rest = reader.rest();
    if (method == Method::stored) {
        if (rest.size() != out.size()) throw UnpackFault("a part of it has not the size that it says");
        std::ranges::copy(as_bytes(rest), out.begin());
        return;
    }
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), rest.data(), rest.size());
    if (ZSTD_isError(size) != 0) throw UnpackFault(std::string("a part of it is damaged: ") + ZSTD_getErrorName(size));
    if (size != out.size()) throw UnpackFault("a part of it has not the size that it says");
}

UnpackedStream unpack_stream(std::string_view packed, std::size_t size) {
    UnpackedStream stream;
    if (!packed.empty() && packed.front() == static_cast<char>(Method::stored)) {
        stream.bytes = as_bytes(packed.substr(1));
        if (stream.bytes.size() != size) throw UnpackFault("a part of it has not the size that it says");
        return stream;
    }
    stream.own.resize(size);
    unpack_stream_into(packed, stream.own);
    stream.bytes = stream.own;
    return stream;
}

}  // namespace breakeven
