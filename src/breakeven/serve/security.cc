// What the server checks before it serves: see security.h.
#include "breakeven/serve/security.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <string_view>

#include "breakeven/error.h"
#include "breakeven/wire/resolve.h"

namespace breakeven {

bool shows_token(std::string_view authorization, const std::string& token) {
    constexpr std::string_view scheme = "Bearer ";
    if (!authorization.starts_with(scheme)) return false;
    authorization.remove_prefix(scheme.size());
    return authorization.size() == token.size() && CRYPTO_memcmp(authorization.data(), token.data(), token.size()) == 0;
}

void check_listening(const std::string& listen, const std::string& host, const ServerSecurity& security) {
    const std::string attempt = "listen on " + listen;
    if (security.encrypts()) return;
    if (!security.client_authorities_file.empty()) {
        throw Error(ErrorKind::usage, attempt,
                    "clients can show certificates to a server with TLS only: --tls-cert FILE --tls-key FILE");
    }
    const auto addresses = resolve({.host = host, .port = "0"}, Lookup::names);
    const bool is_here = !addresses.empty() && std::all_of(addresses.begin(), addresses.end(),
                                                           [](const auto& each) { return each.is_loopback(); });
    if (is_here) return;
    if (!security.token.empty()) {
        throw Error(ErrorKind::usage, attempt,
                    "a token would travel readable by others: it needs TLS (--tls-cert FILE --tls-key FILE)");
    }
    if (security.plain_text == ServerSecurity::PlainText::loopback_only) {
        throw Error(ErrorKind::usage, attempt,
                    "what other machines send would be readable by others: use TLS (--tls-cert FILE --tls-key FILE), "
                    "or allow it with --plain");
    }
}

}  // namespace breakeven
