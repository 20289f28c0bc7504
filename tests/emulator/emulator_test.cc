// The emulator for real: real TCP through it, what becomes of its processes, and what it says where it is not allowed.
// Bounds are wide, for busy machines; bench/emulator.cc prints the exact ratios.
#include "breakeven/emulator/emulator.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "breakeven/error.h"
#include "emulator/roles.h"

namespace breakeven {
namespace {

using namespace literals;

#define NEEDS_EMULATOR()                                                          \
    if (const EmulatorSupport support = emulator_support(); !support.available) { \
        GTEST_SKIP() << "links cannot be emulated here: " << support.reason;      \
    }

/// A folder of this test's own, gone with it.
class Emulator : public testing::Test {
   protected:
    Emulator() {
        std::string name = std::filesystem::temp_directory_path() / "breakeven-emulator-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        std::filesystem::permissions(folder_, std::filesystem::perms::all);
    }
    ~Emulator() override { std::filesystem::remove_all(folder_); }
    std::string file(const std::string& name) const { return folder_ / name; }

   private:
    std::filesystem::path folder_;
};

EmulatedRun run_of(const std::string& link, std::vector<std::string> command) {
    EmulatedRun run;
    run.link = *study_link(link);
    run.device_command = std::move(command);
    return run;
}

std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

/// Waits for what another process brings about; false after half a minute.
bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

std::vector<pid_t> processes_in(const std::string& file) {
    std::vector<pid_t> processes;
    std::ifstream in(file);
    for (pid_t process = 0; in >> process;) processes.push_back(process);
    return processes;
}

bool is_gone(pid_t process) {
    return ::kill(process, 0) != 0 && errno == ESRCH;
}

/// Runs `body` in a process of its own and returns its id; its exit status is what `body` returns.
pid_t in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        int status = 99;
        try {
            status = body();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
        }
        ::_exit(status);
    }
    return child;
}

int status_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class StudyLink : public Emulator, public testing::WithParamInterface<const char*> {};

TEST_P(StudyLink, HasItsRoundTripAndGoodput) {
    NEEDS_EMULATOR();
    const LinkProfile link = *study_link(GetParam());
    const auto volume = [](BytesPerSecond rate) { return static_cast<std::int64_t>(rate.in(bytes_per_second)*1.2); };
    EmulatedRun run =
        run_of(link.name, roles::device({.up = volume(link.up), .down = volume(link.down)}, file("figures")));
    run.congestion = Congestion::reno;
    run.server_command = roles::server();
    run.server_port = roles::port;
    const EmulatedResult result = run_emulated(run);
    ASSERT_EQ(result.device_status, 0);
    const roles::Figures figures = roles::read_figures(file("figures"));
    const double round_trip = 2 * link.one_way_latency.count();
    EXPECT_GE(figures.round_trip_s, round_trip) << "no packet may be early";
    EXPECT_LE(figures.round_trip_s, round_trip * 1.25 + 0.5e-3);
    EXPECT_NEAR(figures.up_bytes_per_s / link.up.in(bytes_per_second), 1.0, 0.25);
    EXPECT_NEAR(figures.down_bytes_per_s / link.down.in(bytes_per_second), 1.0, 0.25);
    EXPECT_EQ(figures.device_congestion, "reno");
    EXPECT_EQ(figures.server_congestion, "reno");
    EXPECT_GT(result.lines.up.packets, volume(link.up) / 1448);
    EXPECT_GT(result.lines.down.packets, volume(link.down) / 1448);
    EXPECT_EQ(result.lines.up.refused + result.lines.down.refused, 0);
}
INSTANTIATE_TEST_SUITE_P(All, StudyLink, testing::Values("ethernet", "wifi", "5g"),
                         [](const auto& chosen) { return std::string("Of_") + chosen.param; });

/// Rates that change ten times a second about a mean of 1.2 MB/s.
RecordedLink restless_link() {
    std::string text = "time_s,uplink_Bps,downlink_Bps,rtt_s\n";
    for (const char* row : {"0,2000000,400000,0.02\n", "0.1,400000,2000000,0.02\n"}) text += row;
    return fill(parse_trace_csv(text, "restless"), {});
}

