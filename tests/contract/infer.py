"""`infer` here and there: the same picture gives the same classes on this machine, on our server, and on our server as
8-bit pixels; the times add up; what is wrong is said in one line with its exit code. `evaluate` as well."""

import json
import pathlib
import shutil
import sys
import tempfile

import harness


def answer(*arguments):
    return json.loads(harness.breakeven(*arguments, "--json").stdout)


def scores(document):
    return document["outputs"][0]["data"]


def check_times(document):
    latency = document["latency_s"]
    parts = latency["network"] + latency["queue"] + latency["compute"]
    assert abs(parts - latency["total"]) < 1e-9, latency
    assert min(latency.values()) >= 0, latency


def check_here_and_there(data, folder):
    network = data / "models/onnx/imagenet_mobilenet_v2_1.0_224_fp32.onnx"
    picture = data / "images/coral/parrot.jpg"
    names = data / "models/labels/imagenet_labels_1001.txt"
    repository = folder / "repository"
    repository.mkdir()
    shutil.copy(network, repository / "net.onnx")
    harness.breakeven("codec", "u8", network, "-o", repository / "net-u8.onnx")

    here = answer("infer", network, "--input", picture, "--labels", names, "--top", 3)
    assert here["where"] == "cpu:1", here["where"]
    check_times(here)
    top = here["outputs"][0]["top"]
    assert [len(top), top[0]["label"], top[0]["index"]] == [3, "macaw", 89], top
    assert top[0]["probability"] > 0.99, top
    text = harness.breakeven("infer", network, "--input", picture, "--labels", names).stdout
    assert "macaw" in text.splitlines()[0], text

    with harness.Server(repository) as server:
        for name in ("net", "net-u8"):
            there = answer("infer", name, "--input", f"input={picture}", "--server", server.address)
            assert there["where"] == f"grpc://{server.address}", there["where"]
            check_times(there)
            difference = max(abs(a - b) for a, b in zip(scores(here), scores(there), strict=True))
            assert difference < 1e-5, (name, difference)
        wrong = harness.breakeven("infer", "absent", "--input", picture, "--server", server.address, check=False)
        assert wrong.returncode in (3, 5) and len(wrong.stderr.splitlines()) == 1, wrong.stderr
        remote = answer("evaluate", "net-u8", "--data", data / "images/imagenet-500", "--limit", 25,
                        "--against", network, "--server", server.address)
        assert remote["n"] == 25 and remote["against"]["agreement"] == 1.0, remote


def check_files(data, folder):
    network = data / "models/onnx/mnist-cntk.onnx"
    picture = data / "images/mnist-1000/7_60141.png"
    first = answer("infer", network, "--input", picture, "-o", folder / "scores.npy")
    assert first["outputs"][0]["top"][0]["index"] == 7
    assert (folder / "scores.npy").read_bytes().startswith(b"\x93NUMPY")

    (folder / "labels.csv").write_text("file,label\n7.png,7\n")
    shutil.copy(picture, folder / "7.png")
    assert answer("evaluate", network, "--data", folder)["top1"] == 1.0
    (folder / "labels.csv").write_text("file,label\n7.png,seven\n")
    for command, code in [
        (("infer", network, "--input", folder / "absent.png"), 3),
        (("infer", network, "--input", data / "README.md"), 3),
        (("infer", network, "--input", picture, "--server", "127.0.0.1:1", "--platform", "cpu:1"), 2),
        (("infer", "net", "--input", picture, "--server", "127.0.0.1:1"), 5),
        (("evaluate", network, "--data", folder), 3),
        (("evaluate", network, "--data", data / "images/coral"), 3),
    ]:
        wrong = harness.breakeven(*command, check=False)
        assert wrong.returncode == code and wrong.stdout == "", (command, wrong.returncode, wrong.stderr)
        assert len(wrong.stderr.splitlines()) == 1, wrong.stderr


def main():
    data = harness.shared_data()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_files(data, folder)
        check_here_and_there(data, folder)


if __name__ == "__main__":
    sys.exit(main())
