// The options of every command that talks to a server: who may read along, and who either end is.
#pragma once

#include "breakeven/wire/client.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// --tls, --tls-ca, --tls-cert, --tls-key, --tls-name, --token-file and --plain, into `shell.security`.
void add_security_options(CLI::App& command, Shell& shell);

/// --transport: what holds TCP's window while the connection rests.
void add_transport_option(CLI::App& command, Shell& shell);

/// What these options come to. The token is read here: from the file, else from BREAKEVEN_TOKEN.
ClientOptions client_options(const Shell& shell);

/// The token of a file, else of BREAKEVEN_TOKEN; empty where neither is there.
std::string token_of(const std::string& file);

/// Whether this program runs on one of the emulator's hosts, whose network is nothing but this machine's.
bool is_on_emulated_host();

}  // namespace breakeven::cli
