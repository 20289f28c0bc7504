// pack_bytes: bytes and bits in and out of a packed model; what is read is never trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace breakeven {

/// Why packed bytes cannot be unpacked. unpack() makes an Error of it that names the model.
class UnpackFault final : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
};

/// Seven bits a byte, the lowest first; the top bit says that more follow (LEB128).
void append_number(std::string& out, std::uint64_t value);

class ByteReader final {
   public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    // Each throws UnpackFault when the bytes end first.
    std::uint8_t byte();
    std::uint64_t number();
    /// A number that must not be larger than `max`; `what` names it in the fault.
    std::size_t number_up_to(std::size_t max, const char* what);
    std::string_view bytes(std::size_t size);
    std::string_view rest() const { return rest_; }

   private:
    std::string_view rest_;
};

/// Bits, the lowest of each byte first.
class BitWriter final {
   public:
    void bits(std::uint32_t value, unsigned count);
    /// Elias' gamma code: short for small values. `value` is at least 1.
    void gamma(std::uint32_t value);
    std::string take();

   private:
    std::string out_;
    std::uint64_t pending_ = 0;
    unsigned count_ = 0;
};

class BitReader final {
   public:
    explicit BitReader(std::string_view bytes) : bytes_(bytes) {}
    std::uint32_t bits(unsigned count);
    std::uint32_t gamma();

   private:
    std::string_view bytes_;
    std::size_t at_ = 0;  ///< in bits
};

}  // namespace breakeven
