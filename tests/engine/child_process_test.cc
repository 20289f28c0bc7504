// Child processes and the first contact: whatever a child does, the parent gets an answer within the limit.
#include "breakeven/engine/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "breakeven/engine/first_contact.h"
#include "breakeven/error.h"

namespace breakeven {
namespace {

using namespace literals;
using testing::HasSubstr;

ChildResult shell(const std::string& script, const ChildLimits& limits = {}) {
    return run_child({"/bin/sh", "-c", script}, limits);
}

TEST(ChildProcess, ReturnsCodeAndBothStreams) {
    const ChildResult result = shell("echo out; echo err >&2; exit 3");
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.errors, "err\n");
    EXPECT_FALSE(result.timed_out);
}

TEST(ChildProcess, TellsTheSignal) {
    const ChildResult result = shell("kill -SEGV $$");
    EXPECT_EQ(result.signal, SIGSEGV);
    EXPECT_THAT(signal_text(SIGSEGV), HasSubstr("signal 11"));
}

TEST(ChildProcess, EndsAChildThatHangsAndOneThatIgnoresSigterm) {
    EXPECT_TRUE(shell("exec sleep 60", {.time = 100_ms}).timed_out);
    const ChildResult stubborn = shell("trap '' TERM; while :; do sleep 1; done", {.time = 100_ms});
    EXPECT_TRUE(stubborn.timed_out);
    EXPECT_EQ(stubborn.signal, SIGKILL);
}

TEST(ChildProcess, KeepsNoMoreOutputThanTheLimit) {
    const ChildResult result =
        shell("yes | head -c 1000000; yes e | head -c 1000000 >&2", {.output_max = 1000_B, .errors_max = 2000_B});
    EXPECT_EQ(result.output.size(), 1000U);
    EXPECT_EQ(result.errors.size(), 2000U);
    EXPECT_EQ(result.exit_code, 0);
}

TEST(ChildProcess, MissingProgramIsAnError) {
    EXPECT_THROW(run_child({"/nowhere/program"}, {}), Error);
}

TEST(BackgroundChild, TellsTheAwaitedLineAndEndsWithTheObject) {
    const auto start = std::chrono::steady_clock::now();
    {
        BackgroundChild child({"/bin/sh", "-c", "echo starting >&2; echo ready on 7 >&2; exec sleep 60"});
        EXPECT_EQ(child.line_with("ready", 10_s), "ready on 7");
    }
    EXPECT_LT(Seconds(std::chrono::steady_clock::now() - start), 30_s);
}

TEST(BackgroundChild, AChildThatEndsBeforeItsLineGivesNothing) {
    BackgroundChild child({"/bin/sh", "-c", "echo no such folder >&2"});
    EXPECT_FALSE(child.line_with("ready", 10_s).has_value());
    EXPECT_EQ(child.errors(), "no such folder\n");
}

class FirstContactTest : public testing::Test {
   protected:
    void SetUp() override {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  (std::string("first-contact-") + testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::remove_all(folder_);
        std::filesystem::create_directories(folder_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    /// A program that counts its calls in a file and then does `action`.
    FirstContact contact(const std::string& action) {
        const std::filesystem::path program = folder_ / "program";
        std::ofstream(program) << "#!/bin/sh\necho call >> " << (folder_ / "calls").string() << "\n" << action << "\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
        return {.executable = program, .memory = folder_ / "memory", .engine_version = "1.0", .limit = 5_s};
    }
    void meet(const FirstContact& contact) const {
        contact.with("model.onnx", {.name = "model", .bytes = "", .path = {}, .sha256 = "abc"},
                     {.engine = "onnxruntime", .unit = "cpu", .number = 1});
    }
    std::string refusal(const FirstContact& contact) const {
        try {
            meet(contact);
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    }
    std::size_t calls() const {
        std::ifstream file(folder_ / "calls");
        return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
    }

    std::filesystem::path folder_;
};

TEST_F(FirstContactTest, AKnownModelIsMetOnce) {
    const FirstContact good = contact("echo 'breakeven: the network ran'");
    meet(good);
    meet(good);
    EXPECT_EQ(calls(), 1U);
    FirstContact newer = good;
    newer.engine_version = "1.1";
    meet(newer);
    EXPECT_EQ(calls(), 2U) << "a new engine must meet every model anew";
}

TEST_F(FirstContactTest, ACrashIsAnErrorAndNotRemembered) {
    const FirstContact crashing = contact("kill -SEGV $$");
    EXPECT_THAT(refusal(crashing), HasSubstr("signal 11"));
    EXPECT_THAT(refusal(crashing), HasSubstr("load model 'model'"));
    EXPECT_EQ(calls(), 2U);
}

TEST_F(FirstContactTest, ALibraryThatEndsTheProcessIsRefusedAndOneThatDoesNotIsTriedOnce) {
    const std::filesystem::path library = folder_ / "library.so";
    std::ofstream(library) << "bytes";
    EXPECT_THAT(contact("kill -BUS $$").refusal_of_library(library, "onnxruntime"), HasSubstr("signal 7"));
    EXPECT_THAT(contact("exit 0").refusal_of_library(library, "onnxruntime"), HasSubstr("with code 0"));
    const FirstContact good = contact("echo 'breakeven: the library was tried'");
    EXPECT_EQ(good.refusal_of_library(library, "onnxruntime"), "");
    EXPECT_EQ(good.refusal_of_library(library, "onnxruntime"), "");
    EXPECT_EQ(calls(), 3U);
    std::ofstream(library) << "other bytes";
    EXPECT_EQ(good.refusal_of_library(library, "onnxruntime"), "");
    EXPECT_EQ(calls(), 4U) << "another file is another library";
}

TEST_F(FirstContactTest, AnEngineThatEndsTheProcessHasNotRunTheModel) {
    EXPECT_THAT(refusal(contact("exit 0")), HasSubstr("ended the child process"));
    EXPECT_THAT(refusal(contact("exit 9")), HasSubstr("ended with code 9"));
}

TEST_F(FirstContactTest, EveryUnitAndEveryOptionIsMetAnew) {
    const FirstContact good = contact("echo 'breakeven: the network ran'");
    const ModelImage model{.name = "model", .bytes = "", .path = {}, .sha256 = "abc"};
    for (const char* platform : {"cpu:1", "cpu:2", "cuda:0", "cuda:0", "cuda:0,a=1", "cuda:0,a=2", "openvino:cpu:1"}) {
        good.with("model.onnx", model, parse_platform(platform));
    }
    EXPECT_EQ(calls(), 5U);
}

TEST_F(FirstContactTest, TheChildsOwnReasonIsPassedOn) {
    EXPECT_THAT(refusal(contact("echo noise >&2; echo 'breakeven: load model: opset 99' >&2; exit 3")),
                testing::EndsWith("load model: opset 99"));
}

TEST_F(FirstContactTest, AHangingModelIsRefused) {
    FirstContact hanging = contact("exec sleep 60");
    hanging.limit = 200_ms;
    EXPECT_THAT(refusal(hanging), HasSubstr("did not end within"));
}

}  // namespace
}  // namespace breakeven
