#!/usr/bin/env python3
"""Writes the seeds of fuzz_model into corpus/model: small models, each with something that readers get wrong.

Needs the PyPI package onnx. The files are kept in the repository; run this only to change them.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

OUT = pathlib.Path(__file__).parent / "corpus" / "model"
FLOAT, INT64 = T.FLOAT, T.INT64


def value(name, shape, dtype=FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def weights(name, *shape, dtype=np.float32):
    count = int(np.prod(shape)) if shape else 1
    return nh.from_array((np.arange(count) % 7 - 3).astype(dtype).reshape(shape), name)


def integers(name, *values):
    return nh.from_array(np.array(values, np.int64), name)


def save(name, nodes, inputs, outputs, initializers=(), opset=17, ir=8, functions=(), domains=(), **graph):
    model = h.make_model(
        h.make_graph(nodes, name, inputs, outputs, list(initializers), **graph),
        opset_imports=[h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains],
        ir_version=ir, functions=list(functions), producer_name="breakeven")
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())


def branch(name, op, captured):
    return h.make_graph([h.make_node(op, [captured], [name + "_out"])], name, [], [value(name + "_out", None)])


def control_flow():
    save("if_captures", [
        h.make_node("Relu", ["x"], ["outer"]),
        h.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        h.make_node("Greater", ["sum", "zero"], ["condition"]),
        h.make_node("If", ["condition"], ["y"], then_branch=branch("then", "Neg", "outer"),
                    else_branch=branch("else", "Abs", "outer")),
    ], [value("x", ["N", 4])], [value("y", None)], [weights("zero")])
    body = h.make_graph([
        h.make_node("MatMul", ["state_in", "W"], ["state_out"]),
        h.make_node("Identity", ["keep_in"], ["keep_out"]),
    ], "body", [value("i", [], INT64), value("keep_in", [], T.BOOL), value("state_in", [1, 4])],
        [value("keep_out", [], T.BOOL), value("state_out", [1, 4])])
    save("loop", [h.make_node("Loop", ["count", "", "x"], ["y"], body=body)], [value("x", [1, 4])],
         [value("y", [1, 4])], [integers("count", 3), weights("W", 4, 4)])
    scan = h.make_graph([h.make_node("Add", ["sum_in", "item"], ["sum_out"]),
                         h.make_node("Identity", ["sum_out"], ["out"])], "scan_body",
                        [value("sum_in", [4]), value("item", [4])], [value("sum_out", [4]), value("out", [4])])
    save("scan", [h.make_node("Scan", ["start", "x"], ["last", "y"], body=scan, num_scan_inputs=1)],
         [value("x", ["L", 4])], [value("y", ["L", 4])], [weights("start", 4)])
    save("sequence", [
        h.make_node("SplitToSequence", ["x"], ["parts"], axis=1),
        h.make_node("SequenceAt", ["parts", "which"], ["y"]),
    ], [value("x", [1, 4])], [value("y", None)], [nh.from_array(np.array(0, np.int64), "which")])


def shapes():
    save("shape_chain", [
        h.make_node("Conv", ["x", "W"], ["c"], pads=[1, 1, 1, 1]),
        h.make_node("Shape", ["c"], ["s"]),
        h.make_node("Gather", ["s", "first"], ["n"]),
        h.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        h.make_node("Reshape", ["c", "target"], ["y"]),
    ], [value("x", ["N", 3, 4, 4])], [value("y", ["N", "K"])],
        [weights("W", 2, 3, 3, 3), integers("first", 0), integers("rest", -1)])
    save("made_weights", [
        h.make_node("ConstantOfShape", ["shape"], ["W"], value=nh.from_array(np.array([0.5], np.float32))),
        h.make_node("MatMul", ["x", "W"], ["y"]),
    ], [value("x", ["N", 4])], [value("y", ["N", 3])], [integers("shape", 4, 3)])
    save("arithmetic", [
        h.make_node("Shape", ["x"], ["s"]),
        h.make_node("Mul", ["s", "two"], ["d"]),
        h.make_node("Concat", ["d", "d"], ["e"], axis=0),
        h.make_node("Slice", ["e", "from", "to"], ["f"]),
        h.make_node("Expand", ["one", "f"], ["y"]),
    ], [value("x", [2, 3])], [value("y", None)],
        [integers("two", 2), integers("from", 0), integers("to", 2), weights("one", 1)])
    save("tile_resize_pad", [
        h.make_node("Tile", ["x", "repeats"], ["t"]),
        h.make_node("Pad", ["t", "pads"], ["p"]),
        h.make_node("Resize", ["p", "", "scales"], ["y"]),
    ], [value("x", [1, 1, 2, 2])], [value("y", None)],
        [integers("repeats", 1, 1, 2, 2), integers("pads", 0, 0, 1, 1, 0, 0, 1, 1),
         nh.from_array(np.array([1, 1, 2, 2], np.float32), "scales")])


def quantized():
    scale, zero = weights("s"), nh.from_array(np.array(1, np.int8), "z")
    save("qdq", [
        h.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        h.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        h.make_node("DequantizeLinear", ["Wq", "s", "z"], ["W"]),
        h.make_node("MatMul", ["xd", "W"], ["y"]),
    ], [value("x", ["N", 4])], [value("y", ["N", 3])], [scale, zero, weights("Wq", 4, 3, dtype=np.int8)])
    save("integer_product", [
        h.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        h.make_node("MatMulInteger", ["xq", "Wq", "xz"], ["p"]),
        h.make_node("Cast", ["p"], ["y"], to=FLOAT),
    ], [value("x", ["N", 4])], [value("y", ["N", 3])], [weights("Wq", 4, 3, dtype=np.uint8)])


def functions():
    twice = h.make_function("local", "Twice", ["a"], ["b"], [h.make_node("Add", ["a", "a"], ["b"])],
                            [h.make_opsetid("", 17)])
    four = h.make_function("local", "FourTimes", ["a"], ["b"],
                           [h.make_node("Twice", ["a"], ["t"], domain="local"),
                            h.make_node("Twice", ["t"], ["b"], domain="local")],
                           [h.make_opsetid("", 17), h.make_opsetid("local", 1)])
    save("functions", [h.make_node("FourTimes", ["x"], ["y"], domain="local")], [value("x", ["N", 4])],
         [value("y", ["N", 4])], functions=[twice, four], domains=["local"])
    save("foreign", [h.make_node("Relu", ["x"], ["r"]),
                     h.make_node("FancyThing", ["r"], ["f"], domain="com.example"),
                     h.make_node("Relu", ["f"], ["y"])], [value("x", ["N", 4])], [value("y", ["N", 4])],
         domains=["com.example"])


def others():
    save("random_source", [h.make_node("RandomNormal", [], ["noise"], shape=[1, 4]),
                           h.make_node("Relu", ["x"], ["r"]),
                           h.make_node("Add", ["r", "noise"], ["y"])], [value("x", [1, 4])], [value("y", [1, 4])])
    save("old_initializers", [h.make_node("Gemm", ["x", "W", "b"], ["y"], transB=1)],
         [value("x", [1, 4]), value("W", [3, 4]), value("b", [3])], [value("y", [1, 3])],
         [weights("W", 3, 4), weights("b", 3)], opset=9, ir=3)
    save("norms", [h.make_node("ConvTranspose", ["x", "W"], ["c"], strides=[2, 2]),
                   h.make_node("BatchNormalization", ["c", "ones", "b", "b", "v"], ["n"]),
                   h.make_node("Clip", ["n", "lo", "hi"], ["y"])],
         [value("x", ["N", 2, 3, 3])], [value("y", ["N", 2, 7, 7])],
         [weights("W", 2, 2, 3, 3), nh.from_array(np.ones(2, np.float32), "ones"), weights("b", 2),
          nh.from_array(np.ones(2, np.float32), "v"), weights("lo"), weights("hi")])
    sparse = h.make_sparse_tensor(nh.from_array(np.array([1, 2], np.float32), "sw"), integers("si", 0, 5), [2, 3])
    save("sparse", [h.make_node("MatMul", ["x", "sw"], ["y"])], [value("x", ["N", 2])], [value("y", ["N", 3])],
         sparse_initializer=[sparse])
    save("recurrent", [h.make_node("LSTM", ["x", "W", "R"], ["y", "", ""], hidden_size=2),
                       h.make_node("Einsum", ["y", "y"], ["z"], equation="ijkl,ijkl->ij")],
         [value("x", ["L", 1, 3])], [value("z", None)], [weights("W", 1, 8, 3), weights("R", 1, 8, 2)])
    save("picture", [h.make_node("Conv", ["x", "W", "b"], ["c"], group=1, strides=[2, 2]),
                     h.make_node("Relu", ["c"], ["r"]), h.make_node("GlobalAveragePool", ["r"], ["g"]),
                     h.make_node("Flatten", ["g"], ["f"]), h.make_node("Softmax", ["f"], ["y"])],
         [value("x", ["N", 3, 8, 8])], [value("y", ["N", 2])], [weights("W", 2, 3, 3, 3), weights("b", 2)])
    strings = h.make_node("Constant", [], ["words"], value_strings=["a", "b"])
    save("strings", [strings, h.make_node("Relu", ["x"], ["y"])], [value("x", [2])],
         [value("y", [2]), value("words", [2], T.STRING)])
    external = weights("W", 4, 3)
    external.ClearField("raw_data")
    external.data_location = T.EXTERNAL
    external.external_data.add(key="location", value="weights.bin")
    external.external_data.add(key="offset", value="0")
    external.external_data.add(key="length", value="48")
    save("external", [h.make_node("MatMul", ["x", "W"], ["y"])], [value("x", ["N", 4])], [value("y", ["N", 3])],
         [external])


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for group in (control_flow, shapes, quantized, functions, others):
        group()
    print(f"{len(list(OUT.iterdir()))} seeds in {OUT}")


if __name__ == "__main__":
    main()
