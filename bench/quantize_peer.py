"""The peer of bench/compress.cc: ONNX Runtime's quantize_static on a folder of .npy inputs. Prints seconds and memory.

Usage: quantize_peer.py MODEL FOLDER OUTPUT [minmax|entropy]      (per channel, QDQ, unsigned activations, signed weights)
"""

import json
import pathlib
import resource
import sys
import time

import numpy
import onnx
from onnxruntime import quantization


class Samples(quantization.CalibrationDataReader):
    def __init__(self, folder, name):
        self.files = iter(sorted(pathlib.Path(folder).glob("*.npy")))
        self.name = name

    def get_next(self):
        file = next(self.files, None)
        return None if file is None else {self.name: numpy.load(file)}


def main():
    model, folder, output, method = sys.argv[1:5]
    graph = onnx.load(model, load_external_data=False).graph
    stored = {tensor.name for tensor in graph.initializer}
    name = next(tensor.name for tensor in graph.input if tensor.name not in stored)
    methods = {"minmax": quantization.CalibrationMethod.MinMax, "entropy": quantization.CalibrationMethod.Entropy}
    began, used = time.monotonic(), time.process_time()
    quantization.quantize_static(
        model, output, Samples(folder, name), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
        activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        calibrate_method=methods[method])
    print(json.dumps({"seconds": time.monotonic() - began, "core_seconds": time.process_time() - used,
                      "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
    made = onnx.load(output)
    if made.ir_version < 4:  # it adds stored tensors that are no inputs, which came with 4
        made.ir_version = 4
        onnx.save(made, output)


if __name__ == "__main__":
    main()
