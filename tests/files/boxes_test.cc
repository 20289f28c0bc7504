// Boxes: boxes.csv is read strictly, each error names its line, and pictures without a row show nothing.
#include "breakeven/files/boxes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <fstream>

#include "breakeven/error.h"

namespace breakeven {
namespace {

namespace fs = std::filesystem;

const std::string header = "file,label,top,left,bottom,right\n";

std::string refusal(const auto& call) {
    try {
        (void)call();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return {};
}

std::string box_refusal(const std::string& text) {
    return refusal([&] { return parse_boxes(text, "'boxes.csv'"); });
}

class BoxFiles : public testing::Test {
   protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("breakeven-boxes-" + std::to_string(getpid()) + "-" +
                                               testing::UnitTest::GetInstance()->current_test_info()->name());
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    void put(const std::string& name, const std::string& content) { std::ofstream(folder_ / name) << content; }

    fs::path folder_;
};

TEST(Boxes, RowsInOrder) {
    const Box box{.top = 0.25, .left = 0.0, .bottom = 1.0, .right = 0.5};
    EXPECT_EQ(parse_boxes(header + "a.png,3,0.25,0,1,.5\nb/c.png,0,2.5e-1,0,1.0,0.5\n", "x"),
              (std::vector<BoxRow>{{.file = "a.png", .object = {.label = 3, .box = box}},
                                   {.file = "b/c.png", .object = {.label = 0, .box = box}}}));
}

TEST(Boxes, SpreadsheetsHabitsAreFine) {
    EXPECT_EQ(parse_boxes("\xef\xbb\xbf"
                          "file,label,top,left,bottom,right\r\n\"a,\"\"b\"\".png\",3,0,0,1,1\r\n\r\n",
                          "x")
                  .at(0)
                  .file,
              "a,\"b\".png");
}

TEST(Boxes, MalformedRowsAreNamedByTheirLine) {
    for (const char* row :
         {"a.png,1", "a.png,1,0,0,1,1,1", "a.png,1,0,0,1,", "a.png,x,0,0,1,1", "a.png,-1,0,0,1,1", "a.png,1,nan,0,1,1",
          "a.png,1,0,0,inf,1", "a.png,1,0,0,1,-0.1", "a.png,1,0,0,200,300", "a.png,1,0,0,1,1e999", "a.png,1, 0,0,1,1",
          "a.png,1,0x0,0,1,1", "a.png,1,0.5,0,0.5,1", "a.png,1,0.6,0,0.5,1", "a.png,1,0,0.7,1,0.5", ",1,0,0,1,1",
          "../a.png,1,0,0,1,1", "/etc/passwd,1,0,0,1,1", "\"a.png,1,0,0,1,1"}) {
        EXPECT_NE(box_refusal(header + "ok.png,1,0,0,1,1\n" + row).find("line 3: "), std::string::npos) << row;
    }
    EXPECT_NE(box_refusal("file,label,left,top,right,bottom\n").find("line 1: "), std::string::npos);
}

TEST(Boxes, PixelsAreRecognisedAsNoFractions) {
    EXPECT_NE(box_refusal(header + "a.png,1,10,20,30,40\n").find("top '10'"), std::string::npos);
}

RC_GTEST_PROP(Boxes, AnyTextIsReadOrRefused, (const std::string& text)) {
    (void)box_refusal(text);
    (void)box_refusal(header + text);
}

RC_GTEST_PROP(Boxes, WhatIsReadIsABox, ()) {
    const auto field = rc::gen::element<std::string>("0", "1", "0.5", "0.25", "nan", "-1", "2", "1e-320", "", "inf");
    std::string row = "a.png,1";
    for (int i = 0; i < 4; ++i) row += "," + *field;
    std::vector<BoxRow> rows;
    if (!refusal([&] { return rows = parse_boxes(header + row, "x"); }).empty()) return;
    const Box& box = rows.at(0).object.box;
    RC_ASSERT(box.top >= 0.0 && box.top < box.bottom && box.bottom <= 1.0);
    RC_ASSERT(box.left >= 0.0 && box.left < box.right && box.right <= 1.0);
}

TEST_F(BoxFiles, PicturesWithoutARowShowNothing) {
    put("a.png", "x");
    put("b.png", "x");
    put("boxes.csv", header + "b.png,1,0,0,1,1\nmore/c.png,2,0,0,1,1\nb.png,3,0,0,1,1\n");
    const auto boxed = read_boxes(read_sample_folder(folder_));
    ASSERT_TRUE(boxed.has_value());
    ASSERT_EQ(boxed->samples.size(), 3U);
    EXPECT_EQ(boxed->samples[2].file, "more/c.png");
    EXPECT_TRUE(boxed->objects[0].empty());
    ASSERT_EQ(boxed->objects[1].size(), 2U);
    EXPECT_EQ(boxed->objects[1][1].label, 3);
    EXPECT_EQ(boxed->objects[2].at(0).label, 2);
}

TEST_F(BoxFiles, FilesMayBeNamedByBoxesAlone) {
    put("boxes.csv", header + "more/c.png,2,0,0,1,1\n");
    EXPECT_EQ(read_boxes(read_sample_folder(folder_))->samples.size(), 1U);
}

TEST_F(BoxFiles, NoTableIsNoneAndAnEmptyOneIsRefused) {
    put("a.png", "x");
    EXPECT_FALSE(read_boxes(read_sample_folder(folder_)).has_value());
    put("boxes.csv", header);
    EXPECT_NE(refusal([&] { return read_boxes(read_sample_folder(folder_)); }).find("no rows"), std::string::npos);
}

}  // namespace
}  // namespace breakeven
