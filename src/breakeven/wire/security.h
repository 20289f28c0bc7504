// SecurityOptions: who may read along, and who either end is: TLS, mutual TLS, and a bearer token.
#pragma once

#include <string>

namespace breakeven {

struct SecurityOptions {
    enum class Encryption { none, tls } encryption = Encryption::none;
    /// PEM file of the authorities whose word for the server is taken; empty: the system's.
    std::string authorities_file;
    /// PEM files of a certificate of our own and its key, for a server that asks for one (mutual TLS); both or none.
    std::string certificate_file, key_file;
    /// What the server's certificate must name; empty: the host of its address.
    std::string server_name;
    /// Shown with every call ("authorization: Bearer ..."); empty: none. Never sent in plain text to another machine.
    std::string token;
    /// Whether tensors may travel unencrypted to another machine.
    enum class PlainText { loopback_only, anywhere } plain_text = PlainText::loopback_only;
};

/// The environment variable that holds the token where no file is named.
inline constexpr const char* token_variable = "BREAKEVEN_TOKEN";

/// The token in a file: its first line. Throws Error{input} where there is none, or not one that a header can carry.
std::string read_token(const std::string& file);
/// Throws Error{input} for a text that no header can carry.
std::string check_token(std::string token);

}  // namespace breakeven