TEST_F(Emulator, PlaysATrace) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", roles::device({.up = 1'500'000, .down = 1'500'000}, file("figures")));
    run.trace = EmulatedTrace{.link = restless_link(), .at_end = AtEnd::repeat};
    run.link = profile_of(run.trace->link);
    run.congestion = Congestion::reno;
    run.server_command = roles::server();
    run.server_port = roles::port;
    ASSERT_EQ(run_emulated(run).device_status, 0);
    const roles::Figures figures = roles::read_figures(file("figures"));
    EXPECT_GE(figures.round_trip_s, 20e-3);
    EXPECT_LE(figures.round_trip_s, 20e-3 * 1.25 + 0.5e-3);
    EXPECT_NEAR(figures.up_bytes_per_s / 1.2e6, 1.0, 0.25);
    EXPECT_NEAR(figures.down_bytes_per_s / 1.2e6, 1.0, 0.25);
}

TEST_F(Emulator, LosesPacketsAndTcpGetsThrough) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", roles::device({.up = 1'000'000, .down = 1'000'000}, file("figures")));
    run.congestion = Congestion::reno;
    run.loss = {.share = 0.02, .burst = 2.0};
    run.server_command = roles::server();
    run.server_port = roles::port;
    const EmulatedResult result = run_emulated(run);
    ASSERT_EQ(result.device_status, 0);
    EXPECT_GT(result.lines.up.lost, 0);
    EXPECT_GT(result.lines.down.lost, 0);
}

TEST_F(Emulator, IsDownDuringAnOutage) {
    NEEDS_EMULATOR();
    // The first packet of the connection is lost; TCP tries again after a second.
    EmulatedRun run = run_of("5g", roles::device({.up = 3000, .down = 3000}, file("figures")));
    run.outages = {{.start = 0_s, .length = 0.3_s}};
    run.server_command = roles::server();
    run.server_port = roles::port;
    const auto start = std::chrono::steady_clock::now();
    const EmulatedResult result = run_emulated(run);
    ASSERT_EQ(result.device_status, 0);
    EXPECT_GT(result.lines.up.lost, 0);
    EXPECT_GE(Seconds(std::chrono::steady_clock::now() - start), 0.3_s);
}

bool can_slow_down() {
    try {
        control_groups();
        return true;
    } catch (const Error& error) {
        std::printf("%s\n", error.what());
        return false;
    }
}

TEST_F(Emulator, SlowsTheDeviceCommandAndLeavesNoGroup) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", shell("grep -o 'breakeven-.*' /proc/self/cgroup > " + file("group")));
    run.slowness = Slowness{.slowdown = 4.0, .processors = 1};
    if (!can_slow_down()) {
        EXPECT_THROW(run_emulated(run), Error) << "nothing else may take its place";
        return;
    }
    const std::filesystem::path folder = control_groups().folder;
    EXPECT_EQ(run_emulated(run).device_status, 0);
    std::string group;
    std::getline(std::ifstream(file("group")), group);
    ASSERT_FALSE(group.empty());
    EXPECT_FALSE(std::filesystem::exists(folder / group));
}

TEST_F(Emulator, LeavesNoGroupWhenKilled) {
    NEEDS_EMULATOR();
    if (!can_slow_down()) return;
    const std::filesystem::path folder = control_groups().folder;
    const pid_t emulator = in_child([&] {
        EmulatedRun run = run_of("5g", shell("grep -o 'breakeven-.*' /proc/self/cgroup > " + file("group") +
                                             "; touch " + file("ready") + "; sleep 1000"));
        run.slowness = Slowness{.slowdown = 4.0, .processors = 1};
        return run_emulated(run).device_status;
    });
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file("ready")); }));
    ::kill(emulator, SIGKILL);
    status_of(emulator);
    std::string group;
    std::getline(std::ifstream(file("group")), group);
    ASSERT_FALSE(group.empty());
    EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(folder / group); })) << group;
}

