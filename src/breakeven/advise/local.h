// The device's own platforms, measured in turns; fresh results of earlier measurements are taken from the store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "breakeven/advise/advise.h"
#include "breakeven/advise/slowed.h"
#include "breakeven/files/model_file.h"

namespace breakeven {

struct LocalMeasurement {
    Platform platform;
    Seconds p50{0.0};
    Seconds p99{0.0};
    bool from_store = false;
    Slowed slowed{};  ///< as the device, where that is slower than this machine
};

struct LocalMeasurements {
    std::vector<LocalMeasurement> platforms;
    std::vector<std::string> warnings;
};

/// How old a stored result may be: the machine's load and temperature drift, its hardware does not.
inline constexpr Seconds fresh_for{3600.0};

/// Measures `request.platforms`, or every platform of this machine when it names none. A platform that fails becomes a
/// warning. Throws when none is left.
LocalMeasurements measure_local(const AdviseRequest& request, const ModelFile& model, AdviseTools& tools);

}  // namespace breakeven
