// The floor: one unary call of gRPC C++ with the payload in a `bytes` message (protobuf's own BytesValue), made the way
// generated code makes it. A synchronous and a completion-queue server, a synchronous and a completion-queue client.
#pragma once

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/support/method_handler.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace breakeven::bench {

using google::protobuf::BytesValue;
using google::protobuf::MessageLite;
inline constexpr const char* bare_method = "/bare.Floor/Call";

inline void answer_bare(const BytesValue& in, std::size_t reply_size, BytesValue& out) {
    out.set_value(in.value().data(), reply_size);
}

class BareSyncService final : public grpc::Service {
   public:
    explicit BareSyncService(std::size_t reply_size) {
        using Handler =
            grpc::internal::RpcMethodHandler<BareSyncService, BytesValue, BytesValue, MessageLite, MessageLite>;
        AddMethod(new grpc::internal::RpcServiceMethod(
            bare_method, grpc::internal::RpcMethod::NORMAL_RPC,
            new Handler(
                [reply_size](BareSyncService*, grpc::ServerContext*, const BytesValue* in, BytesValue* out) {
                    answer_bare(*in, reply_size, *out);
                    return grpc::Status::OK;
                },
                this)));
    }
};

class BareQueueService final : public grpc::Service {
   public:
    BareQueueService() {
        AddMethod(new grpc::internal::RpcServiceMethod(bare_method, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
        MarkMethodAsync(0);
    }

    /// One thread's loop: takes a call, answers it, takes the next.
    void poll(grpc::ServerCompletionQueue& queue, std::size_t reply_size) {
        struct Call {
            grpc::ServerContext context;
            BytesValue in, out;
            grpc::ServerAsyncResponseWriter<BytesValue> writer{&context};
            bool answered = false;
        };
        const auto listen = [&] {
            auto* call = new Call;
            RequestAsyncUnary(0, &call->context, &call->in, &call->writer, &queue, &queue, call);
        };
        listen();
        void* tag = nullptr;
        bool good = false;
        while (queue.Next(&tag, &good)) {
            auto* call = static_cast<Call*>(tag);
            if (!good || call->answered) {
                delete call;
                continue;
            }
            listen();
            answer_bare(call->in, reply_size, call->out);
            call->answered = true;
            call->writer.Finish(call->out, grpc::Status::OK, call);
        }
    }
};

class BareClient {
   public:
    explicit BareClient(std::shared_ptr<grpc::Channel> channel)
        : channel_(std::move(channel)),
          stub_(channel_),
          method_(bare_method, grpc::internal::RpcMethod::NORMAL_RPC, channel_) {}

    bool call_sync(const BytesValue& in, BytesValue& out,
                   std::chrono::system_clock::time_point deadline = std::chrono::system_clock::time_point::max()) {
        grpc::ClientContext context;
        context.set_deadline(deadline);
        return grpc::internal::BlockingUnaryCall<BytesValue, BytesValue, MessageLite, MessageLite>(
                   channel_.get(), method_, &context, in, &out)
            .ok();
    }

    bool call_queue(const BytesValue& in, BytesValue& out) {
        grpc::ClientContext context;
        grpc::Status status;
        auto call = stub_.PrepareUnaryCall(&context, bare_method, in, &queue_);
        call->StartCall();
        call->Finish(&out, &status, this);
        void* tag = nullptr;
        bool good = false;
        return queue_.Next(&tag, &good) && good && status.ok();
    }

   private:
    std::shared_ptr<grpc::Channel> channel_;
    grpc::TemplatedGenericStub<BytesValue, BytesValue> stub_;
    grpc::internal::RpcMethod method_;
    grpc::CompletionQueue queue_;
};

}  // namespace breakeven::bench
