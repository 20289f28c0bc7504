// Events in virtual time: see run.h.
#include "breakeven/replay/run.h"

#include <algorithm>
#include <queue>

#include "breakeven/error.h"
#include "breakeven/link/tcp.h"

namespace breakeven {
namespace {

/// Bytes that left one upon the other, and of which the device hears a round trip later.
struct Train {
    std::size_t request = 0;
    Seconds from{0.0};
    Seconds to{0.0};  ///< the last byte has left, or the sender stopped
    Seconds round_trip{0.0};
};

struct Event {
    Seconds at{0.0};
    std::uint64_t order = 0;  ///< of two at one moment, the one planned first
    enum class Kind { arrival, review, answer } kind = Kind::arrival;
    std::size_t request = 0;

    bool operator<(const Event& other) const {  // std::priority_queue has the largest on top
        return at != other.at ? at > other.at : order > other.order;
    }
};

class Course final {
   public:
    Course(const World& world, Policy& policy, std::optional<Seconds> deadline)
        : world_(world), policy_(policy), deadline_(deadline), requests_(world.size()) {}

    std::vector<Replayed> follow() {
        if (world_.size() > 0) plan_event({.at = world_.arrival(0), .kind = Event::Kind::arrival, .request = 0});
        while (!events_.empty()) {
            const Event event = events_.top();
            events_.pop();
            switch (event.kind) {
                case Event::Kind::arrival: arrive(event.request); break;
                case Event::Kind::review: review(event.request, event.at); break;
                case Event::Kind::answer: answer(event.request, event.at); break;
            }
        }
        std::vector<Replayed> results;
        for (const Request& request : requests_) results.push_back(request.result);
        return results;
    }

   private:
    struct Request {
        Replayed result;
        RemoteRun remote;
        std::optional<Seconds> local_start;  ///< beside the plan
        bool answered = false;
    };

    void plan_event(Event event) {
        event.order = ++planned_;
        events_.push(event);
    }

    void arrive(std::size_t i) {
        const Seconds now = world_.arrival(i);
        if (i + 1 < world_.size()) {
            plan_event({.at = world_.arrival(i + 1), .kind = Event::Kind::arrival, .request = i + 1});
        }
        tell_of_trains(now);
        const Choice choice = policy_.choose({.now = now, .deadline = deadline_});
        BREAKEVEN_ASSERT(choice.plan < world_.plans().points.size());
        Request& request = requests_[i];
        request.result.at = now;
        request.result.plan = choice.plan;
        const PlanPoint& point = world_.plans().points[choice.plan];
        if (choice.probe.count() > 0) send_probe(i, now, choice.probe);
        if (point.is_local()) {
            plan_event({.at = now + world_.latency(i, choice.plan), .kind = Event::Kind::answer, .request = i});
            return;
        }
        request.remote = world_.remote(i, choice.plan);
        add_train(i, request.remote.sending, point.payload.up, request.remote.round_trip);
        plan_event({.at = request.remote.finish, .kind = Event::Kind::answer, .request = i});
        if (choice.review_after) plan_review(i, *choice.review_after);
    }

    void start_local(std::size_t i, Seconds now) {
        Request& request = requests_[i];
        request.local_start = now;
        request.result.hedged_at = now - request.result.at;
        const Seconds finish = now + world_.rescue(i, request.result.plan);
        if (finish < request.remote.finish) {
            plan_event({.at = finish, .kind = Event::Kind::answer, .request = i});
        }
    }

    /// A review while the device still computes its own share would only start it anew.
    void plan_review(std::size_t i, Seconds after) {
        const Request& request = requests_[i];
        const Seconds at = std::max(request.result.at + after, request.remote.sending);
        if (at < request.remote.finish) plan_event({.at = at, .kind = Event::Kind::review, .request = i});
    }

    void review(std::size_t i, Seconds now) {
        Request& request = requests_[i];
        if (request.answered) return;
        const PlanPoint& point = world_.plans().points[request.result.plan];
        std::optional<Seconds> complete;
        const Seconds all_known = request.remote.sent + request.remote.round_trip;
        if (now >= all_known) complete = now - all_known;
        const Review review =
            policy_.review({.plan = request.result.plan,
                            .now = now,
                            .elapsed = now - request.result.at,
                            .sending = now - request.remote.sending,
                            .acknowledged = world_.acknowledged(request.remote, point.payload.up, now),
                            .complete = complete,
                            .deadline = deadline_});
        if (review.verdict == Review::Verdict::start_local) {
            start_local(i, now);
        } else if (review.again_after) {
            BREAKEVEN_ASSERT(*review.again_after > now - request.result.at);
            plan_review(i, *review.again_after);
        }
    }

