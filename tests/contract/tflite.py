"""A TFLite file through the commands: served to tritonclient (nobody here wrote it) beside an ONNX file, compared with
OpenVINO's own Python where it is there, advised with an embedded server; what cannot be done with it says so."""

import json
import shutil
import tempfile

import harness

try:
    import numpy as np
    import tritonclient.grpc as triton
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

import pathlib

NAME = "ic01_resnet8_int8"


def answer_of(client, name, picture):
    request = triton.InferInput(client.get_model_metadata(name).inputs[0].name, list(picture.shape), "INT8")
    request.set_data_from_numpy(picture)
    return client.infer(name, [request]).as_numpy(client.get_model_metadata(name).outputs[0].name)


def check_served(repository, picture, *options):
    with harness.Server(repository, *options) as server:
        client = triton.InferenceServerClient(server.address)
        assert {m.name for m in client.get_model_repository_index().models} == {NAME, "folder", "kws"}
        assert all(m.state == "READY" for m in client.get_model_repository_index().models)
        metadata = client.get_model_metadata(NAME)
        assert metadata.platform == "tensorflow_tflite" and metadata.inputs[0].datatype == "INT8", metadata
        config = client.get_model_config(NAME).config
        assert config.backend == "openvino" and config.default_model_filename == NAME + ".tflite", config
        scores = answer_of(client, NAME, picture)
        assert scores.shape == (1, 10) and scores.dtype == np.int8 and len(set(scores.ravel())) > 1, scores
        assert np.array_equal(answer_of(client, "folder", picture), scores)
        return scores, client.get_model_config("kws").config.backend, server.address


def check_sent(path, picture, scores, folder):
    """Over the wire: with our `deploy`, and by tritonclient as Triton takes files; damaged ones are refused in a line."""
    content = path.read_bytes()
    with harness.Server(folder, "--allow-load") as server:
        how = [json.loads(harness.breakeven("deploy", path, "--server", server.address, "--json").stdout)["how"]
               for _ in range(2)]
        assert how == ["sent_whole", "already_there"], how
        client = triton.InferenceServerClient(server.address)
        assert np.array_equal(answer_of(client, NAME, picture), scores)
        client.load_model("sent", config="{}", files={"file:1/model.tflite": content})
        assert client.get_model_config("sent").config.default_model_filename == "model.tflite"
        assert np.array_equal(answer_of(client, "sent", picture), scores)
        for damaged in (content[:30000], content[:8] + b"\xff" * 2000, content[:20000] + bytes(len(content) - 20000)):
            try:
                client.load_model("sent", config="{}", files={"file:1/model.tflite": damaged})
                raise AssertionError("a damaged file was taken")
            except triton.InferenceServerException as error:
                assert "TFLite" in error.message() and "\n" not in error.message(), error
        assert np.array_equal(answer_of(client, "sent", picture), scores)
    assert any("'sent' runs on openvino:cpu:" in line and "no reference reads TFLite" in line for line in server.told)


def check_session(path, folder):
    """Here, and on a server, which it is sent to."""
    def run(*more):
        done = harness.breakeven("session", "run", path, "--period", "10ms", "--duration", "200ms", "--json", *more)
        return json.loads(done.stdout)["counters"]

    for platform in ("cpu:1", "openvino:cpu:1", "auto:1"):
        assert run("--platform", platform)["answered_here"] == 20
    with harness.Server(folder, "--allow-load") as server:
        counters = run("--server", server.address, "--policy", "always-offload")
    assert counters["answered_there"] > 0 and counters["garbage"] == counters["refused"] == 0, counters


def check_infer(path, picture, scores, folder):
    np.save(folder / "picture.npy", picture)
    told = json.loads(harness.breakeven("infer", path, "--input", folder / "picture.npy", "--json").stdout)
    assert told["where"] == "openvino:cpu:1" and told["outputs"][0]["data"] == scores.ravel().tolist(), told


def check_refusals(path, folder):
    def refused(*command):
        done = harness.breakeven(*command, check=False)
        assert done.returncode in (2, 4) and len(done.stderr.strip().splitlines()) == 1, (command, done)
        assert "TFLite" in done.stderr, done.stderr

    refused("split", path, "--link", "wifi")
    refused("split", path, "--at", "x", "-o", folder / "parts")
    refused("compress", path, "-o", folder / "out.onnx", "--recipe", "P")
    refused("infer", path, "--input", folder / "picture.npy", "--at", "x", "--server", "127.0.0.1:1")
    refused("measure", path, "--at", "x", "--server", "127.0.0.1:1")
    refused("measure", path, "--platform", "cpu:1")
    refused("infer", path, "--input", folder / "picture.npy", "--platform", "cpu:1")


def check_advise(path):
    told = json.loads(harness.breakeven("advise", path, "--link", "wifi", "--runs", "20", "--json", timeout=200).stdout)
    kinds = {plan["kind"] for plan in told["plans"]}
    assert kinds == {"local", "offload"}, kinds
    assert all(stage["platform"].startswith("openvino:")
               for plan in told["plans"] if plan["kind"] == "local" for stage in plan["stages"]), told["plans"]


def main():
    models = harness.shared_data() / "models"
    path = models / "tflite" / f"{NAME}.tflite"
    picture = np.random.default_rng(7).integers(-128, 128, (1, 32, 32, 3), dtype=np.int8)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        repository = folder / "repository"
        (repository / "folder" / "1").mkdir(parents=True)
        shutil.copy(path, repository)
        shutil.copy(path, repository / "folder" / "1" / "model.tflite")
        shutil.copy(models / "onnx" / "kws_dscnn_fp32.onnx", repository / "kws.onnx")
        scores, backend, _ = check_served(repository, picture, "--platform", "cpu:1")
        assert backend == "onnxruntime", backend
        again, backend, _ = check_served(repository, picture, "--platform", "openvino:cpu:1")
        assert backend == "openvino" and np.array_equal(again, scores)
        (folder / "empty").mkdir()
        check_sent(path, picture, scores, folder / "empty")
        check_session(path, folder / "empty")
        check_infer(path, picture, scores, folder)
        check_refusals(path, folder)
        check_advise(path)


if __name__ == "__main__":
    main()