TEST_F(Emulator, RefusesTroublesThatMakeNoSense) {
    for (const auto& spoil : std::vector<std::function<void(EmulatedRun&)>>{
             [](EmulatedRun& run) { run.loss.share = 1.0; }, [](EmulatedRun& run) { run.loss.share = -0.1; },
             [](EmulatedRun& run) { run.loss = {.share = 0.1, .burst = 0.5}; },
             [](EmulatedRun& run) { run.outages = {{.start = 1_s, .length = 0_s}}; }}) {
        EmulatedRun run = run_of("5g", shell("exit 0"));
        spoil(run);
        EXPECT_THROW(run_emulated(run), Error);
    }
}

TEST_F(Emulator, SetsTheCongestionControlOfEveryConnection) {
    NEEDS_EMULATOR();
    std::string available;
    std::getline(std::ifstream("/proc/sys/net/ipv4/tcp_available_congestion_control"), available);
    for (const Congestion congestion : {Congestion::cubic, Congestion::bbr, Congestion::reno}) {
        EmulatedRun run = run_of("5g", roles::device({.up = 3000, .down = 3000}, file("figures")));
        run.congestion = congestion;
        run.server_command = roles::server();
        run.server_port = roles::port;
        if (available.find(name(congestion)) == std::string::npos) {
            EXPECT_THROW(run_emulated(run), Error) << name(congestion) << ": nothing else may take its place";
            continue;
        }
        ASSERT_EQ(run_emulated(run).device_status, 0);
        const roles::Figures figures = roles::read_figures(file("figures"));
        EXPECT_EQ(figures.device_congestion, name(congestion));
        EXPECT_EQ(figures.server_congestion, name(congestion));
    }
}

TEST_F(Emulator, WorksInAUserNamespaceOrSaysWhatToDo) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", roles::device({.up = 3000, .down = 3000}, file("figures")));
    run.congestion = Congestion::reno;
    run.server_command = roles::server();
    run.server_port = roles::port;
    run.entry = NamespaceEntry::in_user_namespace;
    try {
        const EmulatedResult result = run_emulated(run);
        EXPECT_EQ(result.entered, NamespaceEntry::in_user_namespace);
        EXPECT_EQ(result.device_status, 0);
        EXPECT_GT(roles::read_figures(file("figures")).round_trip_s, 2e-3);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("root"), std::string::npos) << error.what();
    }
}

TEST_F(Emulator, AsAnotherUserWorksOrSaysWhatToDo) {
    if (::geteuid() != 0) GTEST_SKIP() << "this test becomes another user, which only root may";
    const pid_t child = in_child([&] {
        constexpr unsigned nobody = 65534;
        if (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0) return 98;
        const EmulatorSupport support = emulator_support();
        if (!support.available) {
            std::printf("as nobody: %s\n", support.reason.c_str());
            return support.reason.find("root") == std::string::npos ? 1 : 0;
        }
        // Whoever runs commands there stays who they are.
        return run_emulated(run_of("5g", shell("test $(id -u) = 65534"))).device_status;
    });
    EXPECT_EQ(status_of(child), 0);
}

TEST_F(Emulator, EndsWithTheCommandsStatus) {
    NEEDS_EMULATOR();
    EXPECT_EQ(run_emulated(run_of("5g", shell("exit 7"))).device_status, 7);
    EXPECT_EQ(run_emulated(run_of("5g", shell("kill -9 $$"))).device_status, 128 + 9);
}

TEST_F(Emulator, TellsCommandsTheHostsAddresses) {
    NEEDS_EMULATOR();
    const EmulatedResult result =
        run_emulated(run_of("5g", shell("test $BREAKEVEN_DEVICE = 10.83.0.1 && test $BREAKEVEN_SERVER = 10.83.0.2")));
    EXPECT_EQ(result.device_status, 0);
}

TEST_F(Emulator, HasNoOtherWayOut) {
    NEEDS_EMULATOR();
    // Interfaces: the loopback and the link.
    EXPECT_EQ(run_emulated(run_of("5g", shell("test $(tail -n +3 /proc/net/dev | wc -l) = 2"))).device_status, 0);
}

TEST_F(Emulator, RefusesACommandThatIsNotThere) {
    NEEDS_EMULATOR();
    for (const bool as_server : {false, true}) {
        EmulatedRun run = run_of("5g", shell("exit 0"));
        (as_server ? run.server_command : run.device_command) = {"no-such-command"};
        try {
            run_emulated(run);
            FAIL() << "ran it";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_EQ(std::string(error.what()).find("run 'no-such-command': "), 0U) << error.what();
        }
    }
}

