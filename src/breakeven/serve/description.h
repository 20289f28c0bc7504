// Description: what the protocol's clients are told about models. Internal to serve/: the protocol's own messages.
#pragma once

#include "breakeven/serve/repository.h"
#include "open_inference.pb.h"

namespace breakeven {

inference::ModelMetadataResponse metadata_of(const ServedModel& model, const std::vector<std::string>& versions);
inference::ModelConfig configuration_of(const ServedModel& model);
inference::ModelStatistics statistics_of(const ServedModel& model);

}  // namespace breakeven
