"""A network cut in two runs as one: the head here, the tail on a server that it was sent to, or not at all."""

import json
import pathlib
import tempfile

import harness

try:
    import numpy
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")

TOLERANCE = 1e-4   # of the largest output: the engine fuses parts otherwise than the whole


def outputs(document):
    return {output["name"]: numpy.array(output["data"]) for output in document["outputs"]}


def infer(model, sample, *more):
    done = harness.breakeven("infer", model, "--input", sample, "--json", *more)
    return json.loads(done.stdout)


def main():
    model = harness.shared_data() / "models" / "onnx" / "cifar10_little_resnet8_fp32.onnx"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sample = folder / "x.npy"
        numpy.save(sample, numpy.random.default_rng(5).uniform(0, 255, (1, 32, 32, 3)).astype(numpy.float32))
        whole = outputs(infer(model, sample))
        cuts = json.loads(harness.breakeven("inspect", model, "--json").stdout)["cuts"]
        cut = min((cut for cut in cuts if cut["bytes"]), key=lambda cut: cut["bytes"])["tensors"]

        repository = folder / "repository"
        repository.mkdir()
        with harness.Server(repository, "--allow-load") as server:
            place = ("--server", server.address, "--at", *cut)
            answer = infer(model, sample, *place)
            for name, wanted in whole.items():
                error = abs(outputs(answer)[name] - wanted).max() / abs(wanted).max()
                assert error <= TOLERANCE, f"{name} of the split differs by {error} of the largest"
            times = answer["latency_s"]
            parts = times["head"] + times["network"] + times["queue"] + times["compute"]
            assert abs(parts - times["total"]) < 1e-6, times
            assert server.address in answer["where"] and "cpu" in answer["where"], answer["where"]

            measured = json.loads(harness.breakeven("measure", model, *place, "--runs", "20", "--json").stdout)
            result = measured["results"][0]
            assert result["head_s"]["p50_s"] > 0 and result["server"]["compute_s"]["p50_s"] > 0, result
            assert result["head_s"]["p50_s"] < result["latency"]["p50_s"], result

        # A server that takes no networks says so, and the way around it is named.
        (repository / "other.onnx").write_bytes(model.read_bytes())
        with harness.Server(repository) as server:
            refused = harness.breakeven("infer", model, "--input", sample, "--server", server.address, "--at", *cut,
                                        check=False)
            assert refused.returncode in (4, 5), refused
            assert len(refused.stderr.strip().splitlines()) == 1 and "--allow-load" in refused.stderr, refused.stderr

        # Either memory too small for the whole: only a split is left. Both too small for any: a clear no.
        weights = json.loads(harness.breakeven("inspect", model, "--json").stdout)["model"]["weight_bytes"]
        limit = f"{int(weights * 0.9)}B"
        split = json.loads(harness.breakeven("split", model, "--link", "ethernet", "--runs", "10", "--device-memory", limit,
                                             "--server-memory", limit, "--json").stdout)
        assert split["unsplit"] == [] and split["pays"] is True, split
        assert all(candidate["tail_bytes"] < weights * 0.9 for candidate in split["candidates"])
        nothing = harness.breakeven("split", model, "--link", "ethernet", "--runs", "10", "--device-memory", "100B",
                                    "--server-memory", "100B", check=False)
        assert nothing.returncode == 3 and "fit" in nothing.stderr, nothing

        # Three tiers: never worse than two; a cloud that is far faster and near gets work, private input or not.
        near = folder / "near.json"
        near.write_text('{"one_way_latency": "0.001ms", "up": "1GB/s", "down": "1GB/s"}')
        asked = ("split", model, "--link", near, "--cloud-link", near, "--slowdown", "50", "--runs", "20", "--json")
        tiers = json.loads(harness.breakeven(*asked, "--cloud-slowdown", "0.001").stdout)
        assert tiers["latency_s"]["value"] <= tiers["two_tiers_s"]["value"] <= tiers["device_alone_s"]["value"], tiers
        assert tiers["tiers"]["cloud"]["layers"] > 0, tiers
        private = json.loads(harness.breakeven(*asked, "--cloud-slowdown", "0.001", "--private", "input").stdout)
        assert private["tiers"]["device"]["layers"] > 0 and "input" not in private["to_edge"], private
    print("ok")


if __name__ == "__main__":
    main()