TEST_F(Emulator, RefusesAServerThatEndsBeforeItListens) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", shell("exit 0"));
    run.server_command = shell("exit 3");
    run.server_port = roles::port;
    try {
        run_emulated(run);
        FAIL() << "went on";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unavailable);
        EXPECT_NE(std::string(error.what()).find("status 3"), std::string::npos) << error.what();
    }
}

TEST_F(Emulator, SaysWhenTheServerEndedEarly) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", shell("while ! test -e " + file("over") + "; do sleep 0.01; done; sleep 0.05"));
    run.server_command = shell("touch " + file("over") + "; exit 4");
    EXPECT_EQ(run_emulated(run).server_status, 4);
}

TEST_F(Emulator, RefusesWhatItCannotCarry) {
    EmulatedRun run = run_of("5g", shell("exit 0"));
    run.link.up = bytes_per_second(1e10);
    EXPECT_THROW(run_emulated(run), Error);
    run = run_of("5g", {});
    EXPECT_THROW(run_emulated(run), Error);
    run = run_of("5g", shell("exit 0"));
    run.queue = 0_s;
    EXPECT_THROW(run_emulated(run), Error);
}

TEST_F(Emulator, LeavesNoProcessBehind) {
    NEEDS_EMULATOR();
    // Background processes, and one that has left its session, on both hosts.
    const std::string script =
        "sleep 1000 & echo $! >> " + file("processes") + "; setsid sleep 1000 & echo $! >> " + file("processes") + "; ";
    EmulatedRun run = run_of("5g", shell(script + "exit 0"));
    run.server_command = shell(script + "wait");
    run_emulated(run);
    const auto processes = processes_in(file("processes"));
    EXPECT_GE(processes.size(), 2U);
    for (const pid_t process : processes) EXPECT_TRUE(is_gone(process)) << process;
}

TEST_F(Emulator, LetsTheServerEndInItsOwnWay) {
    NEEDS_EMULATOR();
    EmulatedRun run = run_of("5g", shell("while ! test -e " + file("ready") + "; do sleep 0.01; done"));
    run.server_command = shell("trap 'echo bye > " + file("last") + "; exit 0' TERM; touch " + file("ready") +
                               "; while true; do sleep 0.01; done");
    run_emulated(run);
    EXPECT_TRUE(std::filesystem::exists(file("last")));
}

TEST_F(Emulator, LeavesNoProcessBehindWhenKilled) {
    NEEDS_EMULATOR();
    const std::string script = "sleep 1000 & echo $! >> " + file("processes") + "; setsid sleep 1000 & echo $! >> " +
                               file("processes") + "; wait";
    const pid_t emulator = in_child([&] {
        EmulatedRun run = run_of("5g", shell(script));
        run.server_command = shell(script);
        return run_emulated(run).device_status;
    });
    ASSERT_TRUE(eventually([&] { return processes_in(file("processes")).size() == 4; }));
    ::kill(emulator, SIGKILL);
    EXPECT_EQ(status_of(emulator), 128 + SIGKILL);
    for (const pid_t process : processes_in(file("processes"))) {
        EXPECT_TRUE(eventually([&] { return is_gone(process); })) << process;
    }
}

TEST_F(Emulator, PassesInterruptionsToTheCommand) {
    NEEDS_EMULATOR();
    for (const int signal : {SIGINT, SIGTERM}) {
        std::filesystem::remove(file("ready"));
        const pid_t emulator = in_child([&] {
            return run_emulated(run_of("5g", shell("trap 'exit 40' INT; trap 'exit 41' TERM; touch " + file("ready") +
                                                   "; while true; do sleep 0.01; done")))
                .device_status;
        });
        ASSERT_TRUE(eventually([&] { return std::filesystem::exists(file("ready")); }));
        ::kill(emulator, signal);
        EXPECT_EQ(status_of(emulator), signal == SIGINT ? 40 : 41);
    }
}

}  // namespace
}  // namespace breakeven
