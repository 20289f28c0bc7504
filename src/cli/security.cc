// Security options: see security.h. A token is never an argument: other users of the machine can read those.
#include "cli/security.h"

#include <cstdlib>

namespace breakeven::cli {

void add_security_options(CLI::App& command, Shell& shell) {
    SecurityWords& words = shell.security;
    const char* const group = "Security";
    command.add_flag("--tls", words.tls, "encrypt, and believe the authorities that this system trusts")->group(group);
    command.add_option("--tls-ca", words.authorities, "encrypt, and believe the authorities in this PEM file")
        ->group(group);
    command.add_option("--tls-cert", words.certificate, "encrypt, and show this certificate (PEM) to the server")
        ->group(group);
    command.add_option("--tls-key", words.key, "its key")->group(group);
    command.add_option("--tls-name", words.name, "the name that the server's certificate has (default: its host)")
        ->group(group);
    command
        .add_option("--token-file", words.token_file,
                    "show the token in this file to the server (default: BREAKEVEN_TOKEN)")
        ->group(group);
    command.add_flag("--plain", words.plain, "allow plain text to another machine")->group(group);
}

void add_transport_option(CLI::App& command, Shell& shell) {
    command
        .add_option("--transport", shell.security.transport,
                    "of a connection that rests: plain TCP, which forgets its window; kept, by BBR; or warm, by tiny "
                    "calls")
        ->check(CLI::IsMember({"plain", "kept", "warm"}))
        ->capture_default_str();
}

std::string token_of(const std::string& file) {
    if (!file.empty()) return read_token(file);
    const char* token = std::getenv(token_variable);
    return token != nullptr && *token != '\0' ? check_token(token) : std::string();
}

bool is_on_emulated_host() {
    return std::getenv("BREAKEVEN_DEVICE") != nullptr && std::getenv("BREAKEVEN_SERVER") != nullptr;
}

ClientOptions client_options(const Shell& shell) {
    const SecurityWords& words = shell.security;
    ClientOptions options;
    SecurityOptions& security = options.security;
    const bool encrypted = words.tls || !words.authorities.empty() || !words.certificate.empty() ||
                           !words.key.empty() || !words.name.empty();
    if (encrypted) security.encryption = SecurityOptions::Encryption::tls;
    options.transport.window = parse_transport(words.transport);
    security.authorities_file = words.authorities;
    security.certificate_file = words.certificate;
    security.key_file = words.key;
    security.server_name = words.name;
    security.token = token_of(words.token_file);
    if (words.plain || is_on_emulated_host()) security.plain_text = SecurityOptions::PlainText::anywhere;
    return options;
}

}  // namespace breakeven::cli
