// Session: see session.h. What it is made of: the device (device.h), the server (far_server.h), the plans (opening.h),
// and one dispatch (dispatch.h) for all inferences.
#include "breakeven/session/session.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <thread>
#include <utility>

#include "breakeven/engine/onnxruntime.h"
#include "breakeven/engine/openvino.h"
#include "breakeven/error.h"
#include "breakeven/files/memory_file.h"
#include "breakeven/session/installed.h"
#include "breakeven/session/opening.h"

namespace breakeven {
namespace {

/// Between attempts to make the server ready.
constexpr Seconds pause_first{0.25}, pause_max{4.0};

constexpr std::array<std::pair<SessionPolicy, std::string_view>, 5> policies{
    {{SessionPolicy::adaptive, "adaptive"},
     {SessionPolicy::always_local, "always-local"},
     {SessionPolicy::always_offload, "always-offload"},
     {SessionPolicy::static_best, "static-best"},
     {SessionPolicy::linear_bandit, "linear-bandit"}}};

using Paths = std::vector<std::filesystem::path>;

/// `given`, else what the environment names, else `usual`.
Paths libraries(const Paths& given, const char* variable, const Paths& usual) {
    if (!given.empty()) return given;
    const char* chosen = std::getenv(variable);
    return chosen != nullptr && *chosen != '\0' ? Paths{chosen} : usual;
}

std::string reason_of(const Outcome<bool>& outcome, const std::string& server) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refused->reason;
    if (const auto* lost = std::get_if<Lost>(&outcome)) return lost->reason;
    if (std::holds_alternative<Late>(outcome)) return fmt::format("{} accepts, and does not answer", server);
    return fmt::format("{} went away while it was measured", server);
}

}  // namespace

std::string_view name(SessionPolicy policy) {
    for (const auto& [value, word] : policies) {
        if (value == policy) return word;
    }
    return "adaptive";
}

SessionPolicy parse_session_policy(std::string_view text) {
    std::string words;
    for (const auto& [value, word] : policies) {
        if (word == text) return value;
        words += fmt::format("{}{}", words.empty() ? "" : ", ", word);
    }
    throw Error(ErrorKind::usage, fmt::format("read policy '{}'", text), "it is one of " + words);
}

std::string_view name(RanOn where) {
    switch (where) {
        case RanOn::device: return "device";
        case RanOn::server: return "server";
        case RanOn::both: return "both";
    }
    return "device";
}

