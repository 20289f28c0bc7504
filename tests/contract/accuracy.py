"""Real networks on real pictures and recordings give the accuracy that others measured with other programs."""

import json
import pathlib
import sys
import tempfile

import harness

TOLERANCE = 0.002  # of 1: where a decoder's or resizer's rounding may turn a close call

IMAGENET, CIFAR, DIGITS, WORDS = "images/imagenet-500", "images/cifar10-jpeg-2000", "images/mnist-1000", "audio/kws01-500"
BACKGROUND_FIRST = {"label_offset": 1}
# MFCC recordings: int8 numbers become (v - 83) * 0.5847029.
MFCC = {"dtype": "int8", "mean": 83, "std": 1 / 0.5847029}
NETWORKS = [  # file, data, preprocessing, top-1, top-5 where it was measured
    ("cifar10_little_resnet8_fp32", CIFAR, {}, 0.7605, None),
    ("cifar10_medium_iclarge_fp32", CIFAR, {}, 0.806, None),
    ("mlperf-tiny/resnet", CIFAR, {}, 0.7555, None),
    ("mnist-cntk", DIGITS, {}, 0.985, None),
    ("kws_dscnn_fp32", WORDS, MFCC, 0.906, None),
    ("mlperf-tiny/kws_ref_model", WORDS, MFCC, 0.892, None),
    ("imagenet_mobilenet_v1_0.25_128_fp32", IMAGENET, BACKGROUND_FIRST, 0.442, 0.702),
    ("imagenet_mobilenet_v1_0.25_224_keras_fp32", IMAGENET, {"range": [-1, 1]}, 0.57, 0.794),
    ("imagenet_mobilenet_v1_0.75_192_fp32", IMAGENET, BACKGROUND_FIRST, 0.758, 0.936),
    ("imagenet_mobilenet_v2_1.0_224_fp32", IMAGENET, BACKGROUND_FIRST, 0.872, 0.974),
    ("shufflenet-v2-12-int8", IMAGENET,
     {"range": [0, 1], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}, 0.808, 0.946),
    ("squeezenet_v1.0_from_deepcompression_fp32", IMAGENET,
     {"channels": "bgr", "mean": [104, 117, 123]}, 0.58, 0.814),
]


def evaluate(data, network, preprocessing):
    file, folder, options, *_ = network
    preprocessing.write_text(json.dumps(options))
    return json.loads(harness.breakeven(
        "evaluate", data / "models/onnx" / f"{file}.onnx", "--data", data / folder, "--preprocess", preprocessing,
        "--platform", "cpu:2", "--json", timeout=300).stdout)


def main():
    data = harness.shared_data()
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            file, _, _, top1, top5 = network
            found = evaluate(data, network, pathlib.Path(folder) / "preprocess.json")
            low, high = found["ci95"]
            if not low < found["top1"] < high:
                failures.append(f"{file}: top-1 {found['top1']} lies outside its interval {low} to {high}")
            for name, wanted in (("top1", top1), ("top5", top5)):
                if wanted is not None and abs(found[name] - wanted) > TOLERANCE + 1e-9:
                    failures.append(f"{file}: {name} is {found[name]}, {wanted} was published")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
