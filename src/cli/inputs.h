// What several commands read from their options: links, powers, preprocessing, server addresses, stores.
#pragma once

#include <memory>
#include <string>

#include "breakeven/engine/first_contact.h"
#include "breakeven/link/profile.h"
#include "breakeven/measure/store.h"
#include "breakeven/plan/device.h"
#include "cli/shell.h"

namespace breakeven::cli {

/// A link of the study by name, or the profile in a file of that path.
LinkProfile read_link(const std::string& text);

/// "host:port" from "host:port" or "grpc://host:port". Throws Error{usage}.
std::string server_address(const std::string& text);

/// --active-power, --idle-power, --device.
struct PowerOptions {
    std::string active;
    std::string idle;
    std::string device;
};
void add_power_options(CLI::App& command, PowerOptions& options);
Powers powers_of(const PowerOptions& options);

/// --store FILE|none; the default lies in data_folder().
void add_store_option(CLI::App& command, std::string& option);
/// Null for "none".
std::unique_ptr<Store> open_store(const std::string& option);

/// The first contact with models of this program, remembered in cache_folder().
FirstContact first_contact(const Shell& shell, const std::string& engine_version);

}  // namespace breakeven::cli