class Session::Impl {
   public:
    Impl(const ModelFile& whole, const SessionOptions& options) : name_(whole.image.name), options_(options) {
        engines_.add(make_onnxruntime(
            {.libraries = libraries(options.onnxruntime, "BREAKEVEN_ONNXRUNTIME", installed_onnxruntime())}));
        engines_.add(
            make_openvino({.libraries = libraries(options.openvino, "BREAKEVEN_OPENVINO", {"libopenvino_c.so"})}));
        if (!options.server.empty()) {
            const bool warm = options.connection == SessionOptions::Connection::kept_warm;
            auto client = std::make_shared<Client>(
                options.server, ClientOptions{.connect_timeout = Seconds(2.0),
                                              .call_timeout = options.answer_within,
                                              .congestion_control = options.congestion_control,
                                              .security = options.security,
                                              .transport = {.window = warm ? Transport::kept : Transport::plain}});
            server_.emplace(std::move(client), clock_,
                            warm ? FarServer::Connection::kept_warm : FarServer::Connection::as_it_is);
        }
        opening_.emplace(
            whole, options,
            Opening::Tools{
                .engines = engines_, .workers = workers_, .clock = clock_, .server = server_ ? &*server_ : nullptr});
        dispatch_ = std::make_shared<Dispatch>(
            clock_, server_ ? &*server_ : nullptr,
            DispatchOptions{.deadline = options.deadline, .answer_within = options.answer_within, .breaker = {}},
            opening_->here());
        if (!server_) return;
        making_ready_ = std::thread([this] { make_ready(); });
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, options.open_within, [&] { return is_ready_; });
    }

    ~Impl() {
        {
            const std::scoped_lock lock(mutex_);
            stop_ = true;
        }
        changed_.notify_all();
        if (making_ready_.joinable()) making_ready_.join();
        dispatch_->close();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    std::vector<Tensor> checked(std::span<const Tensor> inputs) const {
        const std::vector<TensorSpec>& specs = opening_->ends().inputs;
        const auto refusal = [&](const std::string& reason) {
            return Error(ErrorKind::input, fmt::format("run '{}'", name_), reason);
        };
        if (inputs.size() != specs.size()) {
            throw refusal(fmt::format("it has {} inputs, {} were given", specs.size(), inputs.size()));
        }
        for (std::size_t i = 0; i < specs.size(); ++i) {
            if (inputs[i].dtype() == specs[i].dtype && admits(specs[i].shape, inputs[i].shape())) continue;
            throw refusal(fmt::format("input '{}' is {} of shape {}, given {} of shape {}", specs[i].name,
                                      breakeven::name(specs[i].dtype), to_text(specs[i].shape),
                                      breakeven::name(inputs[i].dtype()), to_text(inputs[i].shape())));
        }
        return {inputs.begin(), inputs.end()};
    }

    Dispatch& dispatch() const { return *dispatch_; }
    const PartEnds& ends() const { return opening_->ends(); }

   private:
    /// Until the server has all it needs, and its figures are known.
    void make_ready() {
        Seconds pause = pause_first;
        while (!stop_) {
            const Outcome<bool> outcome = server_->look_now();
            std::shared_ptr<Arrangement> plans;
            if (std::holds_alternative<bool>(outcome)) plans = opening_->with_server(stop_);
            if (plans) dispatch_->arrange(std::move(plans));
            const bool is_ready = std::holds_alternative<bool>(outcome) && dispatch_->outlook().server_ready;
            if (!is_ready) dispatch_->server_state(reason_of(outcome, options_.server));
            std::unique_lock lock(mutex_);
            // A server that says no will say so again: nobody needs to wait for it.
            is_ready_ = is_ready || std::holds_alternative<Refused>(outcome);
            if (is_ready_) changed_.notify_all();
            if (is_ready) return;
            changed_.wait_for(lock, pause, [&] { return stop_.load(); });
            pause = std::min(pause * 2.0, pause_max);
        }
    }

    // In the order in which they need each other; the dispatch is closed before any of it goes.
    std::string name_;
    SessionOptions options_;
    AlarmClock clock_;
    Workers workers_;
    Engines engines_;
    std::optional<FarServer> server_;
    std::optional<Opening> opening_;
    std::shared_ptr<Dispatch> dispatch_;  // shared: what is under way keeps it
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> stop_ = false;
    bool is_ready_ = false;
    std::thread making_ready_;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Session Session::open(const std::filesystem::path& model, const SessionOptions& options) {
    return Session(std::make_unique<Impl>(load_model(model), options));
}

Session Session::open_bytes(std::string name, std::string bytes, const SessionOptions& options) {
    const MemoryFile file(bytes);
    ModelFile whole = load_model(file.path());
    whole.image.name = std::move(name);
    return Session(std::make_unique<Impl>(whole, options));
}

const std::vector<TensorSpec>& Session::inputs() const {
    return impl_->ends().inputs;
}

const std::vector<TensorSpec>& Session::outputs() const {
    return impl_->ends().outputs;
}

Inferred Session::infer(std::span<const Tensor> inputs) {
    return impl_->dispatch().infer_here(impl_->checked(inputs));
}

std::future<Inferred> Session::infer_async(std::vector<Tensor> inputs) {
    auto promise = std::make_shared<std::promise<Inferred>>();  // shared: a std::function must be copyable
    std::future<Inferred> future = promise->get_future();
    impl_->dispatch().infer(impl_->checked(inputs), [promise](std::variant<Inferred, std::exception_ptr> result) {
        if (auto* error = std::get_if<std::exception_ptr>(&result)) {
            promise->set_exception(*error);
        } else {
            promise->set_value(std::get<Inferred>(std::move(result)));
        }
    });
    return future;
}

void Session::infer_async(std::vector<Tensor> inputs, std::function<void(std::future<Inferred>)> done) {
    impl_->dispatch().infer(impl_->checked(inputs),
                            [done = std::move(done)](std::variant<Inferred, std::exception_ptr> result) {
                                std::promise<Inferred> promise;
                                if (auto* error = std::get_if<std::exception_ptr>(&result)) {
                                    promise.set_exception(*error);
                                } else {
                                    promise.set_value(std::get<Inferred>(std::move(result)));
                                }
                                done(promise.get_future());
                            });
}

SessionCounters Session::counters() const {
    return impl_->dispatch().counters();
}

SessionOutlook Session::outlook() const {
    return impl_->dispatch().outlook();
}

std::vector<std::string> Session::plans() const {
    std::vector<std::string> names;
    for (const PlanPoint& point : impl_->dispatch().arrangement()->table.points) names.push_back(point.name);
    return names;
}

std::string Session::plans_text() const {
    const std::shared_ptr<const Arrangement> arrangement = impl_->dispatch().arrangement();
    std::vector<SessionPlan> plans;
    for (std::size_t i = 0; i < arrangement->ways.size(); ++i) {
        plans.push_back({.point = arrangement->table.points[i], .cut = arrangement->cuts[i]});
    }
    return session_plans_text(plans);
}

}  // namespace breakeven
