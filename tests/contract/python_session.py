"""The Python package: the session from numpy, with and without a server; errors, threads, futures, the example."""

import concurrent.futures
import gc
import os
import pathlib
import subprocess
import sys
import tempfile

import harness

BUILT = harness.PROGRAM.parent.parent / "python"
if not list(BUILT.glob("breakeven/_core*.so")):
    harness.skip("the Python module is not built (./dev test builds it where nanobind is there)")
sys.path.insert(0, str(BUILT))

import breakeven  # noqa: E402
import numpy  # noqa: E402

EXAMPLE = harness.ROOT / "examples" / "python" / "infer.py"


def build_network(folder):
    path = pathlib.Path(folder) / "mobilenet-v1-32.onnx"
    harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", path)
    return path


def reference(path, picture):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: picture})[0]


def picture_for(session, seed):
    shape = [max(size, 1) for size in session.inputs[0].shape]
    return numpy.random.default_rng(seed).random(shape, dtype=numpy.float32)


def check_values(path):
    with breakeven.Session(path) as session:
        name = session.inputs[0].name
        picture = picture_for(session, 1)
        expected = reference(path, picture)
        for inputs in (picture, [picture], {name: picture}, numpy.asfortranarray(picture)):
            result = session.infer(inputs)
            output, = result.outputs.values()
            assert output.dtype == numpy.float32 and numpy.allclose(output, expected, atol=1e-5)
            assert result.where == "device" and result.total_s > 0 and not result.failure
        kept = session.infer(picture).outputs
        assert session.counters.inferences == 5 and session.counters.answered_here == 5
    gc.collect()
    output, = kept.values()
    assert numpy.allclose(output, expected, atol=1e-5), "an output outlives its session"


def check_refusals(path):
    with breakeven.Session(path) as session:
        picture = picture_for(session, 1)
        for wrong in (picture[..., :-1], picture.astype(numpy.float64), {"nothing": picture}, [picture, picture], "text"):
            try:
                session.infer(wrong)
            except breakeven.Error as error:
                assert "\n" not in str(error) and len(str(error)) > 10
            else:
                raise AssertionError(f"took {type(wrong)}")
    for arguments in ({"model": "/nowhere.onnx"}, {"model": str(path), "policy": "luck"}):
        try:
            breakeven.Session(**arguments)
        except breakeven.Error:
            continue
        raise AssertionError(f"took {arguments}")
    try:
        session.infer(picture)
    except breakeven.Error as error:
        assert "closed" in str(error)
    else:
        raise AssertionError("a closed session infers")


def check_threads(path):
    with breakeven.Session(path) as session:
        pictures = [picture_for(session, seed) for seed in range(4)]
        expected = [reference(path, picture) for picture in pictures]
        futures = [session.infer_async(pictures[i % 4]) for i in range(40)]
        for i, future in enumerate(futures):
            output, = future.result(timeout=60).outputs.values()
            assert numpy.allclose(output, expected[i % 4], atol=1e-5)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda i: session.infer(pictures[i % 4]), range(40)))
        for i, result in enumerate(results):
            output, = result.outputs.values()
            assert numpy.allclose(output, expected[i % 4], atol=1e-5)
        dropped = session.infer_async(pictures[0])
    assert dropped.result(timeout=60).outputs, "closing waits for what is under way"


def check_server(path, folder):
    with harness.Server(folder) as server:
        with breakeven.Session(path, server=server.address, policy="always-offload") as session:
            picture = picture_for(session, 2)
            result = session.infer(picture)
            output, = result.outputs.values()
            assert result.where == "server", result.why
            assert numpy.allclose(output, reference(path, picture), atol=1e-5)
            assert session.outlook.server_ready and session.counters.answered_there == 1
            server.process.terminate()
            server.process.wait()
            result = session.infer(picture)
            output, = result.outputs.values()
            assert result.where == "device" and result.failure
            assert numpy.allclose(output, reference(path, picture), atol=1e-5)


def check_example(path):
    assert len(EXAMPLE.read_text().splitlines()) < 40
    done = subprocess.run([sys.executable, EXAMPLE, path], capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, PYTHONPATH=str(BUILT)))
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 10, done.stderr


def check_hints():
    hints = (BUILT / "breakeven" / "_core.pyi").read_text()
    for expected in ("def infer(self, inputs: ", "deadline: float | None = None", "-> Inferred"):
        assert expected in hints, hints


with tempfile.TemporaryDirectory() as folder:
    network = build_network(folder)
    check_values(network)
    check_refusals(network)
    check_threads(network)
    check_server(network, folder)
    check_example(network)
check_hints()
