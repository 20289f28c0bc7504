"""tritonclient (nobody here wrote it) asks our server; the answers equal ONNX Runtime's in Python, bit for bit."""

import shutil
import tempfile

import harness

try:
    import numpy as np
    import onnxruntime as ort
    import tritonclient.grpc as triton
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")


def reference(path, inputs):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(None, inputs)


def check_model(client, path, name, batch):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    metadata = client.get_model_metadata(name)
    assert [i.name for i in metadata.inputs] == [i.name for i in session.get_inputs()], metadata
    assert [o.name for o in metadata.outputs] == [o.name for o in session.get_outputs()], metadata
    random = np.random.default_rng(7)
    arrays, requests = {}, []
    for entry in session.get_inputs():
        shape = [d if isinstance(d, int) else batch for d in entry.shape]
        arrays[entry.name] = random.uniform(0, 255, shape).astype(np.float32)
        requests.append(triton.InferInput(entry.name, shape, "FP32"))
        requests[-1].set_data_from_numpy(arrays[entry.name])
    answer = client.infer(name, requests, request_id="7")
    assert answer.get_response().id == "7"
    for entry, expected in zip(session.get_outputs(), reference(path, arrays)):
        actual = answer.as_numpy(entry.name)
        assert actual.shape == expected.shape and actual.dtype == expected.dtype, entry.name
        assert np.array_equal(actual, expected), f"{name}: {np.abs(actual - expected).max()} apart"


def check_refusals(client, name):
    def refused(call, status, text):
        try:
            call()
        except triton.InferenceServerException as error:
            assert error.status() == f"StatusCode.{status}", error
            assert text in error.message(), error
            return
        raise AssertionError(f"not refused: {text}")

    def infer(model, shape, dtype, array):
        request = triton.InferInput(client.get_model_metadata(name).inputs[0].name, shape, dtype)
        request.set_data_from_numpy(array)
        return lambda: client.infer(model, [request])

    good = np.zeros([1, 32, 32, 3], np.float32)
    refused(infer("nobody", [1, 32, 32, 3], "FP32", good), "NOT_FOUND", "unknown model: 'nobody'")
    refused(infer(name, [1, 32, 32, 3], "INT8", good.astype(np.int8)), "INVALID_ARGUMENT", "INT8")
    refused(infer(name, [1, 31, 32, 3], "FP32", good[:, 1:]), "INVALID_ARGUMENT", "31")
    # The server lives on.
    infer(name, [1, 32, 32, 3], "FP32", good)()


def main():
    models = harness.shared_data() / "models" / "onnx"
    names = ["cifar10_little_resnet8_fp32", "imagenet_mobilenet_v2_1.0_224_fp32", "mnist-cntk",
             "ultraface_version-RFB-320"]
    with tempfile.TemporaryDirectory() as repository:
        for name in names:
            shutil.copy(models / f"{name}.onnx", repository)
        with harness.Server(repository) as server:
            client = triton.InferenceServerClient(server.address)
            assert client.is_server_live() and client.is_server_ready()
            assert client.get_server_metadata().name == "breakeven"
            for name in names:
                assert client.is_model_ready(name)
                check_model(client, models / f"{name}.onnx", name, batch=1)
            check_model(client, models / f"{names[0]}.onnx", names[0], batch=4)
            check_refusals(client, names[0])
            statistics = client.get_inference_statistics(names[0]).model_stats[0]
            assert statistics.inference_stats.success.count >= 3 and statistics.inference_stats.fail.count >= 2
            assert {m.name for m in client.get_model_repository_index().models} == set(names)


if __name__ == "__main__":
    main()
