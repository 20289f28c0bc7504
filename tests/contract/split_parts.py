"""A network cut in two and run one part after the other gives what the whole gives, in an engine we did not write."""

import json
import pathlib
import sys
import tempfile

import harness

try:
    import numpy
    import onnxruntime
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

CUTS = 12          # of each network, spread over its depth
TOLERANCE = 1e-4   # of the largest output, where the engine may fuse and reorder
NETWORKS = [       # file, integers inside, the range of its input
    ("imagenet_mobilenet_v2_1.0_224_fp32", False, (0, 255)),
    ("cifar10_little_resnet8_fp32", False, (0, 255)),
    ("squeezenet_v1.0_from_deepcompression_fp32", False, (-120, 140)),
    ("ultraface_version-RFB-320", False, (-1, 1)),
    ("mnist-cntk", False, (0, 255)),
    ("mlperf-tiny/deep_autoencoder", True, (-20, 20)),
    ("mlperf-tiny/resnet", True, (0, 255)),
    ("shufflenet-v2-12-int8", True, (-2, 2)),
]


def session(path, optimize):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sample(network, batch, low, high):
    """Noise: every channel differs, so no output is constant."""
    random = numpy.random.default_rng(7)
    feed = {}
    for spec in network.get_inputs():
        shape = [size if isinstance(size, int) and size > 0 else batch for size in spec.shape]
        feed[spec.name] = random.uniform(low, high, shape).astype(numpy.float32)
    return feed


def named(network, feed):
    wanted = {spec.name for spec in network.get_inputs()}
    outputs = network.run(None, {name: value for name, value in feed.items() if name in wanted})
    return dict(zip([spec.name for spec in network.get_outputs()], outputs))


def head_then_tail(head, tail, feed):
    first = named(head, feed)
    return {**first, **named(tail, {**feed, **first})}


def same_top1(a, b):
    return (a.reshape(a.shape[0], -1).argmax(1) == b.reshape(b.shape[0], -1).argmax(1)).all()


def compare(what, whole, parts, exact, integers):
    for name, wanted in whole.items():
        found = parts[name]
        assert found.shape == wanted.shape and found.dtype == wanted.dtype, f"{what}: {name} is {found.shape}"
        assert numpy.unique(wanted).size > 1, f"{what}: a constant output proves nothing"
        if exact:
            assert found.tobytes() == wanted.tobytes(), f"{what}: {name} differs by {abs(found - wanted).max()}"
        elif integers:
            # Two classes can tie to the last bit of a quantized output.
            near = abs(found - wanted).max() <= TOLERANCE * abs(wanted).max()
            assert near or same_top1(found, wanted), f"{what}: {name} has another top-1"
        else:
            error = abs(found - wanted).max() / abs(wanted).max()
            assert error <= TOLERANCE, f"{what}: {name} differs by {error} of the largest output"


def spread(cuts, count):
    """The smallest, and others over the whole depth."""
    if len(cuts) <= count:
        return cuts
    return [cuts[i * (len(cuts) - 1) // (count - 1)] for i in range(count)]


def check_network(path, integers, value_range, folder):
    inspected = json.loads(harness.breakeven("inspect", path, "--json").stdout)
    cuts = [cut["tensors"] for cut in inspected["cuts"] if cut["bytes"] is not None]
    whole = {optimize: session(path, optimize) for optimize in (False, True)}
    sizes = [size for spec in whole[True].get_inputs() for size in spec.shape]
    batches = [1] if all(isinstance(size, int) for size in sizes) else [1, 3]
    checked = 0
    for cut in spread(cuts, CUTS):
        done = harness.breakeven("split", path, "--at", *cut, "-o", folder, "--json", check=False)
        if done.returncode != 0:
            # A cut whose tensors have no inferable shape is refused; one that does not separate would be our mistake.
            allowed = any(reason in done.stderr for reason in ("cannot be inferred", "nothing would"))
            assert done.returncode in (3, 4) and allowed, done.stderr
            continue
        parts = json.loads(done.stdout)
        assert parts["crossing_bytes"] > 0 and parts["cut"] == cut
        for optimize, network in whole.items():
            head, tail = session(parts["head"], optimize), session(parts["tail"], optimize)
            for batch in batches:
                feed = sample(network, batch, *value_range)
                compare(f"{path.stem} at {cut}, optimized: {optimize}, batch {batch}", named(network, feed),
                        head_then_tail(head, tail, feed), exact=not optimize, integers=integers)
        checked += 1
    assert checked >= min(5, len(cuts)), f"{path.stem}: only {checked} of {len(cuts)} cuts could be made"
    return checked


def check_search(path, folder):
    """On a slow device and a fast link a cut or an offload wins; what is told adds up."""
    found = json.loads(harness.breakeven("split", path, "--link", "ethernet", "--slowdown", "8", "--runs", "10", "-o",
                                         folder, "--json", timeout=280).stdout)
    assert pathlib.Path(found["head"]).exists() and pathlib.Path(found["tail"]).exists()
    best = found["candidates"][0]
    assert found["cut"] == best["cut"] and found["crossing_bytes"] == best["bytes_up"]
    for entry in [*found["candidates"], *found["unsplit"]]:
        latency = entry["latency"]
        total = sum(latency[part]["value"] for part in ("head_s", "transfer_s", "tail_s"))
        assert abs(total - latency["total_s"]["value"]) < 1e-9
        assert latency["total_s"]["value"] >= best["latency"]["total_s"]["value"] or "kind" in entry
    fastest = min(entry["latency"]["total_s"]["value"] for entry in found["unsplit"])
    assert found["pays"] == (best["latency"]["total_s"]["value"] < fastest)


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        zoo = folder / "mobilenet-v1-32.onnx"
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", zoo)
        counts = {"mobilenet-v1-32": check_network(zoo, False, (-1, 1), folder / "parts")}
        check_search(zoo, folder / "parts")
        refused = harness.breakeven("split", zoo, "--at", "no such tensor", "-o", folder / "none", check=False)
        assert refused.returncode == 3 and "no tensor 'no such tensor'" in refused.stderr, refused.stderr
        data = harness.shared_data()
        for file, integers, value_range in NETWORKS:
            counts[file] = check_network(data / "models/onnx" / f"{file}.onnx", integers, value_range, folder / "parts")
        print(", ".join(f"{name}: {count} cuts" for name, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
