"""`compress` on what it cannot work with: one clear line, the right exit code, and no file, whole or half."""

import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

import harness

try:
    import numpy
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")


def samples(folder, shape, bad=None):
    folder.mkdir()
    random = numpy.random.default_rng(1)
    for number in range(4):
        values = random.normal(size=shape).astype(numpy.float32)
        if bad is not None and number == 2:
            values.flat[0] = bad
        numpy.save(folder / f"{number}.npy", values)
    return folder


def refused(folder, model, *options, code, words, limit=None):
    """The command ends with `code` and one line that holds all of `words`; its output file is not there."""
    def limited():
        if limit:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    output = folder / "out"
    output.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(harness.PROGRAM), "compress", str(model), "-o", str(output / "out.onnx"), *map(str, options), "--runs", "6"],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, preexec_fn=limited)
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("warning")]
    assert done.returncode == code, (options, done)
    assert len(lines) == 1 and all(word in lines[0] for word in words), (options, done.stderr)
    assert not list(output.iterdir()), f"{options} left {list(output.iterdir())}"


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = folder / "spotting.onnx"
        harness.breakeven("zoo", "build", "cnn-trad-fpool3", "-o", model)
        good = samples(folder / "good", (1, 1, 32, 40))
        wrong = samples(folder / "wrong", (1, 1, 9, 9))
        infinite = samples(folder / "infinite", (1, 1, 32, 40), bad=numpy.inf)
        (folder / "empty").mkdir()
        (folder / "garbage").mkdir()
        (folder / "garbage" / "a.npy").write_bytes(b"\x93NUMPY and more")

        refused(folder, model, "--recipe", "PXQ", code=2, words=["'X' is none of"])
        refused(folder, model, "--recipe", "", code=2, words=["no letter"])
        refused(folder, model, "--recipe", "QP", code=2, words=["Q comes last"])
        refused(folder, model, "--recipe", "PQ", code=3, words=["no calibration samples"])
        refused(folder, model, "--recipe", "Q", "--calibration", folder / "empty", code=3, words=["empty", "holds no"])
        refused(folder, model, "--recipe", "Q", "--calibration", folder / "none", code=3, words=["no such folder"])
        refused(folder, model, "--recipe", "Q", "--calibration", wrong, code=3, words=["0.npy", "[1, 1, 9, 9]"])
        refused(folder, model, "--recipe", "PQ", "--calibration", infinite, code=3, words=["2.npy", "not finite"])
        refused(folder, model, "--recipe", "Q", "--calibration", folder / "garbage", code=3, words=["a.npy"])

        whole = bytearray(model.read_bytes())
        middle = len(whole) // 2  # among the weights, which are nearly all of it
        whole[middle:middle + 8] = b"\xff" * 8
        broken = folder / "broken.onnx"
        broken.write_bytes(whole)
        for recipe in ("P", "W", "Q", "S"):
            refused(folder, broken, "--recipe", recipe, "--calibration", good, code=3, words=["finite"])

        quantized = folder / "quantized.onnx"
        harness.breakeven("compress", model, "-o", quantized, "--recipe", "Q", "--calibration", good, "--runs", "6")
        for recipe in ("Q", "P", "W"):
            refused(folder, quantized, "--recipe", recipe, "--calibration", good, code=3, words=["quantized already"])

        refused(folder, model, "--recipe", "P", code=5, words=["File too large"], limit=100_000)
        done = harness.breakeven("compress", model, "-o", folder, "--recipe", "P", "--runs", "6", check=False)
        assert done.returncode == 2 and "Is a directory" in done.stderr, done


if __name__ == "__main__":
    sys.exit(main())
