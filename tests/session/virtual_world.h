// A session's world in virtual time: alarms, a device whose runs take as long as told, and a server that answers late,
// never, wrongly or not at all. One thread, every event in its order: the same seed gives the same course.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "breakeven/session/world.h"

namespace breakeven::fakes {

class VirtualAlarms final : public Alarms {
   public:
    Seconds now() const override { return now_; }
    std::unique_ptr<Attempt> at(Seconds time, std::function<void()> what) override {
        const Key key{std::max(time, now_), ++set_};
        alarms_.emplace(key, std::move(what));
        return std::make_unique<Alarm>(*this, key);
    }
    /// The same, for ever.
    void plan(Seconds time, std::function<void()> what) {
        alarms_.emplace(Key{std::max(time, now_), ++set_}, std::move(what));
    }

    /// Everything that happens until then.
    void run_until(Seconds end) {
        while (!alarms_.empty() && alarms_.begin()->first.first <= end) {
            const auto first = alarms_.extract(alarms_.begin());
            now_ = std::max(now_, first.key().first);
            first.mapped()();
        }
        now_ = std::max(now_, end);
    }
    std::size_t waiting() const { return alarms_.size(); }

   private:
    using Key = std::pair<Seconds, std::uint64_t>;
    class Alarm final : public Attempt {
       public:
        Alarm(VirtualAlarms& alarms, Key key) : alarms_(alarms), key_(key) {}
        ~Alarm() override { (void)alarms_.alarms_.extract(key_); }

       private:
        VirtualAlarms& alarms_;
        Key key_;
    };
    Seconds now_{0.0};
    std::uint64_t set_ = 0;
    std::map<Key, std::function<void()>> alarms_;
};

/// What every network here does: one more than each number, so that a wrong answer shows.
inline std::vector<Tensor> plus(const std::vector<Tensor>& inputs, float step) {
    std::vector<Tensor> outputs;
    for (const Tensor& input : inputs) {
        Tensor output(DType::float32, input.shape());
        for (std::size_t i = 0; i < output.mutable_as<float>().size(); ++i) {
            output.mutable_as<float>()[i] = input.as<float>()[i] + step;
        }
        outputs.push_back(std::move(output));
    }
    return outputs;
}

class VirtualPart final : public PartHere {
   public:
    VirtualPart(VirtualAlarms& alarms, float step, std::function<Seconds()> takes)
        : alarms_(alarms), step_(step), takes_(std::move(takes)) {}
    std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Thread, std::function<void(Done)> done) override {
        ++runs;
        const Seconds takes = takes_();
        return alarms_.at(alarms_.now() + takes, [this, takes, inputs = std::move(inputs), done = std::move(done)] {
            ++finished;
            done({.outputs = plus(inputs, step_), .took = takes, .error = nullptr});
        });
    }
    int runs = 0;
    int finished = 0;

   private:
    VirtualAlarms& alarms_;
    float step_;
    std::function<Seconds()> takes_;
};

/// What becomes of one request.
struct Fate {
    std::optional<Seconds> after{};  ///< nothing: never
    enum class What { reply, lost, refused, absent, garbage } what = What::reply;
    Seconds sending{0.0};  ///< until all of it is acknowledged; longer than `after` or never: not at all
    Seconds compute{0.0};
};

class VirtualServer final : public PartThere, public FarSide {
   public:
    VirtualServer(VirtualAlarms& alarms, float step) : alarms_(alarms), step_(step) {}
    std::function<Fate()> fate = [] { return Fate{.after = Seconds(0.05)}; };
    bool answers_looks = true;
    bool answers_probes = true;
    Seconds path{0.01};
    std::optional<Seconds> round_trip() override { return path; }
    int started = 0, cancelled = 0, open = 0, probes = 0, looks = 0;

    std::unique_ptr<Attempt> start(std::vector<Tensor> inputs, Seconds limit, std::function<void(Came)> done) override {
        ++started;
        const Fate what = fate();
        const bool is_late = !what.after || *what.after > limit;
        auto end = [this, what, is_late, limit, inputs, done = std::move(done)] {
            if (is_late) return done(Late{limit});
            switch (what.what) {
                case Fate::What::reply:
                    return done(Reply{.outputs = plus(inputs, step_),
                                      .times = ServerTimes{.queue = Seconds(0.0), .compute = what.compute}});
                case Fate::What::lost: return done(Lost{"reset"});
                case Fate::What::refused: return done(Refused{.kind = ErrorKind::input, .reason = "no"});
                case Fate::What::absent:
                    return done(Refused{
                        .kind = ErrorKind::input, .reason = "not here", .about = Refused::About::absent_network});
                case Fate::What::garbage: return done(Garbage{"nonsense"});
            }
        };
        return std::make_unique<Sent>(*this,
                                      alarms_.at(alarms_.now() + (is_late ? limit : *what.after), std::move(end)), what,
                                      inputs.front().size());
    }

    std::unique_ptr<Attempt> probe(Bytes, Seconds limit, std::function<void(Outcome<Echo>)> done) override {
        ++probes;
        const Seconds at = alarms_.now() + (answers_probes ? path * 1.5 : limit);
        return alarms_.at(at, [this, limit, answers = answers_probes, done = std::move(done)] {
            if (answers) {
                done(Echo{});
            } else {
                done(Late{limit});
            }
        });
    }

    void look(std::function<void(Outcome<bool>)> done) override {
        ++looks;
        alarms_.plan(alarms_.now() + Seconds(0.02), [this, done = std::move(done)] {
            if (answers_looks) {
                done(true);
            } else {
                done(Lost{"nobody there"});
            }
        });
    }

   private:
    class Sent final : public Attempt {
       public:
        Sent(VirtualServer& server, std::unique_ptr<Attempt> alarm, const Fate& fate, Bytes size)
            : server_(server), alarm_(std::move(alarm)), fate_(fate), size_(size), began_(server.alarms_.now()) {
            ++server_.open;
        }
        ~Sent() override {
            --server_.open;
            ++server_.cancelled;
        }
        Progress progress() const override {
            const Seconds passed = server_.alarms_.now() - began_;
            if (passed >= fate_.sending) return {.acknowledged = size_, .complete = began_ + fate_.sending};
            const double share = passed / fate_.sending;
            return {.acknowledged = Bytes(static_cast<std::int64_t>(share * static_cast<double>(size_.count()))),
                    .complete = {}};
        }

       private:
        VirtualServer& server_;
        std::unique_ptr<Attempt> alarm_;
        Fate fate_;
        Bytes size_;
        Seconds began_;
    };

    VirtualAlarms& alarms_;
    float step_;
};

}  // namespace breakeven::fakes
