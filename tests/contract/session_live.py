"""`breakeven session run` and the C++ example against a real server, and without one: every inference is answered."""

import json
import pathlib
import subprocess
import tempfile

import harness


def run(model, *options):
    with tempfile.TemporaryDirectory() as folder:
        series = pathlib.Path(folder) / "series.jsonl"
        done = harness.breakeven("session", "run", model, "--period", "20ms", "--duration", "1s", "--deadline", "500ms",
                                 "--series", series, "--json", *options)
        lines = [json.loads(line) for line in series.read_text().splitlines()]
    answer = json.loads(done.stdout)
    assert answer["requests"] == len(lines) == 50
    assert abs(sum(answer["chosen"].values()) - 1.0) < 1e-9
    counters = answer["counters"]
    assert counters["answered_here"] + counters["answered_there"] == 50
    mean = sum(line["latency_s"] for line in lines) / 50
    assert abs(mean - answer["mean_latency_s"]) < 1e-9
    return answer, lines


def example(model, *arguments):
    program = harness.PROGRAM.parent / "example_infer"
    done = subprocess.run([program, model, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 10, done.stdout
    return {line.split()[0] for line in lines}


def main():
    with tempfile.TemporaryDirectory() as folder:
        model = str(pathlib.Path(folder) / "net.onnx")
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", model)
        repository = pathlib.Path(folder) / "empty"
        repository.mkdir()

        alone, lines = run(model)
        assert alone["chosen"] == {"local": 1.0}
        assert {line["ran_on"] for line in lines} == {"device"}
        assert example(model) == {"device"}

        with harness.Server(repository, "--allow-load") as server:
            plans = pathlib.Path(folder) / "plans.json"
            offloaded, lines = run(model, "--server", server.address, "--policy", "always-offload",
                                   "--write-plans", plans)
            assert offloaded["counters"]["answered_there"] > 40, offloaded
            assert all(line["server_s"] > 0 for line in lines if line["ran_on"] == "server")
            assert {plan["name"] for plan in json.loads(plans.read_text())["plans"]} == set(offloaded["chosen"])
            adaptive, _ = run(model, "--server", server.address, "--plans", plans)
            assert set(adaptive["chosen"]) == set(offloaded["chosen"])
            private, _ = run(model, "--server", server.address, "--raw-input-stays")
            assert "offload" not in private["chosen"]
            # The same plans in virtual time.
            harness.breakeven("session", "replay", "--plans", plans, "--trace",
                              harness.ROOT / "tests" / "golden" / "drive.csv")
            assert example(model, server.address, "500") <= {"device", "server", "both"}
            address = server.address
        gone, _ = run(model, "--server", address, "--plans", plans)
        assert gone["counters"]["answered_here"] == 50


if __name__ == "__main__":
    main()
