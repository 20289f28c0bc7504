"""Runs a network again and again, wherever it is fastest at that moment:  infer.py net.onnx [SERVER [DEADLINE_MS]]"""

import sys

import breakeven
import numpy


def main(model, server="", deadline_ms=None):
    deadline = float(deadline_ms) / 1000 if deadline_ms else None
    with breakeven.Session(model, server=server, deadline=deadline) as session:
        # Zeros; a real program has a picture here.
        inputs = {spec.name: numpy.zeros([max(size, 1) for size in spec.shape], spec.dtype) for spec in session.inputs}
        for _ in range(10):
            result = session.infer(inputs)  # always answers, with or without a server
            print(f"{result.where:6} {result.total_s * 1000:7.2f} ms  {result.why}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: infer.py net.onnx [host:port [deadline in ms]]")
    main(*sys.argv[1:4])
