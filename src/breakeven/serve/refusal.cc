// Refusals from errors: see refusal.h.
#include "breakeven/serve/refusal.h"

namespace breakeven {

Refusal refusal_of(const Error& error) {
    switch (error.kind()) {
        case ErrorKind::usage:
        case ErrorKind::input: return {RefusalCode::invalid_argument, error.what()};
        case ErrorKind::unsupported: return {RefusalCode::unimplemented, error.what()};
        case ErrorKind::unavailable: return {RefusalCode::unavailable, error.what()};
        case ErrorKind::internal: return {RefusalCode::internal, error.what()};
    }
    return {RefusalCode::internal, error.what()};
}

}  // namespace breakeven
