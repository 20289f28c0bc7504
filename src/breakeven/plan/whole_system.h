// WholeSystem: what an inference costs beyond the device: the network that carries it and the server that computes it,
// in energy, CO2 and money, each part twice: its share of all that runs anyway (attributed), and what one more
// inference adds (marginal).
#pragma once

#include <string>

#include "breakeven/link/transfer.h"
#include "breakeven/units/units.h"

namespace breakeven {

using Kilograms = Quantity<struct KilogramsTag>;
inline constexpr Unit<Kilograms> kilograms{1.0};
/// In the currency of the factors.
using Money = Quantity<struct MoneyTag>;
inline constexpr Unit<Money> money{1.0};
/// Of 1: a share of a power, of time, of energy.
using Fraction = Quantity<struct FractionTag>;
inline constexpr Unit<Fraction> fraction{1.0};

inline constexpr Unit<Joules> kilowatt_hours{3.6e6};

/// A kind of network: base stations and core, or access lines and core, by the byte.
struct NetworkFactors {
    JoulesPerByte attributed;  ///< all of its energy over all of its bytes
    Fraction marginal;         ///< of that, what a byte more takes: most runs whether there is traffic or not
};

struct ServerFactors {
    Watts busy;            ///< while it computes
    Fraction idle;         ///< of that, what it draws with nothing to do
    Fraction utilisation;  ///< the share of time that it computes
    Fraction overhead;     ///< what the building takes for each watt of it (PUE), at least 1
    Money price_an_hour;
};

struct GridFactors {
    Kilograms co2_a_kilowatt_hour;
    Money price_a_kilowatt_hour;  ///< what the device's energy costs; the server's is in its price
    Money price_a_gigabyte;       ///< what the traffic costs
};

struct SystemFactors {
    NetworkFactors network;
    ServerFactors server;
    GridFactors grid;
};

/// What one inference takes of everybody.
struct SystemUse {
    Joules device;        ///< as the device's meter or model says
    Payload payload;      ///< nothing for a local plan
    Seconds server{0.0};  ///< busy for it
};

struct SystemShares {
    Joules device;
    Joules network;
    Joules server;
    Kilograms co2;
    Money cost;
    Joules energy() const { return device + network + server; }
};

struct SystemCost {
    SystemShares attributed;
    SystemShares marginal;
};

/// Attributed: the server's idle power falls to those it computes for: PUE * (P_busy - P_idle + P_idle / utilisation) *
/// t (Barroso & Hölzle 2007, "The case for energy-proportional computing"), and so does its price. Marginal: PUE *
/// (P_busy - P_idle) * t, and the price of t.
SystemCost system_cost(const SystemUse& use, const SystemFactors& factors);

}  // namespace breakeven
