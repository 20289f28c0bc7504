// Ctrl-C: see interrupt.h.
#include "cli/interrupt.h"

#include <csignal>

namespace breakeven::cli {
namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void note_signal(int signal) {
    if (asked.exchange(true)) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
}

}  // namespace

const std::atomic<bool>& interrupted() {
    [[maybe_unused]] static const bool installed = [] {
        std::signal(SIGINT, note_signal);
        std::signal(SIGTERM, note_signal);
        return true;
    }();
    return asked;
}

}  // namespace breakeven::cli
