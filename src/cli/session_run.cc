// `breakeven session run`: a live session: one inference after the other while link, server and device do what they do;
// what was chosen and what it took, as it happens and in sum.
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>

#include "breakeven/files/files.h"
#include "breakeven/files/model_file.h"
#include "breakeven/files/samples.h"
#include "breakeven/measure/sample_input.h"
#include "breakeven/session/session.h"
#include "breakeven/stats/summary.h"
#include "breakeven/units/text.h"
#include "cli/engines.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/security.h"
#include "cli/session.h"
#include "cli/tune.h"

namespace breakeven::cli {
namespace {

constexpr Bytes plans_file_max{std::int64_t{64} << 20};
/// Slower than this, requests would wait for each other; the answers are open-loop anyway.
constexpr Seconds period_min{0.0005};

struct Options {
    std::string model;
    std::vector<std::string> inputs;
    std::string preprocess;
    std::string server;
    std::string period = "1s";
    std::string duration = "30s";
    std::string deadline;
    std::string policy = "adaptive";
    std::string platform = "cpu:1";
    std::string plans;
    std::string congestion_control;
    std::string series;
    std::string write_plans;
    std::size_t splits = 2;
    double hedge_share = 0.08;
    bool raw_input_stays = false;
    bool no_keep_warm = false;
};

/// One inference as it went.
struct Went {
    Seconds at{0.0};  ///< since the first
    Inferred inferred;
    BytesPerSecond up;  ///< as estimated after it
};

/// The answers as they come, from the session's threads.
class Course {
   public:
    Course(const Shell& shell, const std::string& series) : shell_(shell) {
        if (series.empty()) return;
        file_.open(series, std::ios::trunc);
        if (!file_) throw Error(ErrorKind::usage, fmt::format("write '{}'", series), "it cannot be opened");
    }

    void sent() {
        const std::scoped_lock lock(mutex_);
        ++under_way_;
    }
    void came(Seconds at, const Session& session, std::future<Inferred> future) {
        Went went{.at = at, .inferred = future.get(), .up = session.outlook().up};
        went.inferred.outputs.clear();
        const std::scoped_lock lock(mutex_);
        tell(went);
        went_.push_back(std::move(went));
        if (--under_way_ == 0) none_under_way_.notify_all();
    }
    std::vector<Went> all() {
        std::unique_lock lock(mutex_);
        none_under_way_.wait(lock, [&] { return under_way_ == 0; });
        std::ranges::stable_sort(went_, {}, &Went::at);
        return went_;
    }

   private:
    void tell(const Went& went) {
        const Inferred& inferred = went.inferred;
        if (file_.is_open()) {
            const Json line{{"time_s", went.at.count()},
                            {"plan", inferred.plan},
                            {"ran_on", name(inferred.where)},
                            {"why", inferred.why},
                            {"latency_s", inferred.took.total.count()},
                            {"expected_s", inferred.expected.count()},
                            {"device_s", inferred.took.device.count()},
                            {"network_s", inferred.took.network.count()},
                            {"queue_s", inferred.took.queue.count()},
                            {"server_s", inferred.took.server.count()},
                            {"hedged", inferred.hedged},
                            {"failure", inferred.failure.empty() ? Json(nullptr) : Json(inferred.failure)},
                            {"in_time", inferred.in_time ? Json(*inferred.in_time) : Json(nullptr)},
                            {"up_bytes_per_s", went.up.in(bytes_per_second)}};
            file_ << line.dump() << '\n' << std::flush;
        }
        shell_.note(fmt::format("{:7.2f} s  {:>8}  {:<6}  {:<18}  {:>9}  {}{}", went.at.count(),
                                to_text(inferred.took.total), name(inferred.where), inferred.plan, to_text(went.up),
                                inferred.why, inferred.failure.empty() ? "" : " (" + inferred.failure + ")"));
    }

