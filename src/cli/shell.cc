// Shell: see shell.h.
#include "cli/shell.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace breakeven::cli {

void Shell::answer(const Json& document, const std::string& text) const {
    const std::string out = json ? document.dump(2) + "\n" : text;
    if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size() || std::fflush(stdout) != 0) {
        throw Error(ErrorKind::unavailable, "print the answer", "stdout does not take it (disk full or pipe closed?)");
    }
}

void Shell::note(const std::string& line) const {
    progress_done();
    fmt::print(stderr, "{}\n", line);
}

void Shell::progress(const std::string& line) const {
    if (isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "\r\x1b[K{}", line.substr(0, 79));
    std::fflush(stderr);
}

void Shell::progress_done() const {
    if (isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
}

CLI::App* add_command(CLI::App& parent, Shell& shell, const std::string& name, const std::string& description,
                      const std::string& example, std::function<void()> run) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->footer("\nExample:\n  " + example);
    command->add_flag("--json", shell.json, "print one JSON document on stdout and nothing else");
    command->callback([&shell, run = std::move(run)] { shell.chosen = run; });
    return command;
}

namespace {

/// Columns that a terminal shows: code points, good enough for the letters we print.
std::size_t width(const std::string& cell) {
    std::size_t n = 0;
    for (const char c : cell) n += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1U : 0U;
    return n;
}

}  // namespace

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    const auto widen = [&](const std::vector<std::string>& row) {
        if (row.size() > widths.size()) widths.resize(row.size(), 0);
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    };
    widen(header);
    for (const auto& row : rows) widen(row);

    std::string out;
    const auto print = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string padding(widths[i] - width(row[i]), ' ');
            if (i > 0) line += "  ";
            line += i == 0 ? row[i] + padding : padding + row[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    print(header);
    for (const auto& row : rows) print(row);
    return out;
}

std::string wrapped(const std::string& text, const std::string& margin) {
    constexpr std::size_t columns = 80;
    std::string out, line = margin;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t end = text.find(' ', at);
        if (end == std::string::npos) end = text.size();
        const std::string word = text.substr(at, end - at);
        if (line.size() > margin.size() && line.size() + 1 + word.size() > columns) {
            out += line + "\n";
            line = margin;
        }
        if (line.size() > margin.size()) line += " ";
        line += word;
        at = end + 1;
    }
    return out + line + "\n";
}

std::string wrapped_beside(const std::string& label, const std::string& text, std::size_t columns) {
    const std::string lines = wrapped(text, std::string(columns, ' '));
    if (label.size() >= columns) return label + "\n" + lines;
    return label + lines.substr(label.size());
}

}  // namespace breakeven::cli
