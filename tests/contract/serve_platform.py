"""`serve --platform`: with `auto` what `tune` kept, said at start-up; a client gets the reference's answers; a platform
that is not here ends it with the reason, and so does a folder of which nothing can be served."""

import json
import shutil
import subprocess
import tempfile

import harness

try:
    import fastjsonschema
    import numpy as np
    import onnxruntime
    import tritonclient.grpc as triton
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

import pathlib

FLOAT = "kws_dscnn_fp32"
LITE = "ic01_resnet8_int8"


def answer(address, name):
    client = triton.InferenceServerClient(address)
    metadata = client.get_model_metadata(name)
    spec = metadata.inputs[0]
    shape = [max(size, 1) for size in spec.shape]
    numbers = np.random.default_rng(3).integers(-100, 100, shape)
    tensor = numbers.astype(np.float32 if spec.datatype == "FP32" else np.int8)
    request = triton.InferInput(spec.name, shape, spec.datatype)
    request.set_data_from_numpy(tensor)
    return tensor, client.infer(name, [request]).as_numpy(metadata.outputs[0].name)


def check_answers(address, repository, home):
    tensor, ours = answer(address, FLOAT)
    session = onnxruntime.InferenceSession(str(repository / f"{FLOAT}.onnx"), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: tensor})[0]
    assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4), (ours, theirs)
    tensor, ours = answer(address, LITE)
    np.save(home / "input.npy", tensor)
    told = json.loads(harness.breakeven("infer", repository / f"{LITE}.tflite", "--input", home / "input.npy",
                                        "--json").stdout)
    assert ours.ravel().tolist() == told["outputs"][0]["data"], (ours, told)


def lines_of(server):
    return {name: next(line for line in server.told if f"'{name}' runs on" in line) for name in (FLOAT, LITE)}


def check_auto(repository, home):
    with harness.Server(repository, "--platform", "auto", home=home) as server:
        check_answers(server.address, repository, home)
    assert all("nothing is kept" in line for line in lines_of(server).values()), server.told
    network = repository / f"{LITE}.tflite"
    chosen = json.loads(harness.breakeven("tune", network, "--limit", "2s", "--json", home=home).stdout)["platform"]
    harness.breakeven("tune", repository / f"{FLOAT}.onnx", "--limit", "2s", "--platform", "openvino:cpu:1", home=home)
    with harness.Server(repository, "--platform", "auto", home=home) as server:
        check_answers(server.address, repository, home)
    lines = lines_of(server)
    assert f"on {chosen}, as tuned; not compared: no reference reads TFLite" in lines[LITE], lines
    assert "nothing is kept" in lines[FLOAT], "a choice among one platform says nothing about all"


def check_compared(repository, home):
    command = [str(harness.PROGRAM), "serve", str(repository), "--listen", "127.0.0.1:0", "--platform",
               "openvino:cpu:1"]
    with harness.Server(repository, "--platform", "openvino:cpu:1", home=home) as server:
        check_answers(server.address, repository, home)
    assert "% off the reference" in lines_of(server)[FLOAT], server.told
    with subprocess.Popen([*command, "--json"], env=harness.at_home(home), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        document = ""
        while not document.endswith("\n}\n") and (line := process.stdout.readline()):
            document += line
        process.terminate()
    schema = json.loads((harness.ROOT / "docs" / "schema" / "serve.json").read_text())
    told = fastjsonschema.compile(schema)(json.loads(document))
    networks = {each["name"]: each for each in told["networks"]}
    agreement = networks[FLOAT]["agreement"]
    assert 0 <= agreement["difference"] <= agreement["tolerance"] and networks[FLOAT]["not_compared"] is None, networks
    assert networks[LITE]["agreement"] is None and "TFLite" in networks[LITE]["not_compared"], networks


def check_refusals(repository, home):
    def refused(code, text, *options, folder=repository):
        done = harness.breakeven("serve", folder, "--listen", "127.0.0.1:0", *options, check=False)
        assert done.returncode == code and text in done.stderr, (options, done)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr

    refused(4, "vsinpu", "--platform", "vsinpu:0")
    refused(4, "no engine here is called 'abacus'", "--platform", "abacus:cpu:1")
    refused(2, "auto:N", "--platform", "auto:x")
    refused(3, "NONSENSE", "--platform", "openvino:cpu:1,NONSENSE=1")
    broken = home / "broken"
    broken.mkdir()
    (broken / "net.onnx").write_bytes((repository / f"{FLOAT}.onnx").read_bytes()[:5000])
    refused(3, "none of its models can be served: 'net' version 1", folder=broken)


def main():
    models = harness.shared_data() / "models"
    with tempfile.TemporaryDirectory() as place:
        home = pathlib.Path(place)
        repository = home / "repository"
        repository.mkdir()
        shutil.copy(models / "onnx" / f"{FLOAT}.onnx", repository)
        shutil.copy(models / "tflite" / f"{LITE}.tflite", repository)
        check_auto(repository, home)
        check_compared(repository, home)
        check_refusals(repository, home)


if __name__ == "__main__":
    main()