    const Shell& shell_;
    std::ofstream file_;
    std::mutex mutex_;
    std::condition_variable none_under_way_;
    std::vector<Went> went_;
    int under_way_ = 0;
};

SessionOptions session_options(const Shell& shell, const Options& options) {
    SessionOptions made;
    if (!options.server.empty()) made.server = server_address(options.server);
    if (!options.deadline.empty()) made.deadline = parse_seconds(options.deadline, "--deadline");
    made.raw_input = options.raw_input_stays ? RawInput::stays_here : RawInput::may_leave;
    made.policy = parse_session_policy(options.policy);
    made.platform = options.platform;
    if (is_auto(options.platform)) {
        made.platform = to_text(
            platform_of(shell, make_engines(shell), options.platform, load_model(options.model), options.model));
    }
    made.hedge_share = options.hedge_share;
    made.splits = options.splits;
    if (!options.plans.empty()) made.plans = read_file(options.plans, plans_file_max);
    made.connection =
        options.no_keep_warm ? SessionOptions::Connection::as_it_is : SessionOptions::Connection::kept_warm;
    made.congestion_control = options.congestion_control;
    made.security = client_options(shell).security;
    made.onnxruntime = onnxruntime_candidates(shell);
    made.openvino = openvino_candidates(shell);
    return made;
}

std::vector<Tensor> inputs_of(const Session& session, const Options& options) {
    const std::vector<TensorSpec>& specs = session.inputs();
    if (options.inputs.empty()) return sample_inputs(specs, 1);
    if (options.inputs.size() != specs.size()) {
        throw Error(ErrorKind::usage, "read --input",
                    fmt::format("the network has {} inputs, {} were given", specs.size(), options.inputs.size()));
    }
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        inputs.push_back(read_input(options.inputs[i], specs[i], Preprocess{}));
    }
    return inputs;
}

Json counters_json(const SessionCounters& counters) {
    return {{"answered_here", counters.answered_here},
            {"answered_there", counters.answered_there},
            {"hedged", counters.hedged},
            {"hedges_won", counters.hedges_won},
            {"rescued", counters.rescued},
            {"lost", counters.lost},
            {"late", counters.late},
            {"refused", counters.refused},
            {"garbage", counters.garbage},
            {"breaker_opened", counters.breaker_opened}};
}

/// The figures of `session replay`, by the same names.
Json run_json(const Options& options, const Session& session, const std::vector<Went>& went, const Summary& latency) {
    const SessionCounters counters = session.counters();
    const auto share = [&](std::int64_t count) {
        return static_cast<double>(count) / static_cast<double>(went.size());
    };
    Json chosen = Json::object();
    for (const std::string& plan : session.plans()) {
        chosen[plan] = share(std::ranges::count(went, plan, [](const Went& one) { return one.inferred.plan; }));
    }
    const bool has_deadline = !options.deadline.empty();
    return {{"policy", options.policy},
            {"period_s", parse_seconds(options.period, "--period").count()},
            {"deadline_s", has_deadline ? Json(parse_seconds(options.deadline, "--deadline").count()) : Json(nullptr)},
            {"plans", Json::parse(session.plans_text())["plans"]},
            {"requests", went.size()},
            {"mean_latency_s", latency.mean.count()},
            {"p50_latency_s", latency.p50.count()},
            {"p99_latency_s", latency.p99.count()},
            {"deadline_missed", has_deadline ? Json(share(counters.deadlines_missed)) : Json(nullptr)},
            {"duplicated", share(counters.hedged)},
            {"bytes_up", counters.up.count()},
            {"bytes_down", counters.down.count()},
            {"probes", counters.probes},
            {"chosen", std::move(chosen)},
            {"counters", counters_json(counters)}};
}

std::string run_text(const Options& options, const Session& session, const std::vector<Went>& went,
                     const Summary& latency) {
    const SessionCounters counters = session.counters();
    std::string text = fmt::format("{} inferences: mean {}, median {}, p99 {}{}\n", went.size(), to_text(latency.mean),
                                   to_text(latency.p50), to_text(latency.p99),
                                   options.deadline.empty() ? "" : fmt::format("; {} late", counters.deadlines_missed));
    std::vector<std::vector<std::string>> rows;
    std::map<std::string, std::vector<Seconds>> by_plan;
    for (const Went& one : went) by_plan[one.inferred.plan].push_back(one.inferred.took.total);
    for (const auto& [plan, times] : by_plan) {
        const Summary summary = *summarize(times);
        rows.push_back({plan, std::to_string(times.size()), to_text(summary.mean), to_text(summary.p99)});
    }
    text += table({"plan", "chosen", "mean", "p99"}, rows);
    text += fmt::format("answered here {}, with the server {}; both ran {} times, the server failed {} times\n",
                        counters.answered_here, counters.answered_there, counters.hedged,
                        counters.lost + counters.late + counters.refused + counters.garbage);
    const SessionOutlook outlook = session.outlook();
    if (!outlook.server_ready && !outlook.server_state.empty()) text += outlook.server_state + "\n";
    return text;
}

void run_session(const Shell& shell, const Options& options) {
    const Seconds period = parse_seconds(options.period, "--period");
    const Seconds duration = parse_seconds(options.duration, "--duration");
    if (period < period_min || duration < period) {
        throw Error(ErrorKind::usage, "run a session", "--period is at least 0.5ms, and --duration not shorter");
    }
    Course course(shell, options.series);
    Session session = Session::open(options.model, session_options(shell, options));
    if (!options.write_plans.empty()) write_file(options.write_plans, session.plans_text());
    const std::vector<Tensor> inputs = inputs_of(session, options);
    const std::atomic<bool>& stop = interrupted();
    shell.note("   time      took   ran on  plan                uplink est.  why");
    const Seconds begin = shell.clock.now();
    for (std::size_t i = 0; !stop; ++i) {
        const Seconds at = period * static_cast<double>(i);
        if (at >= duration) break;
        shell.clock.sleep_until(begin + at);
        course.sent();
        session.infer_async(inputs, [&course, &session, at](std::future<Inferred> future) {
            course.came(at, session, std::move(future));
        });
    }
    const std::vector<Went> went = course.all();
    std::vector<Seconds> latencies;
    for (const Went& one : went) latencies.push_back(one.inferred.took.total);
    const std::optional<Summary> latency = summarize(latencies);
    if (!latency) throw Error(ErrorKind::usage, "run a session", "it was stopped before the first answer");
    shell.answer(run_json(options, session, went, *latency), run_text(options, session, went, *latency));
}

}  // namespace

