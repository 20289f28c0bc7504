// Plans out of measurements: what was measured of a form or a cut becomes a Plan with its stages, cost and prediction.
// Pure: the measuring is local.h, offload.h and split_times.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "breakeven/advise/local.h"
#include "breakeven/advise/offload.h"
#include "breakeven/advise/split_times.h"
#include "breakeven/plan/advice.h"
#include "breakeven/plan/cost.h"
#include "breakeven/plan/plan.h"

namespace breakeven {

/// What holds for all plans of one answer.
struct PlanMaking {
    Powers power;
    double slowdown = 1.0;  ///< the device against this machine
    std::int64_t inferences = 1;
};

/// The server of an exchange, and the way to it.
struct ServerWay {
    std::string server;
    Way way;
};

Plan local_plan(const LocalMeasurement& measured, const PlanMaking& making);
/// Of a local plan.
Shares shares_of(const Plan& local);
/// Of an offload: a server that does not tell its compute time has its whole answer time stand for it.
Shares shares_of(const OffloadMeasurement& measured, const Payload& payload, const std::string& server);
/// Of a cut whose parts were timed here.
Shares expected_shares(const CutTimes& cut, const Platform& head, const std::string& server, const PlanMaking& making);

/// The same where what goes up is coded: its bytes are those of the trial, whose codec a server needs to know.
Shares with_coding(Shares plain, const CodecTrial& trial, const PlanMaking& making);

Plan modelled_plan(const Shares& shares, const Way& way, const PlanMaking& making);
/// An offload as it was measured, with what the model predicts from the server's own time.
Plan measured_plan(const OffloadMeasurement& measured, const Shares& shares, const Way& way, const PlanMaking& making);
/// A split as it was measured, with what the model predicts from its parts' times; `coded` where what crosses was.
Plan measured_split(const OffloadMeasurement& measured, const CutTimes& cut, const Platform& head,
                    const ServerWay& server, const PlanMaking& making, const CodecTrial* coded = nullptr);

/// What a model's stages come to.
Seconds sum(const std::vector<Stage>& stages);

/// What the protocol and both hosts took beyond the model where offloads were measured over the link, at so many bytes:
/// between the two nearest sizes a straight line, beyond them the nearest; nothing where none was measured.
Seconds expected_overhead(const std::vector<Plan>& plans, const std::string& link, Bytes up);

/// What was really sent to a real server.
Deploy deployed_over(const Deployed& deployed, std::int64_t inferences);

/// Whether a server must be sent a variant first: the network as given, in both its codecs, is taken to be there.
bool needs_sending(const std::string& variant);

/// "PQ offload as u8"; the network as given goes without saying.
std::string variant_title(const std::string& variant, const std::string& plan);

/// What an embedded server runs a network on: all cores of this machine, as `serve` does.
Platform server_platform();

}  // namespace breakeven
