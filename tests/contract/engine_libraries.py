"""A library that is named and is none, was cut short, or ends whoever loads it: one line says so, the others go on. With
ONNX Runtime the reference is gone: what runs uncompared is told to be."""

import json
import os
import pathlib
import tempfile

import harness

try:
    import onnxruntime
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

FLOAT = "kws_dscnn_fp32.onnx"
BOTH = ("--platform", "cpu:1", "--platform", "openvino:cpu:1")


def broken_libraries(folder):
    """A file of text, the beginning of a library, whose loading ends in a bus error, and one for another processor."""
    text = folder / "text.so"
    text.write_text("no library\n")
    whole = next((pathlib.Path(onnxruntime.__file__).parent / "capi").glob("onnxruntime_pybind11_state*.so"))
    cut = folder / "cut.so"
    with whole.open("rb") as file:
        cut.write_bytes(file.read(300_000))
    other = folder / "other.so"
    elf = bytearray(whole.read_bytes()[:4_000_000])
    elf[18:20] = (0xF3 if elf[18] != 0xF3 else 0xB7, 0)  # e_machine: RISC-V's
    other.write_bytes(elf)
    return text, cut, other


def check_other_processor(library, network):
    for variable, platform in (("BREAKEVEN_ONNXRUNTIME", "cpu:1"), ("BREAKEVEN_OPENVINO", "openvino:cpu:1")):
        done = with_library(variable, library, "measure", network, "--platform", platform, "--store", "none")
        assert done.returncode == 4 and "built for another processor" in done.stderr, done


def with_library(variable, library, *command):
    os.environ[variable] = str(library)
    try:
        return harness.breakeven(*command, check=False)
    finally:
        del os.environ[variable]


def platforms(variable, library):
    told = json.loads(with_library(variable, library, "platforms", "--json").stdout)["platforms"]
    return {each["name"]: each for each in told}


def check_onnxruntime(library, network):
    def run(*command):
        return with_library("BREAKEVEN_ONNXRUNTIME", library, *command)

    known = platforms("BREAKEVEN_ONNXRUNTIME", library)
    assert not known["cpu:1"]["available"] and str(library) in known["cpu:1"]["reason"], known["cpu:1"]
    assert known["openvino:cpu:1"]["available"], known
    alone = run("measure", network, "--platform", "cpu:1", "--store", "none")
    assert alone.returncode == 4 and len(alone.stderr.splitlines()) == 1 and str(library) in alone.stderr, alone
    done = run("measure", network, *BOTH, "--runs", "5", "--store", "none", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 4 and [each["platform"] for each in told["results"]] == ["openvino:cpu:1"], done
    assert told["results"][0]["agreement"] is None and str(library) in told["results"][0]["not_compared"], told
    assert told["refused"][0]["platform"] == "cpu:1", told["refused"]
    done = run("tune", network, "--limit", "1s", "--threads", "1", "--store", "none", "--json")
    assert json.loads(done.stdout)["platform"].startswith("openvino:cpu:1"), done
    assert "nothing was compared with the reference" in done.stderr, done.stderr
    done = run("advise", network, "--link", "wifi", "--no-emulation", "--splits", "0", "--runs", "5", "--json")
    plans = json.loads(done.stdout)["plans"]
    assert {stage["platform"].split(":")[0] for plan in plans for stage in plan["stages"]} == {"openvino"}, plans
    assert "was not compared" in done.stderr, done.stderr


def check_openvino(library, network, lite):
    known = platforms("BREAKEVEN_OPENVINO", library)
    assert known["cpu:1"]["available"] and str(library) in known["openvino:cpu:1"]["reason"], known
    done = with_library("BREAKEVEN_OPENVINO", library, "measure", network, *BOTH, "--runs", "5", "--store", "none",
                        "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 4 and [each["platform"] for each in told["results"]] == ["cpu:1"], done
    assert str(library) in told["refused"][0]["reason"], told["refused"]
    done = with_library("BREAKEVEN_OPENVINO", library, "measure", lite, "--store", "none")
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1 and str(library) in done.stderr, done


def check_plugin(library):
    known = platforms("BREAKEVEN_ONNXRUNTIME_PLUGINS", library)
    assert known["cpu:1"]["available"] and str(library) in known["openvino:0"]["reason"], known["openvino:0"]


def main():
    models = harness.shared_data() / "models"
    network = models / "onnx" / FLOAT
    lite = models / "tflite" / "ic01_resnet8_int8.tflite"
    with tempfile.TemporaryDirectory() as place:
        libraries = broken_libraries(pathlib.Path(place))
        check_other_processor(libraries[-1], network)
        for library in libraries:
            check_onnxruntime(library, network)
            check_openvino(library, network, lite)
            check_plugin(library)


if __name__ == "__main__":
    main()
