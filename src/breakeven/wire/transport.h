// How our client and our server set up HTTP/2: one place, so that both ends agree. Internal to wire/ and serve/.
#pragma once

#include <grpc/impl/codegen/grpc_types.h>

#include <algorithm>
#include <climits>

#include "breakeven/units/units.h"

namespace breakeven {

/// How much a sender may have under way in one stream before the receiver has said anything. gRPC's 64 KiB costs a
/// tensor one round trip for each window until its estimate has grown. Larger costs a receiver more memory.
inline constexpr int window_size = 8 << 20;

/// Largest HTTP/2 frame. gRPC's 16 KiB costs a header and a look at it every 16 KiB.
inline constexpr int frame_size = 1 << 20;

/// To be called before anything else of gRPC, any number of times.
void prepare_grpc();

inline int message_size_of(Bytes limit) {
    return static_cast<int>(std::clamp<std::int64_t>(limit.count(), 0, INT_MAX));
}

/// Writes the arguments into gRPC's ChannelArguments of a client.
template <class Arguments>
void set_transport(Arguments& arguments, Bytes message_max) {
    arguments.SetMaxReceiveMessageSize(message_size_of(message_max));
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, window_size);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, frame_size);
    // A client of its own has a connection of its own; ours are shared by sharing the client.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // After a link comes back, gRPC's own back-off (up to 2 minutes) would keep us off it.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // who retries decides: a second inference is a second cost
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
}

}  // namespace breakeven
