// SQLite: see sqlite.h.
#include "breakeven/measure/sqlite.h"

#include <fmt/format.h>

#include "breakeven/error.h"

namespace breakeven::sqlite {
namespace {

constexpr int patience_ms = 10'000;  // a writer holds the file for milliseconds; longer means that something hangs

}  // namespace

Connection::Connection(const std::filesystem::path& file) : file_(file.string()), handle_(nullptr, sqlite3_close) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file_.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    handle_.reset(handle);  // SQLite gives a handle even when it fails, to ask why
    if (code != SQLITE_OK) fail(code);
    sqlite3_busy_timeout(handle, patience_ms);
}

void Connection::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
}

bool Connection::try_execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) return false;
    if (code != SQLITE_OK) fail(code);
    return true;
}

std::int64_t Connection::number(const char* sql) {
    Statement statement(*this, sql);
    BREAKEVEN_ASSERT(statement.step());
    return statement.integer(0);
}

void Connection::fail(int code) const {
    const std::string attempt = fmt::format("use the measurement store '{}'", file_);
    const std::string said = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
    switch (code & 0xff) {  // the low byte is the kind, the rest its variety
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
        case SQLITE_SCHEMA:
            throw Error(
                ErrorKind::input, attempt,
                fmt::format("it is damaged or no store ({}): move it away, or choose another with --store", said));
        case SQLITE_FULL:
        case SQLITE_IOERR:
            throw Error(
                ErrorKind::unavailable, attempt,
                fmt::format("the disk does not take it ({}): make room, or choose another place with --store", said));
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            throw Error(ErrorKind::unavailable, attempt,
                        "another process has held it for ten seconds: wait for that one, or end it");
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            throw Error(
                ErrorKind::unavailable, attempt,
                fmt::format("the file or its folder cannot be written ({}): choose another with --store", said));
        case SQLITE_NOMEM: throw Error(ErrorKind::unavailable, attempt, "there is not enough memory");
        case SQLITE_ERROR:  // the tables are not those that we make
            throw Error(
                ErrorKind::input, attempt,
                fmt::format("it does not have our tables ({}): move it away, or choose another with --store", said));
        default: throw Error(ErrorKind::internal, attempt, fmt::format("{} (SQLite code {})", said, code));
    }
}

Statement::Statement(Connection& connection, const char* sql)
    : connection_(connection), statement_(nullptr, sqlite3_finalize) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(connection.handle(), sql, -1, &statement, nullptr));
    statement_.reset(statement);
}

void Statement::check(int code) const {
    if (code != SQLITE_OK) connection_.fail(code);
}

Statement& Statement::bind(const std::string& text) {
    check(sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(double value) {
    check(sqlite3_bind_double(statement_.get(), ++bound_, value));
    return *this;
}

Statement& Statement::bind(std::int64_t value) {
    check(sqlite3_bind_int64(statement_.get(), ++bound_, value));
    return *this;
}

Statement& Statement::bind(std::optional<double> value) {
    if (value) return bind(*value);
    check(sqlite3_bind_null(statement_.get(), ++bound_));
    return *this;
}

Statement& Statement::bind(std::span<const std::byte> blob) {
    // A null pointer would bind NULL, not an empty blob.
    const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
    check(sqlite3_bind_blob64(statement_.get(), ++bound_, data, blob.size(), SQLITE_STATIC));
    return *this;
}

bool Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) connection_.fail(code);
    return false;
}

std::string Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    if (data == nullptr) return "";
    return std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

std::span<const std::byte> Statement::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

}  // namespace breakeven::sqlite
