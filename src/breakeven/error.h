// Error: a request that cannot be met, and the assertion for our own mistakes.
// Every room throws this one type; it is caught once: in main, in a binding, at the top of a thread.
#pragma once

#include <exception>
#include <string>

namespace breakeven {

/// What the reader of an error can do about it; each kind has its exit code (src/cli/exit_status.h).
enum class ErrorKind {
    usage,        ///< the words of the call are off
    input,        ///< the model, trace or data given is bad
    unsupported,  ///< this machine or build cannot do it
    unavailable,  ///< a server, meter or link is not there (now)
    internal,     ///< our fault
};

/// Prints as one line, "attempt: reason": what was tried, on what, why it failed and what to do.
/// Line breaks inside either part become spaces, so that an error stays one line whatever a library said.
class Error final : public std::exception {
   public:
    Error(ErrorKind kind, const std::string& attempt, const std::string& reason);

    ErrorKind kind() const { return kind_; }
    const char* what() const noexcept override { return text_.c_str(); }

   private:
    ErrorKind kind_;
    std::string text_;
};

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace detail

}  // namespace breakeven

/// Our own mistake: on in release builds too, so that no wrong number leaves. Throws Error{internal}.
#define BREAKEVEN_ASSERT(condition) \
    ((condition) ? void() : ::breakeven::detail::assertion_failed(#condition, __FILE__, __LINE__))
