// Origin: where a figure comes from. Every cost carries one; mixing two yields the weaker.
#pragma once

#include <algorithm>
#include <string_view>

namespace breakeven {

/// From strong to weak. A sum of a measured and a modelled figure is modelled.
enum class Origin { measured, modelled, published };

constexpr Origin weaker(Origin a, Origin b) {
    return std::max(a, b);
}

constexpr std::string_view name(Origin origin) {
    switch (origin) {
        case Origin::measured: return "measured";
        case Origin::modelled: return "modelled";
        case Origin::published: return "published";
    }
    return "modelled";
}

/// A figure of type `T` (Seconds, Joules, ...) with its origin: `Figure<Seconds> latency`.
template <class T>
struct Figure {
    T value{};
    Origin origin = Origin::modelled;

    friend constexpr Figure operator+(Figure a, Figure b) { return {a.value + b.value, weaker(a.origin, b.origin)}; }
    friend constexpr bool operator==(const Figure&, const Figure&) = default;
};

}  // namespace breakeven
