// The main job: see advise.h.
#include "breakeven/advise/advise.h"

#include <fmt/format.h>

#include <algorithm>

#include "breakeven/advise/local.h"
#include "breakeven/advise/offload.h"
#include "breakeven/advise/workbench.h"
#include "breakeven/error.h"
#include "breakeven/files/model_file.h"
#include "breakeven/measure/machine.h"
#include "breakeven/wire/probe.h"

namespace breakeven {
namespace {

/// Names in figures what stands on the other side of an emulated or modelled link: this very machine.
constexpr const char* embedded_server = "embedded server";

/// One answer being put together: what all its steps share.
class Advisor {
   public:
    Advisor(const AdviseRequest& request, AdviseTools& tools, const ModelFile& model)
        : request_(request),
          tools_(tools),
          model_(model),
          bench_(model, request.preprocess),
          offload_{.executable = tools.executable, .runs = request.runs} {}

    Advice advise() {
        advice_.model_name = model_.image.name;
        advice_.model_sha256 = model_.image.sha256;
        advice_.objective = request_.objective;
        add_local_plans();
        if (request_.server) {
            add_real_server();
        } else {
            add_embedded_server();
        }
        if (!bench_.no_pixels_reason().empty()) {
            advice_.circumstances.push_back("no 8-bit offload: " + bench_.no_pixels_reason());
        }
        advice_.circumstances.push_back("this machine: " + to_text(this_machine()));
        advice_.circumstances.push_back("latencies are medians of steady runs, one inference at a time");
        rank(advice_);
        return std::move(advice_);
    }

   private:
    void add_local_plans();
    void add_real_server();
    LinkProfile probed_link();
    void add_embedded_server();
    void add_modelled(const LinkProfile& link, const OffloadForm& form, const OffloadMeasurement& at_server,
                      const std::string& server);
    void add_measured(const LinkProfile& link, const OffloadForm& form, const OffloadMeasurement& measurement,
                      const std::string& server);
    Plan offload_plan(const std::string& link, const OffloadForm& form) const;
    /// Runs `action` for every form; what fails becomes a warning.
    void for_each_form(const std::string& doing, const std::function<void(const OffloadForm&)>& action);

    const AdviseRequest& request_;
    AdviseTools& tools_;
    const ModelFile& model_;
    Workbench bench_;
    OffloadOptions offload_;
    Advice advice_;
};

void Advisor::add_local_plans() {
    LocalMeasurements local = measure_local(request_, model_, tools_);
    for (const LocalMeasurement& measured : local.platforms) {
        const bool slowed = request_.slowdown != 1.0;
        Plan plan;
        plan.kind = PlanKind::local;
        plan.variant = "as given";
        plan.stages = {{.kind = StageKind::compute,
                        .side = Side::device,
                        .where = to_text(measured.platform),
                        .latency = {measured.p50 * request_.slowdown, slowed ? Origin::modelled : Origin::measured}}};
        plan.cost = plan_cost(plan.stages, std::nullopt, request_.power);
        plan.latency_p99 = measured.p99 * request_.slowdown;
        if (slowed)
            plan.remarks.push_back(fmt::format("modelled: {:g} times what was measured here", request_.slowdown));
        if (measured.from_store) plan.remarks.emplace_back("from an earlier measurement");
        advice_.plans.push_back(std::move(plan));
    }
    advice_.warnings.insert(advice_.warnings.end(), local.warnings.begin(), local.warnings.end());
}

Plan Advisor::offload_plan(const std::string& link, const OffloadForm& form) const {
    Plan plan;
    plan.kind = PlanKind::offload;
    plan.link = link;
    plan.variant = "as given";
    plan.codec = form.codec;
    return plan;
}

ServerShare share_of(const OffloadMeasurement& measurement, const std::string& server) {
    const ServerTimes times = measurement.server.value_or(ServerTimes{});
    return {.queue = {times.queue, Origin::measured}, .compute = {times.compute, Origin::measured}, .platform = server};
}

void Advisor::add_measured(const LinkProfile& link, const OffloadForm& form, const OffloadMeasurement& measurement,
                           const std::string& server) {
    const Crossing crossing{link, payload_of(form)};
    const ServerShare share = share_of(measurement, server);
    Plan plan = offload_plan(link.name, form);
    plan.stages = measured_offload(measurement.p50, crossing, share);
    plan.cost = plan_cost(plan.stages, crossing, request_.power);
    plan.cost.latency.origin = Origin::measured;  // the sum was measured; only its parts are told apart by the formula
    plan.latency_p99 = measurement.p99;
    if (measurement.server) {
        plan.predicted_latency = plan_cost(modelled_offload(crossing, share), crossing, {}).latency.value;
    } else {
        plan.remarks.emplace_back("the server does not tell its compute time: it counts as overhead");
    }
    advice_.plans.push_back(std::move(plan));
}

void Advisor::add_modelled(const LinkProfile& link, const OffloadForm& form, const OffloadMeasurement& at_server,
                           const std::string& server) {
    const Crossing crossing{link, payload_of(form)};
    ServerShare share = share_of(at_server, server);
    Plan plan = offload_plan(link.name, form);
    if (!at_server.server) {
        share.compute = {at_server.p50, Origin::measured};
        plan.remarks.emplace_back("the server does not tell its compute time: its whole answer time stands for it");
    }
    plan.stages = modelled_offload(crossing, share);
    plan.cost = plan_cost(plan.stages, crossing, request_.power);
    advice_.plans.push_back(std::move(plan));
}

void Advisor::for_each_form(const std::string& doing, const std::function<void(const OffloadForm&)>& action) {
    for (const OffloadForm& form : bench_.forms()) {
        if (tools_.stop != nullptr && *tools_.stop) return;
        tools_.progress(fmt::format("{} as {}", doing, form.codec));
        try {
            action(form);
        } catch (const Error& error) {
            if (error.kind() == ErrorKind::internal) throw;
            advice_.warnings.emplace_back(error.what());
        }
    }
}

void Advisor::add_embedded_server() {
    if (request_.emulator.available) {
        for (const LinkProfile& link : request_.links) {
            advice_.links.push_back({.profile = link, .how = LinkUse::How::emulated, .reason = ""});
            for_each_form(fmt::format("offloading over {}, packet by packet,", link.name),
                          [&](const OffloadForm& form) {
                              add_measured(link, form,
                                           measure_emulated(bench_, form, link, request_.congestion_control, offload_),
                                           embedded_server);
                          });
        }
        return;
    }
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link, .how = LinkUse::How::modelled, .reason = request_.emulator.reason});
    }
    for_each_form("asking a server on loopback", [&](const OffloadForm& form) {
        const OffloadMeasurement at_server = measure_loopback(bench_, form, offload_);
        for (const LinkProfile& link : request_.links) add_modelled(link, form, at_server, embedded_server);
    });
}

