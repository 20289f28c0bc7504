// MobileNet V1, alpha 1.0, without its top (Howard et al. 2017, "MobileNets", Table 1), as Keras builds it.
#pragma once

#include "breakeven/zoo/network_builder.h"

namespace breakeven {

NetworkBuilder::Value mobilenet_v1(NetworkBuilder& builder, std::int64_t side);

}  // namespace breakeven