void add_session_run(CLI::App& session, Shell& shell) {
    auto options = std::make_shared<Options>();
    CLI::App* command = add_command(session, shell, "run", "a live session: what is chosen, and what it takes",
                                    "breakeven session run net.onnx --server edge:8001 --deadline 200ms --duration 30s",
                                    [&shell, options] { run_session(shell, *options); });
    command->add_option("MODEL", options->model, "an .onnx file")->required();
    command->add_option("--server", options->server, "HOST:PORT of a server (`breakeven serve --allow-load`) [none]");
    command->add_option("--input", options->inputs, "a picture, .npy or .bin; one an input, in their order [random]")
        ->allow_extra_args(false);
    command->add_option("--period", options->period, "from one inference to the next")->capture_default_str();
    command->add_option("--duration", options->duration, "how long")->capture_default_str();
    command->add_option("--deadline", options->deadline, "of each inference, like 200ms");
    command
        ->add_option("--policy", options->policy,
                     "adaptive, always-local, always-offload, static-best or linear-bandit")
        ->capture_default_str();
    command->add_option("--platform", options->platform, "of this device, such as cpu:2; or auto, the fastest")
        ->capture_default_str();
    command->add_option("--plans", options->plans,
                        "JSON file of the plans: of `advise --json`, or --write-plans [measured while opening]");
    command->add_option("--write-plans", options->write_plans, "JSON file to write the plans to, with their figures");
    command->add_option("--splits", options->splits, "the most networks cut in two that are kept ready")
        ->check(CLI::Range(std::size_t{0}, std::size_t{8}))
        ->capture_default_str();
    command->add_option("--hedge-share", options->hedge_share, "share of the inferences that may run twice")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str();
    command->add_flag("--raw-input-stays", options->raw_input_stays, "the network's inputs never leave this device");
    command->add_flag("--no-keep-warm", options->no_keep_warm, "send nothing between inferences");
    command->add_option("--congestion-control", options->congestion_control, "of the connection, like cubic");
    command->add_option("--series", options->series, "file to write while it runs, a line of JSON for each inference");
    add_security_options(*command, shell);
}

}  // namespace breakeven::cli
