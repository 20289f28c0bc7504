// A real server: see far_server.h.
#include "breakeven/session/far_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "breakeven/error.h"
#include "breakeven/model/sha256.h"
#include "breakeven/wire/deploy.h"

namespace breakeven {
namespace {

/// Our server's model that takes any number of bytes (wire/probe.h); others must read it to say that they have it not.
constexpr const char* probe_model = "breakeven.probe";
/// A tenth of a second's worth of a slow link, so that what else goes over it is not held up for long.
constexpr Bytes first_piece{std::int64_t{256} << 10};

/// How long a connection is kept warm after an inference.
constexpr Seconds warm_for{3.0};

/// The failure of one call as that of another.
template <class Answer, class From>
Outcome<Answer> failure(Outcome<From>& outcome) {
    if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(*refused);
    if (auto* lost = std::get_if<Lost>(&outcome)) return std::move(*lost);
    return std::get<Late>(outcome);
}

class Asked final : public Attempt {
   public:
    Asked(std::unique_ptr<Call> call, Seconds started, Bytes payload)
        : call_(std::move(call)), started_(started), payload_(payload) {}
    Progress progress() const override {
        const CallProgress seen = call_->progress();
        Progress progress;
        // What surrounds the payload in a message is small, and goes first.
        const Bytes around = seen.total - payload_;
        progress.acknowledged =
            seen.acknowledged ? std::clamp(*seen.acknowledged - around, Bytes(0), payload_) : payload_;
        if (seen.all_acknowledged) progress.complete = started_ + *seen.all_acknowledged;
        return progress;
    }

   private:
    std::unique_ptr<Call> call_;
    Seconds started_;
    Bytes payload_;
};

}  // namespace

/// A network there. What it is called there is known after the first look.
class FarServer::Part final : public PartThere, public std::enable_shared_from_this<FarServer::Part> {
   public:
    Part(std::shared_ptr<Client> client, const Clock& clock, ModelImage image, PartEnds ends, Name name)
        : client_(std::move(client)),
          clock_(clock),
          image_(std::move(image)),
          ends_(std::move(ends)),
          name_(name),
          sha256_(sha256(image_.bytes)) {}

    std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Seconds limit, std::function<void(Came)> done) override {
        Served served;
        {
            const std::scoped_lock lock(mutex_);
            served = served_;
        }
        Request request{.model = served.name, .version = {}, .id = {}, .parameters = {}, .inputs = {}, .outputs = {}};
        if (served.held) request.parameters.push_back({std::string(sha256_parameter), sha256_});
        Bytes payload;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            payload += inputs[i].size();
            request.inputs.push_back({.name = ends_.inputs[i].name, .tensor = std::move(inputs[i])});
        }
        const Seconds started = clock_.now();
        auto call = client_->start(request, limit,
                                   [self = shared_from_this(), held = served.held, done = std::move(done)](
                                       Outcome<InferReply> outcome) { done(self->came(std::move(outcome), held)); });
        return std::make_unique<Asked>(std::move(call), started, payload);
    }

    /// Whether the server has the network; sends it where it has not.
    Outcome<bool> ensure(const ServerDescription& server, Clock& clock, const std::atomic<bool>& closing) {
        const bool held = server.has(sha256_extension);
        if (held && name_ == Name::own_or_content) {
            Outcome<ModelDescription> own = client_->describe_model(image_.name);
            const auto* described = std::get_if<ModelDescription>(&own);
            if (described != nullptr && described->sha256 == sha256_) return serve_as({image_.name, held});
            if (std::holds_alternative<Late>(own)) return failure<bool>(own);
        }
        const std::string name = name_ == Name::content && image_.name.ends_with(sha256_.substr(0, 16))
                                     ? image_.name
                                     : content_name(image_.name, sha256_);
        DeployOptions options{.first_piece = first_piece, .piece_timeout = Seconds(10.0), .patience = Seconds(2.0)};
        options.progress = [&closing](const DeployProgress&) {
            if (closing) throw Error(ErrorKind::unavailable, "send a network", "the session is closed");
        };
        Outcome<Deployed> deployed = deploy(*client_, clock, name, image_, options);
        if (!std::holds_alternative<Deployed>(deployed)) return failure<bool>(deployed);
        return serve_as({name, held});
    }

    bool is_refused() const { return refused_; }
    void refused() { refused_ = true; }
    void ask_again() { refused_ = false; }
    bool is_there() const {
        const std::scoped_lock lock(mutex_);
        return !refused_ && !served_.name.empty();
    }

   private:
    struct Served {
        std::string name;
        bool held = false;  ///< the server holds requests against the hash
    };
    Outcome<bool> serve_as(Served served) {
        const std::scoped_lock lock(mutex_);
        served_ = std::move(served);
        return true;
    }

    Came came(Outcome<InferReply> outcome, bool held) const {
        if (auto* refused = std::get_if<Refused>(&outcome)) return std::move(*refused);
        if (auto* lost = std::get_if<Lost>(&outcome)) return std::move(*lost);
        if (auto* late = std::get_if<Late>(&outcome)) return *late;
        auto& reply = std::get<InferReply>(outcome);
        if (held && reply.sha256 != sha256_) return Garbage{"it does not say that this network has answered"};
        Reply made{.outputs = {}, .times = reply.times};
        for (const TensorSpec& spec : ends_.outputs) {
            const auto found = std::ranges::find(reply.outputs, spec.name, &NamedTensor::name);
            if (found == reply.outputs.end()) return Garbage{fmt::format("it lacks output {}", in_quotes(spec.name))};
            if (found->tensor.dtype() != spec.dtype || !admits(spec.shape, found->tensor.shape())) {
                return Garbage{fmt::format("output {} is {} of shape {}, not {} of shape {}", in_quotes(spec.name),
                                           breakeven::name(found->tensor.dtype()), to_text(found->tensor.shape()),
                                           breakeven::name(spec.dtype), to_text(spec.shape))};
            }
            made.outputs.push_back(std::move(found->tensor));
        }
        return made;
    }

    std::shared_ptr<Client> client_;
    const Clock& clock_;
    ModelImage image_;
    PartEnds ends_;
    Name name_;
    std::string sha256_;
    std::atomic<bool> refused_ = false;
    mutable std::mutex mutex_;
    Served served_;
};

