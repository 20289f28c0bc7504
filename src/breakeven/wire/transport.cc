// gRPC as one process uses it: see transport.h.
#include "breakeven/wire/transport.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <cstdlib>
#include <mutex>

namespace breakeven {

void prepare_grpc() {
    static std::once_flag once;
    std::call_once(once, [] {
        // Never given back: when the last user of gRPC goes, it waits up to 10 s for connections that are still closing
        // (seen in one of 20 runs on a busy machine), and there is nothing to gain.
        grpc_init();
        // gRPC's log repeats over many lines what its statuses say; who wants it sets gRPC's own variable.
        constexpr auto above_every_severity = static_cast<gpr_log_severity>(GPR_LOG_SEVERITY_ERROR + 1);
        if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_verbosity(above_every_severity);
    });
}

}  // namespace breakeven
