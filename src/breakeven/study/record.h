// Record: the finished cells of a study in one file of a folder, a line each. A cell that was appended survives
// whatever ends the program or the machine; a line that was cut off is no cell and is cleared away. One study a folder
// at a time.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace breakeven {

struct RecordEntry {
    std::string key;  ///< everything that changes the result, as text
    nlohmann::ordered_json value;
};

/// What a folder's record has, for reading. Throws Error{input} where there is none, or it is damaged, {unsupported}
/// for one of another version.
std::vector<RecordEntry> read_record(const std::filesystem::path& folder);

class Record final {
   public:
    /// Opens or creates the record in `folder`, which is made, and holds its lock until destroyed. Throws Error:
    /// {unavailable} where another study holds it, or the disk is full, {usage} for a folder that cannot be written to,
    /// and as read_record.
    explicit Record(const std::filesystem::path& folder);
    ~Record();
    Record(const Record&) = delete;
    Record& operator=(const Record&) = delete;

    /// The newest with this key; null when there is none.
    const nlohmann::ordered_json* find(const std::string& key) const;
    const std::vector<RecordEntry>& entries() const { return entries_; }

    /// On disk when it returns. Throws Error{unavailable} for a full disk; then nothing of it is in the file.
    void append(const std::string& key, const nlohmann::ordered_json& value);

   private:
    std::filesystem::path file_;
    int lock_ = -1;
    int descriptor_ = -1;
    std::vector<RecordEntry> entries_;
};

/// The file's name in its folder.
inline constexpr const char* record_name = "cells.jsonl";

}  // namespace breakeven
