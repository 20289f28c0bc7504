// SQLite as this room uses it: a connection, statements that are closed by themselves, failures as our errors.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace breakeven::sqlite {

class Connection final {
   public:
    /// Opens or creates `file`; waits up to ten seconds for others who hold it.
    explicit Connection(const std::filesystem::path& file);

    void execute(const char* sql);
    /// The single whole number that `sql` asks for.
    std::int64_t number(const char* sql);
    /// As execute, but a lock held by others is no error. Tells whether it was done.
    bool try_execute(const char* sql);

    sqlite3* handle() const { return handle_.get(); }
    const std::string& file() const { return file_; }

    /// Throws our Error for SQLite's result code, saying what to do.
    [[noreturn]] void fail(int code) const;

   private:
    std::string file_;
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> handle_;
};

/// One prepared statement. Values are bound in the order of its question marks.
class Statement final {
   public:
    Statement(Connection& connection, const char* sql);

    Statement& bind(const std::string& text);
    Statement& bind(double value);
    Statement& bind(std::int64_t value);
    Statement& bind(std::optional<double> value);
    /// Must live until the statement has run.
    Statement& bind(std::span<const std::byte> blob);

    /// Whether there is a row (another one).
    bool step();
    std::string text(int column) const;
    double real(int column) const { return sqlite3_column_double(statement_.get(), column); }
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
    bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
    /// Valid until the next step.
    std::span<const std::byte> blob(int column) const;

   private:
    void check(int code) const;

    Connection& connection_;
    std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
    int bound_ = 0;
};

}  // namespace breakeven::sqlite
