"""`zoo variants`: killed at any moment it leaves no half-written file, and the next run repeats nothing that was finished;
a full disk and a bad folder end in one clear line."""

import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

import harness

try:
    import fastjsonschema
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

SMALL = ["--networks", "mobilenet-v1-32", "--samples", "2", "--compared", "4", "--platform", "cpu:1"]
NAMES = ["mobilenet-v1-32", "mobilenet-v1-32-pq", "mobilenet-v1-32-pwq"]


def manifest(folder):
    file = folder / "manifest.json"
    return json.loads(file.read_text())["variants"] if file.exists() else []


def check_whole(folder):
    """What the manifest names is there, every byte; and no file with a network's name is anything but whole."""
    finished = {variant["file"]: variant for variant in manifest(folder)}
    for file in folder.glob("*.onnx"):
        whole = file.read_bytes()
        if file.name in finished:
            assert hashlib.sha256(whole).hexdigest() == finished[file.name]["sha256"], file
        else:
            assert harness.breakeven("inspect", file, "--json", check=False).returncode == 0, f"{file} is half written"
    for name in finished:
        assert (folder / name).exists(), name


def kill_and_go_on(folder, seed):
    """Killed again and again, the set becomes complete; what was finished keeps its time stamp."""
    moments = random.Random(seed)
    stamps = {}
    for attempt in range(8):
        process = subprocess.Popen([str(harness.PROGRAM), "zoo", "variants", "-o", str(folder), *SMALL],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        patience = moments.uniform(0.05, 0.6) * (1 + attempt)
        try:
            if process.wait(patience) == 0:
                break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        check_whole(folder)
        for variant in manifest(folder):
            stamp = (folder / variant["file"]).stat().st_mtime_ns
            assert stamps.setdefault(variant["name"], stamp) == stamp, f"{variant['name']} was built twice"
    harness.breakeven("zoo", "variants", "-o", folder, *SMALL, timeout=200)
    check_whole(folder)
    assert all(stamp == (folder / f"{name}.onnx").stat().st_mtime_ns for name, stamp in stamps.items()), stamps
    assert [variant["name"] for variant in manifest(folder)] == NAMES
    return attempt


def check_answer(folder):
    validate = fastjsonschema.compile(
        json.loads((harness.ROOT / "docs" / "schema" / "zoo_variants.json").read_text()))
    answer = validate(json.loads(harness.breakeven("zoo", "variants", "-o", folder, *SMALL, "--json").stdout))
    assert answer["complete"] and answer["built"] == 0 and answer["total"] == 3
    given, pq, pwq = answer["variants"]
    assert given["agreement"] is None and pq["agreement"]["n"] == 4
    assert all(variant["untrained"] for variant in answer["variants"])
    assert abs(pq["nonzero"] / given["nonzero"] - 0.5) < 0.01, "half of the weights are zero"
    assert pq["file_bytes"] < given["file_bytes"] / 3.5
    assert pwq["packed_bytes"] < pq["packed_bytes"] < given["packed_bytes"]
    assert not list(folder.glob(".breakeven-*")), "something half written was left"
    text = harness.breakeven("zoo", "variants", "-o", folder, *SMALL).stdout
    assert max(map(len, text.splitlines())) <= 80, text


def refused(*arguments, code, words, limit=None):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([str(harness.PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, preexec_fn=limited if limit else None)
    assert done.returncode == code, (arguments, done)
    assert len(done.stderr.strip().splitlines()) == 1 and words in done.stderr, done.stderr
    return done


def check_refusals(folder):
    room = folder / "no-room"
    refused("zoo", "variants", "-o", room, *SMALL, code=5, words="File too large", limit=1 << 20)
    assert not list(room.glob("*.onnx")) and not list(room.glob(".breakeven-*"))
    assert not manifest(room)
    file = folder / "file"
    file.write_text("no folder")
    refused("zoo", "variants", "-o", file, *SMALL, code=2, words="Not a directory")
    refused("zoo", "variants", "-o", folder / "x", "--networks", "alexnet", code=2, words="none of the study's")
    refused("zoo", "variants", "-o", folder / "x", "--recipes", "PX", code=2, words="'X' is none of")
    refused("zoo", "variants", "-o", folder / "x", "--calibration", folder / "nothing", code=3, words="no such folder")
    refused("zoo", "variants", "-o", folder / "killed", *SMALL, "--seed", "1", code=2, words="another study")
    (folder / "killed" / "manifest.json").write_text("{}")
    refused("zoo", "variants", "-o", folder / "killed", *SMALL, code=3, words="no manifest of variants")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seed = int(os.environ.get("BREAKEVEN_SEED", time.time_ns() % 100000))
        print(f"re-run with BREAKEVEN_SEED={seed}")
        print(f"killed {kill_and_go_on(folder / 'killed', seed)} times")
        check_answer(folder / "killed")
        check_refusals(folder)


if __name__ == "__main__":
    sys.exit(main())
