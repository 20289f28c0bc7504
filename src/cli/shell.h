// Shell: what every command is handed by main: where to print, the options all commands share, this program's own path.
// Answers go to stdout, narration to stderr; with --json stdout holds exactly one JSON document.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "breakeven/time/clock.h"
#include "cli/exit_status.h"

namespace breakeven::cli {

using Json = nlohmann::ordered_json;

/// How to reach servers, as the options of security.h have it.
struct SecurityWords {
    bool tls = false;
    bool plain = false;
    std::string authorities, certificate, key, name, token_file;
    std::string transport = "kept";
};

struct Shell {
    Clock& clock;
    std::filesystem::path executable;  ///< this program, for what runs in a child process
    bool json = false;                 ///< --json was given
    ExitStatus status = ExitStatus::done;
    SecurityWords security;
    std::function<void()> chosen;  ///< set by the subcommand that was parsed; main runs it

    /// Prints the answer: the document when --json was given, else the text.
    void answer(const Json& document, const std::string& text) const;
    /// One line of narration on stderr.
    void note(const std::string& line) const;
    /// Overwrites one line on stderr; nothing unless stderr is a terminal. `done()` clears it.
    void progress(const std::string& line) const;
    void progress_done() const;
};

/// Adds a subcommand with --json and an example in its help; `run` is called after parsing.
CLI::App* add_command(CLI::App& parent, Shell& shell, const std::string& name, const std::string& description,
                      const std::string& example, std::function<void()> run);

/// A table for people: the first column left, the others right-aligned, two spaces between. Rows may be ragged.
std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

/// The text in lines of at most 80 columns, each after the margin.
std::string wrapped(const std::string& text, const std::string& margin);
/// The same beside a label, which fills the first line's margin of so many columns.
std::string wrapped_beside(const std::string& label, const std::string& text, std::size_t columns);

// One command each, in the file of its name.
void add_advise(CLI::App& app, Shell& shell);
void add_boards(CLI::App& app, Shell& shell);
void add_codec(CLI::App& app, Shell& shell);
void add_compress(CLI::App& app, Shell& shell);
void add_deploy(CLI::App& app, Shell& shell);
void add_doctor(CLI::App& app, Shell& shell);
void add_evaluate(CLI::App& app, Shell& shell);
void add_first_contact(CLI::App& app, Shell& shell);
void add_infer(CLI::App& app, Shell& shell);
void add_inspect(CLI::App& app, Shell& shell);
void add_link(CLI::App& app, Shell& shell);
void add_measure(CLI::App& app, Shell& shell);
void add_meter(CLI::App& app, Shell& shell);
void add_pack(CLI::App& app, Shell& shell);
void add_platforms(CLI::App& app, Shell& shell);
void add_serve(CLI::App& app, Shell& shell);
void add_session(CLI::App& app, Shell& shell);
void add_split(CLI::App& app, Shell& shell);
void add_study(CLI::App& app, Shell& shell);
void add_tune(CLI::App& app, Shell& shell);
void add_unpack(CLI::App& app, Shell& shell);
void add_zoo(CLI::App& app, Shell& shell);

}  // namespace breakeven::cli
