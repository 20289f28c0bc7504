// What the program's exit code says. The contract with scripts: docs/contract.md.
#pragma once

#include "breakeven/error.h"

namespace breakeven::cli {

enum class ExitStatus {
    done = 0,
    no = 1,  ///< the answer is no: no plan fits
    usage = 2,
    input = 3,
    unsupported = 4,
    unavailable = 5,
    internal = 70,
    interrupted = 130,
};

constexpr ExitStatus exit_status(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage: return ExitStatus::usage;
        case ErrorKind::input: return ExitStatus::input;
        case ErrorKind::unsupported: return ExitStatus::unsupported;
        case ErrorKind::unavailable: return ExitStatus::unavailable;
        case ErrorKind::internal: return ExitStatus::internal;
    }
    return ExitStatus::internal;
}

}  // namespace breakeven::cli