FarServer::FarServer(std::shared_ptr<Client> client, Clock& clock, Connection connection)
    : client_(std::move(client)), clock_(clock), connection_(connection), thread_([this] { follow(); }) {}

FarServer::~FarServer() {
    {
        const std::scoped_lock lock(mutex_);
        closing_ = true;
    }
    asked_.notify_one();
    thread_.join();
}

std::shared_ptr<PartThere> FarServer::keep(ModelImage image, PartEnds ends, Name name) {
    parts_.push_back(std::make_shared<Part>(client_, clock_, std::move(image), std::move(ends), name));
    return parts_.back();
}

Outcome<bool> FarServer::look_now() {
    const std::scoped_lock lock(looking_);
    Outcome<ServerDescription> server = client_->describe_server();
    const auto* described = std::get_if<ServerDescription>(&server);
    if (described == nullptr) return failure<bool>(server);
    std::optional<Refused> refusal;
    std::size_t there = 0;
    for (const std::shared_ptr<Part>& part : parts_) {
        if (part->is_refused()) continue;
        try {
            Outcome<bool> outcome = part->ensure(*described, clock_, closing_);
            if (auto* refused = std::get_if<Refused>(&outcome)) {
                part->refused();
                refusal = std::move(*refused);
            } else if (!std::holds_alternative<bool>(outcome)) {
                return outcome;
            } else {
                ++there;
            }
        } catch (const Error& error) {
            return Lost{error.what()};
        }
    }
    if (there > 0 || !refusal) return true;
    for (const std::shared_ptr<Part>& part : parts_) part->ask_again();
    return *refusal;
}

bool FarServer::has(const PartThere& part) const {
    const auto found = std::ranges::find(parts_, &part, [](const auto& kept) { return kept.get(); });
    return found != parts_.end() && (*found)->is_there();
}

void FarServer::look(std::function<void(Outcome<bool>)> done) {
    {
        const std::scoped_lock lock(mutex_);
        wanted_ = std::move(done);
    }
    asked_.notify_one();
}

void FarServer::follow() {
    std::unique_lock lock(mutex_);
    for (;;) {
        asked_.wait(lock, [&] { return closing_ || wanted_; });
        if (closing_) return;
        const std::function<void(Outcome<bool>)> done = std::move(wanted_);
        wanted_ = nullptr;
        lock.unlock();
        done(look_now());
        lock.lock();
    }
}

std::optional<Seconds> FarServer::round_trip() {
    const std::optional<TcpFacts> facts = client_->tcp();
    if (!facts || facts->round_trip.count() <= 0.0) return std::nullopt;
    return facts->round_trip;
}

void FarServer::in_use() {
    if (connection_ == Connection::as_it_is) return;
    {
        const Seconds now = clock_.now();
        const std::scoped_lock lock(mutex_);
        if (now + warm_for / 2.0 < warm_until_) return;
        warm_until_ = now + warm_for;
    }
    client_->keep_warm(warm_for);
}

void FarServer::learn_transport(const KeptSending& sent) {
    if (connection_ == Connection::as_it_is || better_transport(sent) == Transport::kept) return;
    client_->hold_window(Transport::warm);  // never back: what others send is smaller, and as quick
}

std::unique_ptr<Attempt> FarServer::probe(Bytes size, Seconds limit, std::function<void(Outcome<Echo>)> done) {
    const std::array<std::int64_t, 1> wanted{0};
    const Request request{.model = probe_model,
                          .version = {},
                          .id = {},
                          .parameters = {},
                          .inputs = {{"payload", Tensor(DType::uint8, {size.count()})},
                                     {"reply_bytes", Tensor::of<std::int64_t>(DType::int64, {1}, wanted)}},
                          .outputs = {}};
    const Seconds started = clock_.now();
    auto call = client_->start(request, limit, [done = std::move(done)](Outcome<InferReply> outcome) {
        if (auto* lost = std::get_if<Lost>(&outcome)) return done(std::move(*lost));
        if (auto* late = std::get_if<Late>(&outcome)) return done(*late);
        Echo echo;
        const auto* reply = std::get_if<InferReply>(&outcome);
        if (reply != nullptr && reply->times) echo.server = reply->times->queue + reply->times->compute;
        done(echo);  // refused: another server than ours, which has read it all the same
    });
    return std::make_unique<Asked>(std::move(call), started, size);
}

}  // namespace breakeven
