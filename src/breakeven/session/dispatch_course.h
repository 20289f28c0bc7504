// One inference under way, and what is left to do once the lock is released. Internal to dispatch*.cc.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "breakeven/session/dispatch.h"

namespace breakeven {

/// One inference.
struct Dispatch::Course {
    std::vector<Tensor> inputs;
    Thread thread = Thread::own;
    Done done;
    std::shared_ptr<Arrangement> plans;
    Choice choice;
    Seconds begun{0.0};
    std::optional<Seconds> head_took{};
    std::vector<Tensor> head_outputs;
    std::vector<Tensor> crossing;
    std::optional<Seconds> sending{};  ///< moment: handed to the link
    std::unique_ptr<Attempt> first;    ///< all of it, or the head, here
    std::unique_ptr<Attempt> there;
    std::unique_ptr<Attempt> here;  ///< instead of the server
    std::unique_ptr<Attempt> alarm;
    bool there_over = false;
    bool here_started = false;
    bool answered = false;
    Inferred result;
    std::condition_variable ended;
    std::variant<std::monostate, Inferred, std::exception_ptr> outcome;  ///< for who waits

    const PlanPoint& point() const { return plans->table.points[choice.plan]; }
    const PlanWay& way() const { return plans->ways[choice.plan]; }
};

/// Made before the lock is taken. A course leaves only after its attempts: then nobody waits for it any more.
struct Dispatch::After {
    explicit After(Dispatch& dispatch) : self(dispatch.shared_from_this()) {}
    ~After() {
        if (woken) woken->ended.notify_all();
        for (const auto& call : calls) call();
        dropped.clear();
        if (ended.empty()) return;
        const std::scoped_lock lock(self->mutex_);
        for (const Shared& course : ended) self->under_way_.erase(course);
        if (self->under_way_.empty()) self->idle_.notify_all();
    }
    After(const After&) = delete;
    After& operator=(const After&) = delete;

    std::shared_ptr<Dispatch> self;
    Shared woken;  ///< its caller waits
    std::vector<std::function<void()>> calls;
    std::vector<std::unique_ptr<Attempt>> dropped;
    std::vector<Shared> ended;
    void drop(std::unique_ptr<Attempt>& attempt) {
        if (attempt) dropped.push_back(std::move(attempt));
    }
};

}  // namespace breakeven
