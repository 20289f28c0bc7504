// The advisor's steps over links: see advisor.h.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "breakeven/advise/advisor.h"
#include "breakeven/advise/split_figures.h"
#include "breakeven/error.h"
#include "breakeven/units/text.h"
#include "breakeven/wire/coded_inputs.h"
#include "breakeven/wire/probe.h"
#include "breakeven/wire/sockets.h"

namespace breakeven {
namespace {

/// What codecs leave of what crosses, roughly: cuts are looked for that pay most then.
constexpr double codecs_leave[] = {0.8, 0.25, 0.08, 0.03};

}  // namespace

std::vector<const CutTimes*> Advisor::best_cuts(const Variant& variant, const LinkProfile& link, double left) const {
    std::vector<const CutTimes*> cuts;
    for (const CutTimes& cut : variant.cuts) cuts.push_back(&cut);
    std::ranges::stable_sort(cuts, {}, [&](const CutTimes* cut) {
        const auto up = static_cast<std::int64_t>(left * static_cast<double>(cut->payload.up.count()));
        const Payload payload{.up = Bytes(up), .down = cut->payload.down};
        return latency_over(way(link), cut->measured, payload, request_.slowdown).total();
    });
    if (cuts.size() > request_.splits) cuts.resize(request_.splits);
    return cuts;
}

Shares Advisor::expected_of(const Variant& variant, const CutTimes* cut) const {
    if (cut != nullptr) return expected_shares(*cut, variant.fastest, embedded_server, making());
    return {.device = {},
            .server = ServerShare{.queue = {Seconds(0), Origin::modelled},
                                  .compute = {variant.fastest_time, Origin::measured},
                                  .platform = embedded_server},
            .payload = payload_of(variant.bench.forms().back())};
}

std::vector<Advisor::Coded> Advisor::coded_choices(Variant& variant, const LinkProfile& link) {
    if (!variant.crossings) return {};
    std::vector<Coded> tried;
    const auto try_at = [&](const CutTimes* cut) {
        const Shares plain = expected_of(variant, cut);
        const Seconds uncoded = sum(modelled_stages(plain, way(link)));
        for (Crossings::Trial* trial : variant.crossings->at(cut == nullptr ? std::vector<std::string>{} : cut->cut)) {
            Coded coded{.trial = trial, .cut = cut, .shares = with_coding(plain, trial->told, making())};
            coded.expected = sum(modelled_stages(coded.shares, way(link)));
            if (coded.expected < uncoded) tried.push_back(std::move(coded));
        }
    };
    if (has_room(variant, request_.server_memory, "server")) try_at(nullptr);
    std::vector<const CutTimes*> cuts;
    for (const double left : codecs_leave) {
        for (const CutTimes* cut : best_cuts(variant, link, left)) {
            if (std::ranges::find(cuts, cut) == cuts.end()) cuts.push_back(cut);
        }
    }
    for (const CutTimes* cut : cuts) try_at(cut);
    std::ranges::stable_sort(tried, {}, &Coded::expected);
    std::vector<Coded> chosen;
    std::size_t inputs = 0, splits = 0;
    for (Coded& coded : tried) {
        std::size_t& taken = coded.cut == nullptr ? inputs : splits;
        if (taken >= (coded.cut == nullptr ? 1 : request_.splits)) continue;
        if (!is_exact(coded.trial->codec) && variant.crossings->judge(*coded.trial).drop > drop_max()) continue;
        ++taken;
        remember(variant, coded);
        chosen.push_back(std::move(coded));
    }
    return chosen;
}

Exchange Advisor::exchange_of(const Variant& variant, const CutTimes& cut) const {
    return {.name = fmt::format("{} at {}", variant.model.image.name, cut_title(cut.cut)),
            .whole = &variant.model,
            .form = &variant.bench.forms().front(),
            .cut = cut.cut,
            .head = variant.fastest};
}

std::optional<Bytes> Advisor::sent_for(const Variant& variant, const OffloadForm& form) const {
    if (!needs_sending(variant.name)) return std::nullopt;
    std::error_code failed;
    const auto size = std::filesystem::file_size(form.path, failed);
    return failed ? Bytes() : Bytes(static_cast<std::int64_t>(size));
}

void Advisor::keep(Plan plan, const Variant& variant, const LinkProfile& link, std::optional<Bytes> sent) {
    plan.variant = variant.name;
    if (sent) plan.deploy = deploy_over(link, *sent, request_.power, request_.inferences);
    advice_.plans.push_back(std::move(plan));
}

/// The first measurement of a form says what its server takes, wherever the link.
void Advisor::remember(Variant& variant, const OffloadForm& form, const Shares& shares) {
    const std::string title = variant_title(variant.name, "offload as " + form.codec);
    if (std::ranges::find(variant.mapped, title, &MapPlan::title) != variant.mapped.end()) return;
    variant.mapped.push_back(
        {.title = title, .kind = PlanKind::offload, .shares = shares, .deploy = sent_for(variant, form)});
}

void Advisor::remember(Variant& variant, const Coded& coded) {
    const CodecTrial& told = coded.trial->told;
    const std::string what = coded.cut == nullptr ? std::string("offload") : "split at " + cut_title(told.cut);
    const std::string title = variant_title(variant.name, fmt::format("{} as {}", what, told.codec));
    if (std::ranges::find(variant.mapped, title, &MapPlan::title) != variant.mapped.end()) return;
    MapPlan plan{.title = title,
                 .kind = coded.cut == nullptr ? PlanKind::offload : PlanKind::split,
                 .shares = coded.shares,
                 .deploy = {}};
    plan.deploy = coded.cut != nullptr ? coded.cut->tail_size : sent_for(variant, *coded.trial->form);
    variant.mapped.push_back(std::move(plan));
}

void Advisor::measure_coded(Variant& variant, const LinkProfile& link, const std::string& server,
                            const std::function<OffloadMeasurement(const Exchange&)>& measure) {
    std::vector<Coded> choices;
    attempt("choosing codecs for " + link.name, [&] { choices = coded_choices(variant, link); });
    for (const Coded& coded : choices) {
        const CodecTrial& told = coded.trial->told;
        const std::string what =
            coded.cut == nullptr ? std::string("offloading") : "splitting at " + cut_title(told.cut);
        attempt(fmt::format("{} over {} as {}", what, link.name, told.codec), [&] {
            Exchange exchange =
                coded.cut == nullptr
                    ? Exchange{.name = coded.trial->form->name, .whole = &variant.model, .form = coded.trial->form}
                    : exchange_of(variant, *coded.cut);
            exchange.codec = coded.trial->codec;
            exchange.input = variant.crossings->typical_input(*coded.trial);
            const std::optional<Bytes> sent = coded.cut != nullptr
                                                  ? variant.bench.add_tail(variant.model, coded.cut->cut)
                                                  : sent_for(variant, *coded.trial->form);
            const OffloadMeasurement measured = measure(exchange);
            Plan plan;
            if (coded.cut != nullptr) {
                plan = measured_split(measured, *coded.cut, variant.fastest, {server, way(link)}, making(), &told);
                *plan.predicted_latency += expected_overhead(advice_.plans, link.name, told.up_p50);
            } else {
                const Shares plain = shares_of(measured, payload_of(*coded.trial->form), server);
                plan = measured_plan(measured, with_coding(plain, told, making()), way(link), making());
            }
            plan.accuracy = told.accuracy;
            if (measured.deployed) plan.deploy = deployed_over(*measured.deployed, request_.inferences);
            keep(std::move(plan), variant, link, request_.server ? std::nullopt : sent);
        });
    }
}

/// What the same offload takes on connections whose windows are held otherwise, where they rest.
void Advisor::emulate_transports(const LinkProfile& link, Variant& variant) {
    if (request_.idle <= Seconds(0)) return;
    const auto fastest = std::ranges::min_element(advice_.plans, {}, [&](const Plan& plan) {
        const bool fits = plan.kind == PlanKind::offload && plan.link == link.name && plan.variant == variant.name &&
                          plan.transport == tcp_.transport;
        return fits ? plan.cost.latency.value : Seconds(std::numeric_limits<double>::infinity());
    });
    if (fastest == advice_.plans.end() || fastest->kind != PlanKind::offload) return;
    const auto form = std::ranges::find(variant.bench.forms(), fastest->codec, &OffloadForm::codec);
    if (form == variant.bench.forms().end()) return;
    for (const Transport transport : {Transport::plain, Transport::kept, Transport::warm}) {
        if (transport == tcp_.transport || (transport == Transport::kept && !can_keep_window())) continue;
        attempt(fmt::format("offloading over {} as {}, {}", link.name, form->codec, name(transport)), [&] {
            Way held = way(link);
            held.tcp->transport = transport;
            OffloadOptions options = offload_;
            options.transport = transport;
            const Exchange exchange{.name = form->name, .whole = &variant.model, .form = &*form};
            const auto measured =
                measure_emulated(variant.bench, exchange, link, std::string(name(request_.congestion)), options);
            Plan plan =
                measured_plan(measured, shares_of(measured, payload_of(*form), embedded_server), held, making());
            plan.codec = form->codec;
            keep(std::move(plan), variant, link, sent_for(variant, *form));
        });
    }
}

void Advisor::emulate(const LinkProfile& link, Variant& variant) {
    const std::string tcp(name(request_.congestion));
    if (has_room(variant, request_.server_memory, "server")) {
        for (const OffloadForm& form : variant.bench.forms()) {
            attempt(fmt::format("offloading over {}, packet by packet, as {}", link.name, form.codec), [&] {
                const Exchange exchange{.name = form.name, .whole = &variant.model, .form = &form};
                const auto measured = measure_emulated(variant.bench, exchange, link, tcp, offload_);
                const Shares shares = shares_of(measured, payload_of(form), embedded_server);
                Plan plan = measured_plan(measured, shares, way(link), making());
                plan.codec = form.codec;
                remember(variant, form, shares);
                keep(std::move(plan), variant, link, sent_for(variant, form));
            });
        }
    }
    emulate_transports(link, variant);
    for (const CutTimes* cut : best_cuts(variant, link)) {
        attempt(fmt::format("splitting over {}, packet by packet, at {}", link.name, cut_title(cut->cut)), [&] {
            const Bytes tail = variant.bench.add_tail(variant.model, cut->cut);
            const auto measured = measure_emulated(variant.bench, exchange_of(variant, *cut), link, tcp, offload_);
            Plan plan = measured_split(measured, *cut, variant.fastest, {embedded_server, way(link)}, making());
            *plan.predicted_latency += expected_overhead(advice_.plans, link.name, cut->payload.up);
            keep(std::move(plan), variant, link, tail);
        });
    }
    measure_coded(variant, link, embedded_server, [&](const Exchange& exchange) {
        return measure_emulated(variant.bench, exchange, link, tcp, offload_);
    });
}

void Advisor::model_links(Variant& variant) {
    if (has_room(variant, request_.server_memory, "server")) {
        for (const OffloadForm& form : variant.bench.forms()) {
            attempt("asking a server on loopback as " + form.codec, [&] {
                const Exchange exchange{.name = form.name, .whole = &variant.model, .form = &form};
                const auto measured = measure_loopback(variant.bench, exchange, offload_);
                const Shares shares = shares_of(measured, payload_of(form), embedded_server);
                remember(variant, form, shares);
                for (const LinkProfile& link : request_.links) {
                    Plan plan = modelled_plan(shares, way(link), making());
                    plan.codec = form.codec;
                    keep(std::move(plan), variant, link, sent_for(variant, form));
                }
            });
        }
    }
    for (const LinkProfile& link : request_.links) {
        for (const CutTimes* cut : best_cuts(variant, link)) {
            const Shares shares = expected_shares(*cut, variant.fastest, embedded_server, making());
            Plan plan = modelled_plan(shares, way(link), making());
            plan.cut = cut->cut;
            keep(std::move(plan), variant, link, cut->tail_size);
        }
        attempt("choosing codecs for " + link.name, [&] {
            for (const Coded& coded : coded_choices(variant, link)) {
                Plan plan = modelled_plan(coded.shares, way(link), making());
                plan.accuracy = coded.trial->told.accuracy;
                if (coded.cut != nullptr) plan.cut = coded.cut->cut;
                keep(std::move(plan), variant, link,
                     coded.cut != nullptr ? coded.cut->tail_size : sent_for(variant, *coded.trial->form));
            }
        });
    }
}

void Advisor::add_embedded_server() {
    const EmulatorSupport& emulator = request_.emulator;
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link,
                                 .how = emulator.available ? LinkUse::How::emulated : LinkUse::How::modelled,
                                 .reason = emulator.available ? "" : emulator.reason});
    }
    for (const auto& variant : variants_) {
        if (!emulator.available) {
            model_links(*variant);
            continue;
        }
        for (const LinkProfile& link : request_.links) emulate(link, *variant);
    }
}