LinkProfile Advisor::probed_link() {
    Client client(*request_.server);
    const LinkProbe probe = probe_link(client, tools_.clock);
    // A direction whose rate is unknown takes no time in the formula, so that its transfer shows as overhead.
    const auto rate_or_unknown = [&](const Rate& rate, const char* direction) {
        if (rate.rate) return *rate.rate;
        advice_.warnings.push_back(
            fmt::format("the {} rate is not known, its time counts as overhead: {}", direction, rate.reason));
        return link_rate_max;
    };
    return {.name = *request_.server,
            .one_way_latency = probe.round_trip / 2.0,
            .up = rate_or_unknown(probe.up, "upload"),
            .down = rate_or_unknown(probe.down, "download")};
}

void Advisor::add_real_server() {
    const std::string server = "grpc://" + *request_.server;
    tools_.progress("probing the link to " + *request_.server);
    const LinkProfile real = probed_link();
    advice_.links.push_back({.profile = real, .how = LinkUse::How::real, .reason = ""});
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link,
                                 .how = LinkUse::How::modelled,
                                 .reason = "the server is real: only the way to it can be modelled"});
    }
    for_each_form("offloading to " + *request_.server, [&](const OffloadForm& form) {
        const OffloadMeasurement measurement =
            measure_server(*request_.server, form, tools_.engines, tools_.clock, request_.runs);
        add_measured(real, form, measurement, server);
        for (const LinkProfile& link : request_.links) {
            if (measurement.server) add_modelled(link, form, measurement, server);
        }
    });
    const bool reached = std::any_of(advice_.plans.begin(), advice_.plans.end(),
                                     [](const Plan& plan) { return plan.kind == PlanKind::offload; });
    if (!reached) {
        throw Error(ErrorKind::input, fmt::format("offload '{}' to {}", model_.image.name, *request_.server),
                    advice_.warnings.empty() ? "the server has no form of it" : advice_.warnings.back());
    }
}

}  // namespace

Advice advise(const AdviseRequest& request, AdviseTools& tools) {
    const ModelFile model = load_model(request.model);
    const Platform first = request.platforms.empty() ? parse_platform("cpu:1") : request.platforms.front();
    tools.progress("first contact with the model, in a child process");
    if (!first.is_remote()) tools.contact.with(request.model, model.image, first);
    return Advisor(request, tools, model).advise();
}

}  // namespace breakeven
