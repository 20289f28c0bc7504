"""tritonclient sends our server a network, infers, unloads it; what our server refuses says why, and stops nothing."""

import hashlib
import json
import tempfile

import harness

try:
    import numpy as np
    import onnxruntime as ort
    import tritonclient.grpc as triton
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

CONFIG = json.dumps({"backend": "onnxruntime", "max_batch_size": 8})
FILE = "file:1/model.onnx"


def infer(client, name):
    metadata = client.get_model_metadata(name).inputs[0]
    array = np.random.default_rng(3).uniform(0, 255, [1 if d < 0 else d for d in metadata.shape]).astype(np.float32)
    request = triton.InferInput(metadata.name, list(array.shape), "FP32")
    request.set_data_from_numpy(array)
    answer = client.infer(name, [request])
    return array, answer.as_numpy(answer.get_response().outputs[0].name)


def check_answer(client, name, path):
    array, actual = infer(client, name)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: array})[0]
    assert np.allclose(actual, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def refused(status, text, call):
    try:
        call()
    except triton.InferenceServerException as error:
        assert error.status() == f"StatusCode.{status}" and text in error.message(), error
        return
    raise AssertionError(f"not refused: {status} {text}")


def check_refusals(client, name, model):
    """Hostile and mistaken loads; the network that is there goes on serving."""
    before = infer(client, name)[1]

    def load(status, text, content, config=CONFIG, file=FILE, model_name=name):
        refused(status, text, lambda: client.load_model(model_name, config=config, files={file: content}))

    load("INVALID_ARGUMENT", "cannot load", b"garbage")
    load("INVALID_ARGUMENT", "cannot load", b"")
    load("INVALID_ARGUMENT", "cannot load", model[: len(model) // 2])
    load("INVALID_ARGUMENT", "cannot load", model[:-1])
    load("INVALID_ARGUMENT", "cannot load", b"\x08\x08:\xff\xff\xff\xff\x07")
    load("DATA_LOSS", "SHA-256", model,
         config=json.dumps({"parameters": {"breakeven_sha256": {"string_value": "0" * 64}}}))
    load("INVALID_ARGUMENT", "'config' must be specified", model, config=None)
    load("INVALID_ARGUMENT", "not a JSON object", model, config="{")
    load("INVALID_ARGUMENT", "not a JSON object", model, config="[" * 60000)
    load("UNIMPLEMENTED", "ONNX", model, config='{"backend": "python"}')
    load("INVALID_ARGUMENT", "model.onnx", model, file="file:1/../../etc/passwd")
    load("INVALID_ARGUMENT", "model.onnx", model, file="file:/etc/passwd")
    load("INVALID_ARGUMENT", "unrecognized load parameter", model, file="fyle:1/model.onnx")
    for path in ["../up", "/tmp/up", "a/b", ".hidden", "a\nb", "x" * 300]:
        load("INVALID_ARGUMENT", "no name for a model", model, model_name=path)
    load("INVALID_ARGUMENT", "the server's own", model, model_name="breakeven.probe")
    refused("NOT_FOUND", "no model 'nowhere'", lambda: client.load_model("nowhere"))
    refused("NOT_FOUND", "no model 'nowhere'", lambda: client.unload_model("nowhere"))
    assert np.array_equal(infer(client, name)[1], before)


def check_life(client, model, path):
    client.load_model("sent", config=CONFIG, files={FILE: model})
    assert client.is_model_ready("sent")
    check_answer(client, "sent", path)
    told = client.get_model_config("sent").config.parameters["breakeven_sha256"].string_value
    assert told == hashlib.sha256(model).hexdigest()
    entry = [m for m in client.get_model_repository_index().models if m.name == "sent"]
    assert [(m.version, m.state) for m in entry] == [("1", "READY")], entry
    check_refusals(client, "sent", model)
    client.unload_model("sent")
    assert "sent" not in {m.name for m in client.get_model_repository_index().models}
    refused("NOT_FOUND", "unknown model: 'sent'", lambda: client.get_model_metadata("sent"))
    client.load_model("sent", config=CONFIG, files={"file:7/model.onnx": model})
    assert client.get_model_metadata("sent").versions == ["7"]
    client.unload_model("sent")


def check_limits(folder, model):
    """A network that outgrows --memory-limit is refused with the reason: sent, in pieces, or lying in the folder."""
    small, size = 300_000, len(model)
    assert size > small
    with harness.Server(folder, "--allow-load", "--memory-limit", f"{small}B") as server:
        client = triton.InferenceServerClient(server.address)
        refused("RESOURCE_EXHAUSTED", "--memory-limit is 300 kB",
                lambda: client.load_model("sent", config=CONFIG, files={FILE: model}))
        refused("RESOURCE_EXHAUSTED", "larger than max",
                lambda: client.load_model("sent", config=CONFIG, files={FILE: bytes(300 << 20)}))
        done = harness.breakeven("deploy", folder + "/inside.onnx", "--server", server.address, check=False)
        assert done.returncode == 5 and "--memory-limit is 300 kB" in done.stderr, done
        index = {m.name: m for m in client.get_model_repository_index().models}
        assert index["inside"].state == "UNAVAILABLE" and "--memory-limit is 300 kB" in index["inside"].reason, index


def main():
    models = harness.shared_data() / "models" / "onnx"
    path = models / "cifar10_little_resnet8_fp32.onnx"
    model = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        with harness.Server(folder, "--allow-load") as server:
            check_life(triton.InferenceServerClient(server.address), model, path)
            # Our own client in pieces: what it sends once is there the next time, also for others.
            large = models / "imagenet_mobilenet_v2_1.0_224_fp32.onnx"
            sent = json.loads(harness.breakeven("deploy", large, "--server", server.address, "--name", "net",
                                                "--json").stdout)
            assert sent["how"] == "sent_in_pieces" and sent["bytes_sent"] == large.stat().st_size, sent
            again = json.loads(harness.breakeven("deploy", large, "--server", server.address, "--name", "net",
                                                 "--json").stdout)
            assert again["how"] == "already_there" and again["bytes_sent"] == 0, again
            check_answer(triton.InferenceServerClient(server.address), "net", large)
        with open(folder + "/inside.onnx", "wb") as file:
            file.write(model)
        check_limits(folder, model)
        with harness.Server(folder) as server:
            client = triton.InferenceServerClient(server.address)
            refused("UNAVAILABLE", "--allow-load",
                    lambda: client.load_model("sent", config=CONFIG, files={FILE: model}))
            done = harness.breakeven("deploy", path, "--server", server.address, check=False)
            assert done.returncode == 5 and "--allow-load" in done.stderr, done


if __name__ == "__main__":
    main()
