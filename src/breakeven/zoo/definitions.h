// The networks' definitions, a file for each family. The study's end before the top, which zoo.cc puts on; the others
// have their own, and their outputs.
#pragma once

#include "breakeven/zoo/network_builder.h"

namespace breakeven {

// For the study's top.
NetworkBuilder::Value mobilenet_v1(NetworkBuilder& builder, std::int64_t side);
NetworkBuilder::Value resnet50(NetworkBuilder& builder, std::int64_t side);
NetworkBuilder::Value vgg16(NetworkBuilder& builder, std::int64_t side);
NetworkBuilder::Value inception_v3(NetworkBuilder& builder, std::int64_t side);

// Whole.
void mobilenet_v2(NetworkBuilder& builder, std::int64_t side);
void inception_v4(NetworkBuilder& builder, std::int64_t side);
void ssd_mobilenet_v1(NetworkBuilder& builder, std::int64_t side);
void ssd_mobilenet_v2(NetworkBuilder& builder, std::int64_t side);
/// Its input has one size; there is no side to choose.
void cnn_trad_fpool3(NetworkBuilder& builder, std::int64_t side);

/// What stride 2 pads: Keras' MobileNets put zeros below and right, TensorFlow's detectors pad as `same`.
enum class Border { below_and_right, same };
/// What a detector looks at: the last features of stride 16, and the last of all.
struct Features {
    NetworkBuilder::Value middle;
    NetworkBuilder::Value last;
};
Features mobilenet_v1_features(NetworkBuilder& builder, std::int64_t side, Border border);
Features mobilenet_v2_features(NetworkBuilder& builder, std::int64_t side, Border border);

}  // namespace breakeven
