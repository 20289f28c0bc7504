// Quantities with their unit in the type: sizes, times, rates, energies, powers. No bare numbers in an interface.
// Seconds are chrono's. Bytes are whole; the physical quantities are doubles. Parsing and printing: units/text.h.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace breakeven {

using Seconds = std::chrono::duration<double>;

/// A size. Whole bytes; a difference may be negative.
class Bytes {
   public:
    constexpr Bytes() = default;
    constexpr explicit Bytes(std::int64_t count) : count_(count) {}
    constexpr std::int64_t count() const { return count_; }

    friend constexpr auto operator<=>(Bytes, Bytes) = default;
    friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes(a.count_ + b.count_); }
    friend constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes(a.count_ - b.count_); }
    friend constexpr Bytes operator*(Bytes a, std::int64_t n) { return Bytes(a.count_ * n); }
    friend constexpr double operator/(Bytes a, Bytes b) {
        return static_cast<double>(a.count_) / static_cast<double>(b.count_);
    }
    constexpr Bytes& operator+=(Bytes other) { return *this = *this + other; }

   private:
    std::int64_t count_ = 0;
};

/// A physical quantity held in its SI base unit. `Tag` names it: Joules and Watts do not mix.
template <class Tag>
class Quantity {
   public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(double in_base_unit) : value_(in_base_unit) {}

    /// The number of `unit`s: `energy.in(millijoules)`.
    template <class Unit>
    constexpr double in(Unit unit) const {
        return (*this) / unit(1.0);
    }

    friend constexpr auto operator<=>(Quantity, Quantity) = default;
    friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
    friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
    friend constexpr Quantity operator*(Quantity a, double n) { return Quantity(a.value_ * n); }
    friend constexpr Quantity operator*(double n, Quantity a) { return a * n; }
    friend constexpr Quantity operator/(Quantity a, double n) { return Quantity(a.value_ / n); }
    friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
    constexpr Quantity& operator+=(Quantity other) { return *this = *this + other; }

   private:
    double value_ = 0.0;
};

using BytesPerSecond = Quantity<struct BytesPerSecondTag>;
using Joules = Quantity<struct JoulesTag>;
using Watts = Quantity<struct WattsTag>;
using JoulesPerByte = Quantity<struct JoulesPerByteTag>;
using JouleSeconds = Quantity<struct JouleSecondsTag>;

/// A unit makes a quantity from a number: `joules(0.2)`; and reads one: `energy.in(joules)`.
template <class Of>
struct Unit {
    double in_base_unit;
    constexpr Of operator()(double n) const { return Of(n * in_base_unit); }
};

inline constexpr Unit<BytesPerSecond> bytes_per_second{1.0};
inline constexpr Unit<BytesPerSecond> megabytes_per_second{1e6};
inline constexpr Unit<BytesPerSecond> megabits_per_second{1e6 / 8};
inline constexpr Unit<Joules> joules{1.0};
inline constexpr Unit<Joules> millijoules{1e-3};
inline constexpr Unit<Watts> watts{1.0};
inline constexpr Unit<JoulesPerByte> joules_per_byte{1.0};
inline constexpr Unit<JouleSeconds> joule_seconds{1.0};

constexpr Seconds operator/(Bytes size, BytesPerSecond rate) {
    return Seconds(static_cast<double>(size.count()) / rate.in(bytes_per_second));
}
constexpr BytesPerSecond operator/(Bytes size, Seconds time) {
    return bytes_per_second(static_cast<double>(size.count()) / time.count());
}
constexpr Joules operator*(Watts power, Seconds time) {
    return joules(power.in(watts)*time.count());
}
constexpr Joules operator*(Seconds time, Watts power) {
    return power * time;
}
constexpr Watts operator/(Joules energy, Seconds time) {
    return watts(energy.in(joules) / time.count());
}
constexpr Joules operator*(Bytes size, JoulesPerByte energy) {
    return joules(static_cast<double>(size.count()) * energy.in(joules_per_byte));
}
constexpr JouleSeconds operator*(Joules energy, Seconds time) {
    return joule_seconds(energy.in(joules)*time.count());
}

namespace literals {
constexpr Bytes operator""_B(unsigned long long n) {
    return Bytes(static_cast<std::int64_t>(n));
}
constexpr Bytes operator""_kB(unsigned long long n) {
    return Bytes(static_cast<std::int64_t>(n) * 1000);
}
constexpr Bytes operator""_KiB(unsigned long long n) {
    return Bytes(static_cast<std::int64_t>(n) << 10);
}
constexpr Bytes operator""_MiB(unsigned long long n) {
    return Bytes(static_cast<std::int64_t>(n) << 20);
}
constexpr Bytes operator""_GiB(unsigned long long n) {
    return Bytes(static_cast<std::int64_t>(n) << 30);
}
constexpr Seconds operator""_s(long double n) {
    return Seconds(static_cast<double>(n));
}
constexpr Seconds operator""_s(unsigned long long n) {
    return Seconds(static_cast<double>(n));
}
constexpr Seconds operator""_ms(long double n) {
    return Seconds(static_cast<double>(n) * 1e-3);
}
constexpr Seconds operator""_ms(unsigned long long n) {
    return Seconds(static_cast<double>(n) * 1e-3);
}
constexpr Seconds operator""_us(unsigned long long n) {
    return Seconds(static_cast<double>(n) * 1e-6);
}
}  // namespace literals

}  // namespace breakeven