LinkProfile Advisor::probed_link(Client& client) {
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
    const std::string where = "grpc://" + *request_.server;
    tools_.progress("probing the link to " + *request_.server);
    const RealServer server{.client = std::make_shared<Client>(*request_.server, tools_.connection),
                            .engines = tools_.engines,
                            .clock = tools_.clock,
                            .progress = tools_.progress};
    const LinkProfile real = probed_link(*server.client);
    advice_.links.push_back({.profile = real, .how = LinkUse::How::real, .reason = ""});
    for (const LinkProfile& link : request_.links) {
        advice_.links.push_back({.profile = link,
                                 .how = LinkUse::How::modelled,
                                 .reason = "the server is real: only the way to it can be modelled"});
    }
    const auto described = server.client->describe_server();
    const auto* told = std::get_if<ServerDescription>(&described);
    const bool takes_codecs = told != nullptr && told->has(codecs_extension);
    if (!takes_codecs && request_.data) {
        advice_.circumstances.emplace_back("the server takes no coded tensors: codecs were not tried");
    }
    for (const auto& variant : variants_) {
        const auto keep = [&](Plan plan, const OffloadMeasurement& measured) {
            plan.variant = variant->name;
            if (measured.deployed) plan.deploy = deployed_over(*measured.deployed, request_.inferences);
            advice_.plans.push_back(std::move(plan));
        };
        const bool room = has_room(*variant, request_.server_memory, "server");
        for (const OffloadForm& form : variant->bench.forms()) {
            if (!room) break;
            attempt(fmt::format("offloading to {} as {}", *request_.server, form.codec), [&] {
                const auto measured =
                    measure_server(server, {.name = form.name, .whole = &variant->model, .form = &form}, offload_);
                const Shares shares = shares_of(measured, payload_of(form), where);
                remember(*variant, form, shares);
                Plan plan = measured_plan(measured, shares, way(real), making());
                plan.codec = form.codec;
                keep(std::move(plan), measured);
                for (const LinkProfile& link : request_.links) {
                    if (!measured.server) break;
                    Plan modelled = modelled_plan(shares, way(link), making());
                    modelled.codec = form.codec;
                    keep(std::move(modelled), measured);
                }
            });
        }
        for (const CutTimes* cut : best_cuts(*variant, real)) {
            attempt(fmt::format("splitting with {} at {}", *request_.server, cut_title(cut->cut)), [&] {
                const auto measured = measure_server(server, exchange_of(*variant, *cut), offload_);
                Plan plan = measured_split(measured, *cut, variant->fastest, {where, way(real)}, making());
                *plan.predicted_latency += expected_overhead(advice_.plans, real.name, cut->payload.up);
                keep(std::move(plan), measured);
            });
        }
        if (takes_codecs) {
            measure_coded(*variant, real, where,
                          [&](const Exchange& exchange) { return measure_server(server, exchange, offload_); });
        }
    }
    const bool reached = std::ranges::any_of(advice_.plans, [](const Plan& p) { return p.kind != PlanKind::local; });
    if (!reached) {
        throw Error(ErrorKind::input, fmt::format("offload '{}' to {}", advice_.model_name, *request_.server),
                    advice_.warnings.empty() ? "the server has no form of it" : advice_.warnings.back());
    }
}

}  // namespace breakeven
