// Radio: what a device's radio takes beyond a constant per byte: it is woken (promotion), moves bytes at a power that
// grows with the rate, waits connected, and lingers (tail) before it sleeps. And what sleeping while waiting saves.
// Huang et al. 2012, "A close examination of performance and power characteristics of 4G LTE networks", 4.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/link/transfer.h"

namespace breakeven {

/// A state that lasts so long at such a power.
struct RadioState {
    Seconds time{0.0};
    Watts power;
    friend bool operator==(const RadioState&, const RadioState&) = default;
};

/// What the powers are of: some were measured on whole phones and cannot be told apart.
enum class PowerScope { radio, whole_device };

struct Radio {
    std::string name;
    std::string source;
    PowerScope scope = PowerScope::radio;
    std::optional<RadioState> promotion;  ///< from asleep to connected; not known for some
    /// While moving bytes: base + up * rate up + down * rate down. Watts per (byte/s) are joules per byte.
    Watts base;
    JoulesPerByte up;
    JoulesPerByte down;
    std::vector<RadioState> tail;  ///< after the last byte, one after the other; then it sleeps
    Watts asleep;                  ///< on average, with its looks for a page or a beacon

    Seconds tail_time() const;
    friend bool operator==(const Radio&, const Radio&) = default;
};

/// One exchange and how often it comes.
struct RadioUse {
    Payload payload;
    TransferTime time;    ///< of the link
    Seconds server{0.0};  ///< the server's share: the radio waits, connected
    /// From the begin of one exchange to that of the next; nothing: the next comes when the radio sleeps long since.
    std::optional<Seconds> every;
};

/// The parts of an exchange's energy, in the order they come.
struct RadioEnergy {
    Joules promotion;
    Joules transfer;
    Joules waiting;
    Joules tail;                  ///< until the next exchange, or whole
    Seconds promotion_time{0.0};  ///< it lengthens the exchange
    Joules total() const { return promotion + transfer + waiting + tail; }
};

/// A radio that is still in its tail when the next exchange comes needs no promotion, and the rest of the tail is
/// saved.
RadioEnergy radio_energy(const Radio& radio, const RadioUse& use);

/// A device that suspends while it waits for the server.
struct Suspension {
    Watts power;             ///< suspended
    Seconds wake_time{0.0};  ///< the answer is there, the device not yet: it lengthens the wait
    Joules wake_energy;      ///< of suspending and waking, above nothing
};

struct WaitingCost {
    Joules awake;      ///< at the idle power
    Joules suspended;  ///< at the suspended power, and the wake-up
    Seconds delay{0.0};
    /// Waits longer than this pay for the wake-up; nothing where suspending draws no less.
    std::optional<Seconds> pays_from;
};
WaitingCost waiting_cost(Seconds wait, Watts idle, const Suspension& suspension);

}  // namespace breakeven
