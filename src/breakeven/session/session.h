// Session: an application's network, run for each inference where it is best at that moment: here, on a server across
// a link, or in two parts. The answer always comes: when the server is late, lost or talks nonsense, from this device.
//   Session session = Session::open("net.onnx", {.server = "edge:8001", .deadline = Seconds(0.2)});
//   Inferred result = session.infer(inputs);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "breakeven/tensor/tensor.h"
#include "breakeven/units/units.h"
#include "breakeven/wire/security.h"

namespace breakeven {

/// How a session picks plans; `adaptive` is Breakeven's own (plan/adaptive_policy.h), the others are what it must beat.
enum class SessionPolicy { adaptive, always_local, always_offload, static_best, linear_bandit };
std::string_view name(SessionPolicy policy);
/// Throws Error{usage} for an unknown word.
SessionPolicy parse_session_policy(std::string_view text);

/// Whether the network's inputs, as the application gives them, may cross the link. `stays_here` rules out offloading
/// all of it, and every cut that hands an input on.
enum class RawInput { may_leave, stays_here };

struct SessionOptions {
    /// "host:port"; empty: everything runs here.
    std::string server;
    /// Of each inference. The run on this device starts in time to keep it, wherever it fits into it at all.
    std::optional<Seconds> deadline{};
    RawInput raw_input = RawInput::may_leave;
    SessionPolicy policy = SessionPolicy::adaptive;
    /// Of this device: "cpu:1", "openvino:cpu:4", ...; of "cpu:N", TFLite files run on openvino:cpu:N.
    std::string platform = "cpu:1";
    /// Share of the inferences that may run twice, here beside the server. More makes late answers rarer and costs
    /// energy.
    double hedge_share = 0.08;
    /// JSON text of the plans to choose among: what `breakeven advise --json` prints, or plan by plan (plan_file.h).
    /// Empty: the session measures for itself while it opens, which takes some tens of inferences.
    std::string plans;
    /// The most networks cut in two that are kept ready. Each keeps its weights once more in memory.
    std::size_t splits = 2;
    /// How long open() waits for the server to be ready; a network must perhaps be sent there first. Later it goes on
    /// in the background, and until then everything runs here.
    Seconds open_within{10.0};
    /// Longest wait for one answer of the server, where neither the deadline nor the policy gives up before.
    Seconds answer_within{10.0};
    /// Kept warm, the connection sends a request at once, for some bytes ten times a second while inferences come; else
    /// TCP finds out anew after each rest how fast it may send.
    enum class Connection { kept_warm, as_it_is } connection = Connection::kept_warm;
    /// TCP congestion control ("cubic", "bbr", "reno") of the connection; empty: the machine's default.
    std::string congestion_control;
    SecurityOptions security{};
    /// Where ONNX Runtime's library is looked for; empty: BREAKEVEN_ONNXRUNTIME, then where Breakeven was installed.
    std::vector<std::filesystem::path> onnxruntime;
    /// OpenVINO's; empty: BREAKEVEN_OPENVINO, then the system's. Loaded where the platform or the network asks for it.
    std::vector<std::filesystem::path> openvino{};
};

/// Who made the outputs: all here, all there, or the head here and the tail there.
enum class RanOn { device, server, both };
std::string_view name(RanOn where);

/// One inference, done.
struct Inferred {
    std::vector<Tensor> outputs;  ///< in the order of Session::outputs()
    RanOn where = RanOn::device;
    std::string plan;  ///< the name of the plan that was chosen
    std::string why;   ///< it was chosen, and what came of it, in a few words

    /// What each part took. Of a server that does not tell its times, queue and compute count as network.
    struct Took {
        Seconds total{0.0};    ///< from the call to the answer
        Seconds device{0.0};   ///< computing here: all of it, the head, or what went on after the server was given up
        Seconds network{0.0};  ///< under way, both ways
        Seconds queue{0.0};    ///< waiting for the server's turn
        Seconds server{0.0};   ///< computing there
    } took;
    Seconds expected{0.0};  ///< when it was chosen

    /// The device started beside the server because waiting longer did not pay.
    bool hedged = false;
    /// The server failed, and why; empty when it did not. The outputs are this device's then.
    std::string failure;
    /// Whether the deadline was kept; nothing without one.
    std::optional<bool> in_time{};
};

/// Since the session was opened.
struct SessionCounters {
    std::int64_t inferences = 0;
    std::int64_t answered_here = 0;   ///< by this device alone
    std::int64_t answered_there = 0;  ///< with the server
    std::int64_t hedged = 0;          ///< this device started beside the server
    std::int64_t hedges_won = 0;      ///< ... and was first
    std::int64_t rescued = 0;         ///< this device answered because the server failed
    std::int64_t lost = 0;            ///< replies that never came: connection broken, refused or silent
    std::int64_t late = 0;            ///< no reply within the longest wait
    std::int64_t refused = 0;         ///< the server said no
    std::int64_t garbage = 0;         ///< replies that do not fit the network
    std::int64_t breaker_opened = 0;  ///< the server was left alone for a while
    std::int64_t probes = 0;          ///< sent to learn about the link or the server
    std::int64_t deadlines_missed = 0;
    Bytes up, down;  ///< payload of inferences and probes
};

/// What the session knows of link and server now.
struct SessionOutlook {
    bool server_ready = false;        ///< it has the networks, and answers
    BytesPerSecond up;                ///< estimated
    std::optional<Seconds> up_age{};  ///< since the last observation; nothing before the first
    Seconds round_trip{0.0};          ///< estimated
    double device_slowness = 1.0;     ///< against the plans' figures
    std::string server_state;         ///< in a few words, for people
};

/// May be used from many threads at once. Moving leaves an empty one that may only be assigned to or destroyed.
class Session final {
   public:
    /// Opens an .onnx file, or a packed one. Throws Error for a network that cannot run on this device, or plans that
    /// are not of this network. A server that is absent is no error.
    static Session open(const std::filesystem::path& model, const SessionOptions& options = {});
    /// The same from a file's bytes; `name` is for messages.
    static Session open_bytes(std::string name, std::string bytes, const SessionOptions& options = {});

    ~Session();  ///< cancels what is under way on the server, and waits for what runs here
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;

    const std::vector<TensorSpec>& inputs() const;
    const std::vector<TensorSpec>& outputs() const;

    /// One inference; `inputs` in the order of inputs(), not to be written to before it ends.
    /// Throws Error{input} for tensors that do not fit; never because of a server.
    Inferred infer(std::span<const Tensor> inputs);
    std::future<Inferred> infer_async(std::vector<Tensor> inputs);
    /// `done` gets a future that is ready: get() gives the result or throws. It is called once, from a thread of the
    /// session, and must not block or throw.
    void infer_async(std::vector<Tensor> inputs, std::function<void(std::future<Inferred>)> done);

    SessionCounters counters() const;
    SessionOutlook outlook() const;
    /// The plans it chooses among now, by name.
    std::vector<std::string> plans() const;
    /// The same with their figures, as JSON text that SessionOptions::plans takes, and `breakeven session replay`.
    std::string plans_text() const;

   private:
    class Impl;
    explicit Session(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace breakeven
