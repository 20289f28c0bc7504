// Attempts: connecting to a server in bounded time. While one attempt waits (its first packet may be lost in an outage,
// and TCP repeats it after 1, 3, 7 s only) further ones begin; the first that succeeds is taken. Internal to wire/.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "breakeven/wire/client.h"
#include "breakeven/wire/connection.h"

namespace grpc {
class ChannelCredentials;
}

namespace breakeven {

class Attempts {
   public:
    virtual ~Attempts() = default;
    /// Waits for at most `slice`. Nothing while it is open how the attempts end.
    virtual std::optional<Connected> wait(Seconds slice) = 0;
};

/// `credentials`: null for plain text. The references outlive the attempts.
std::unique_ptr<Attempts> start_attempts(const std::string& address, const ClientOptions& options,
                                         const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace breakeven