    void answer(std::size_t i, Seconds now) {
        Request& request = requests_[i];
        if (request.answered) return;
        request.answered = true;
        request.result.latency = now - request.result.at;
        const PlanPoint& point = world_.plans().points[request.result.plan];
        if (point.is_local()) {
            request.result.device_busy = request.result.latency;
            Observation seen{.at = now};
            seen.device = {.took = request.result.latency, .expected = point.device};
            seen.answer = {.plan = request.result.plan, .latency = request.result.latency};
            policy_.observe(seen);
            return;
        }
        const RemoteRun& remote = request.remote;
        const bool remote_won = now >= remote.finish;
        request.result.device_busy = remote.device;
        if (request.local_start) request.result.device_busy += now - *request.local_start;
        const WorldOptions& options = world_.options();
        const Bytes left_by_now = options.window == SendWindow::open && now < remote.sent
                                      ? world_.link().up.carried({.from = remote.sending, .to = now})
                                      : point.payload.up;
        request.result.up += std::min(left_by_now, point.payload.up);
        for (Train& train : trains_) {
            if (train.request == i) train.to = std::min(train.to, now);
        }
        if (remote_won) request.result.down += point.payload.down;
        tell_of_answer(request, now, remote_won);
    }

    void tell_of_answer(const Request& request, Seconds now, bool remote_won) {
        const PlanPoint& point = world_.plans().points[request.result.plan];
        const RemoteRun& remote = request.remote;
        Observation seen{.at = now};
        if (point.device.count() > 0.0) seen.device = {.took = remote.device, .expected = point.device};
        if (remote_won) {
            seen.round_trip = remote.round_trip;
            seen.queue = Seconds(0.0);
            seen.server = {.took = remote.server, .expected = point.server};
            if (remote.replied > remote.replying) {
                seen.down = RateSample{
                    .ended = remote.replied, .took = remote.replied - remote.replying, .size = point.payload.down};
            }
            if (!request.local_start) seen.answer = {.plan = request.result.plan, .latency = request.result.latency};
        } else {
            seen.device = {.took = world_.rescue(world_.request_at(request.result.at), request.result.plan),
                           .expected = world_.plans().rescue(request.result.plan)};
        }
        policy_.observe(seen);
    }

    void send_probe(std::size_t i, Seconds now, Bytes size) {
        add_train(i, now, size, world_.link().round_trip_at(now));
        requests_[i].result.up += size;
        requests_[i].result.probed = true;
    }

    /// The rate shows in bytes that left one upon the other: all of them, or the first window.
    void add_train(std::size_t i, Seconds from, Bytes size, Seconds round_trip) {
        const Bytes window(tcp_initial_window * tcp_segment.count());
        const Bytes together = world_.options().window == SendWindow::initial ? std::min(size, window) : size;
        trains_.push_back(
            {.request = i, .from = from, .to = *world_.link().up.finish(from, together), .round_trip = round_trip});
    }

    /// What acknowledgements say by now, each byte once.
    void tell_of_trains(Seconds now) {
        for (Train& train : trains_) {
            const Seconds known = std::min(train.to, now - train.round_trip);
            if (known <= train.from) continue;
            Observation seen{.at = now};
            seen.up = RateSample{.ended = known,
                                 .took = known - train.from,
                                 .size = world_.link().up.carried({.from = train.from, .to = known})};
            seen.round_trip = train.round_trip;
            train.from = known;
            policy_.observe(seen);
        }
        std::erase_if(trains_, [](const Train& train) { return train.from >= train.to; });
    }

    const World& world_;
    Policy& policy_;
    std::optional<Seconds> deadline_;
    std::vector<Request> requests_;
    std::vector<Train> trains_;
    std::priority_queue<Event> events_;
    std::uint64_t planned_ = 0;
};

}  // namespace

std::vector<Replayed> run(const World& world, Policy& policy, std::optional<Seconds> deadline) {
    return Course(world, policy, deadline).follow();
}

}  // namespace breakeven
