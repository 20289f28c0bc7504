// ServerSecurity: whom the server serves, and what it shows of itself: TLS, mutual TLS, and a bearer token.
#pragma once

#include <string>
#include <string_view>

namespace breakeven {

struct ServerSecurity {
    /// PEM files of the server's certificate, with what leads to its authority, and of its key; both or none. Without
    /// them the server speaks plain text.
    std::string certificate_file, key_file;
    /// PEM file of the authorities whose clients are served (mutual TLS); empty: no certificate is asked for.
    std::string client_authorities_file;
    /// What each call must carry ("authorization: Bearer ..."), health checks and reflection apart; empty: nothing.
    std::string token;
    /// Whether plain text may be served to other machines.
    enum class PlainText { loopback_only, anywhere } plain_text = PlainText::loopback_only;

    bool encrypts() const { return !certificate_file.empty() || !key_file.empty(); }
};

/// Whether the call's "authorization" is the token's; takes as long for a nearly right one as for a wrong one.
bool shows_token(std::string_view authorization, const std::string& token);

/// Throws Error{usage} where `security` does not allow to listen on this host.
void check_listening(const std::string& listen, const std::string& host, const ServerSecurity& security);

}  // namespace breakeven
