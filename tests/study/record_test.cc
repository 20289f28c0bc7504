// A record loses nothing that was finished, whatever cuts it off, and says what is wrong with a file it cannot go on
// with.
#include "breakeven/study/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "breakeven/error.h"

namespace breakeven {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

class RecordTest : public testing::Test {
   protected:
    RecordTest() {
        std::string name = (std::filesystem::temp_directory_path() / "record-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~RecordTest() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path file() const { return folder_ / record_name; }
    std::string bytes() const {
        std::ostringstream text;
        text << std::ifstream(file(), std::ios::binary).rdbuf();
        return text.str();
    }
    void write(const std::string& text) const { std::ofstream(file(), std::ios::binary) << text; }

    std::filesystem::path folder_;
};

/// What Error says when `act` throws one; its kind into `kind`.
template <class Act>
std::string error_of(Act act, ErrorKind& kind) {
    try {
        act();
    } catch (const Error& error) {
        kind = error.kind();
        return error.what();
    }
    return "no error";
}

TEST_F(RecordTest, HasWhatWasAppendedWhenOpenedAgain) {
    {
        Record record(folder_);
        record.append("a", {{"latency", 0.1}});
        record.append("b", {{"latency", 0.2}});
    }
    const Record again(folder_);
    ASSERT_EQ(again.entries().size(), 2U);
    EXPECT_EQ(again.find("b")->at("latency"), 0.2);
    EXPECT_EQ(again.find("c"), nullptr);
    EXPECT_EQ(read_record(folder_).size(), 2U);
}

TEST_F(RecordTest, CutOffAnywhereLosesAtMostTheLastCellAndGoesOn) {
    {
        Record record(folder_);
        record.append("a", {{"latency", 0.1}});
    }
    const std::size_t one = bytes().size();
    {
        Record record(folder_);
        record.append("b", {{"latency", 0.2}});
    }
    const std::string whole = bytes();
    for (std::size_t length = one; length <= whole.size(); ++length) {
        write(whole.substr(0, length));
        Record record(folder_);
        ASSERT_NE(record.find("a"), nullptr) << length;
        EXPECT_EQ(record.find("b") != nullptr, length == whole.size()) << length;
        if (record.find("b") == nullptr) record.append("b", {{"latency", 0.2}});
        EXPECT_EQ(bytes(), whole) << length;
    }
}

TEST_F(RecordTest, RefusesASecondStudyInTheSameFolder) {
    const Record first(folder_);
    ErrorKind kind{};
    EXPECT_THAT(error_of([&] { const Record second(folder_); }, kind),
                HasSubstr("another study writes to this folder"));
    EXPECT_EQ(kind, ErrorKind::unavailable);
}

TEST_F(RecordTest, MayBeReadWhileAStudyWrites) {
    Record record(folder_);
    record.append("a", {{"latency", 0.1}});
    EXPECT_EQ(read_record(folder_).size(), 1U);
}

TEST_F(RecordTest, TellsAFileOfAnotherVersion) {
    // The header of format 0; its digest is that of its text.
    write("846ca8c5263bcd9c {\"breakeven_cells\":0}\n");
    ErrorKind kind{};
    const std::string said = error_of([&] { const Record record(folder_); }, kind);
    EXPECT_THAT(said, HasSubstr("an older version"));
    EXPECT_EQ(kind, ErrorKind::unsupported);
}

TEST_F(RecordTest, TellsADamagedLineByItsNumberAndLeavesTheFile) {
    {
        Record record(folder_);
        for (const std::string key : {"a", "b", "c"}) record.append(key, {{"latency", 0.1}});
    }
    std::string text = bytes();
    text[text.find("\"b\"") + 1] = 'x';
    write(text);
    ErrorKind kind{};
    EXPECT_THAT(error_of([&] { const Record record(folder_); }, kind), HasSubstr("line 3 is damaged"));
    EXPECT_EQ(kind, ErrorKind::input);
    EXPECT_EQ(bytes(), text);
}

TEST_F(RecordTest, RefusesAFileThatIsNoRecord) {
    write("latency,energy\n1,2\n");
    ErrorKind kind{};
    EXPECT_THAT(error_of([&] { const Record record(folder_); }, kind), HasSubstr("line 1"));
    EXPECT_EQ(kind, ErrorKind::input);
}

TEST_F(RecordTest, OnAFullDiskSaysSoAndKeepsWhatThereIs) {
    Record record(folder_);
    record.append("a", {{"latency", 0.1}});
    const std::string before = bytes();
    // A file that may not grow: what a full disk looks like to a writer.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit usual{};
    getrlimit(RLIMIT_FSIZE, &usual);
    const rlimit full{before.size() + 20, usual.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
    ErrorKind kind{};
    const std::string said = error_of([&] { record.append("b", {{"latency", 0.2}}); }, kind);
    setrlimit(RLIMIT_FSIZE, &usual);
    EXPECT_THAT(said, HasSubstr("make room and run the same command again"));
    EXPECT_EQ(kind, ErrorKind::unavailable);
    EXPECT_EQ(bytes(), before) << "half a cell was left behind";
    record.append("b", {{"latency", 0.2}});
    EXPECT_EQ(read_record(folder_).size(), 2U);
}

TEST_F(RecordTest, CannotBeReadWhereThereIsNone) {
    ErrorKind kind{};
    EXPECT_THAT(error_of([&] { (void)read_record(folder_); }, kind), HasSubstr(record_name));
    EXPECT_EQ(kind, ErrorKind::input);
}

}  // namespace
}  // namespace breakeven
