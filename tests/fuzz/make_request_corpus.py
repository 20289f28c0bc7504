"""Writes the seeds of request_fuzz.cc: one small request of each kind. python3 make_request_corpus.py corpus/request"""

import pathlib
import struct
import sys


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def tensor(datatype, shape, contents=b"", parameters=b""):
    return text(5, text(1, "x") + text(2, datatype) + text(3, b"".join(map(varint, shape))) + parameters + contents)


def parameter(field, name, value):
    return text(field, text(1, name) + text(2, value))


def typed(field, values):
    return text(5, text(field, b"".join(values)))


RAW = {"BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "UINT32": 4, "INT32": 4, "UINT64": 8, "INT64": 8,
       "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8}
VARINTS = {"BOOL": 1, "INT8": 2, "INT16": 2, "INT32": 2, "INT64": 3, "UINT8": 4, "UINT16": 4, "UINT32": 4, "UINT64": 5}

head = text(1, "m") + text(2, "1") + text(3, "id")
seeds = {f"raw_{name}": head + tensor(name, [2]) + text(7, bytes(2 * size)) for name, size in RAW.items()}
seeds |= {f"typed_{name}": head + tensor(name, [2], typed(field, [varint(1), varint(0)]))
          for name, field in VARINTS.items()}
seeds["typed_INT8_negative"] = head + tensor("INT8", [1], typed(2, [varint(-5)]))
seeds["typed_FP32"] = head + tensor("FP32", [1], typed(6, [struct.pack("<f", 1)]))
seeds["typed_FP64"] = head + tensor("FP64", [1], typed(7, [struct.pack("<d", 1)]))
seeds["typed_BYTES"] = head + tensor("BYTES", [2], text(5, text(8, "one") + text(8, "")))
seeds["typed_unpacked"] = head + tensor("INT32", [1], text(5, varint(2 << 3) + varint(7)))
seeds["raw_BYTES"] = head + tensor("BYTES", [1]) + text(7, struct.pack("<I", 3) + b"one")
seeds["outputs"] = head + tensor("UINT8", [1]) + text(6, text(1, "x_out")) + text(7, b"a")
seeds["classification"] = (head + tensor("UINT8", [1]) + text(7, b"a") +
                           text(6, text(1, "x_out") + parameter(2, "classification", varint(2 << 3) + varint(3))))
seeds["shared_memory"] = head + tensor("UINT8", [1], parameters=parameter(4, "shared_memory_region", text(3, "r")))
seeds["parameters"] = (head + parameter(4, "flag", varint(1 << 3) + varint(1)) +
                       parameter(4, "priority", varint(5 << 3) + varint(9)) + tensor("UINT8", [0]) + text(7, b""))
seeds["too_large"] = head + tensor("INT64", [1 << 60]) + text(7, b"")
seeds["too_long"] = varint(7 << 3 | 2) + varint(0x7fffffff)

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, seed in seeds.items():
    (folder / name).write_bytes(seed)
