// The health service: see health.h.
#include "breakeven/serve/health.h"

#include <chrono>

namespace breakeven {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

/// Each watcher keeps a thread of the server waiting.
constexpr int watchers_max = 16;

/// How soon a watcher that went away is noticed.
constexpr std::chrono::milliseconds watch_interval{500};

bool known(const std::string& service) {
    return service.empty() || service == "inference.GRPCInferenceService";
}

}  // namespace

/// Holds the mutex: called under it.
HealthCheckResponse HealthService::status_of(const std::string& service) const {
    HealthCheckResponse out;
    out.set_status(!known(service) ? HealthCheckResponse::SERVICE_UNKNOWN
                   : stopping_     ? HealthCheckResponse::NOT_SERVING
                                   : HealthCheckResponse::SERVING);
    return out;
}

void HealthService::stop() {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
}

grpc::Status HealthService::Check(grpc::ServerContext* /*context*/, const HealthCheckRequest* in,
                                  HealthCheckResponse* out) {
    if (!known(in->service())) return {grpc::StatusCode::NOT_FOUND, "this service is not known here"};
    const std::scoped_lock lock(mutex_);
    *out = status_of(in->service());
    return grpc::Status::OK;
}

grpc::Status HealthService::Watch(grpc::ServerContext* context, const HealthCheckRequest* in,
                                  grpc::ServerWriter<HealthCheckResponse>* out) {
    std::unique_lock lock(mutex_);
    if (watchers_ == watchers_max) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watch this server already"};
    ++watchers_;
    HealthCheckResponse sent = status_of(in->service());
    lock.unlock();
    bool there = out->Write(sent);
    lock.lock();
    while (there && !stopping_ && !context->IsCancelled()) stopped_.wait_for(lock, watch_interval);
    const HealthCheckResponse last = status_of(in->service());
    --watchers_;
    lock.unlock();
    if (there && last.status() != sent.status()) out->Write(last);
    return {grpc::StatusCode::CANCELLED, "the server is stopping"};
}

}  // namespace breakeven
