// gRPC's health service, made synchronously. gRPC's own one uses its callback interface, whose threads then poll every
// connection of the server and hand requests over to ours: measured, that doubles the latency of an inference and takes
// half as much CPU again. Internal to serve/: gRPC's types.
#pragma once

#include <condition_variable>
#include <mutex>

#include "health.grpc.pb.h"

namespace breakeven {

class HealthService final : public grpc::health::v1::Health::Service {
   public:
    /// From now on: NOT_SERVING, and those who watch are told.
    void stop();

    grpc::Status Check(grpc::ServerContext* context, const grpc::health::v1::HealthCheckRequest* in,
                       grpc::health::v1::HealthCheckResponse* out) override;
    grpc::Status Watch(grpc::ServerContext* context, const grpc::health::v1::HealthCheckRequest* in,
                       grpc::ServerWriter<grpc::health::v1::HealthCheckResponse>* out) override;

   private:
    grpc::health::v1::HealthCheckResponse status_of(const std::string& service) const;

    std::mutex mutex_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    int watchers_ = 0;
};

}  // namespace breakeven
