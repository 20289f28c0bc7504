"""`study thesis` without --variants builds what it needs itself, `--quick` only the smallest of each network; stopped in the
middle it keeps what it built, and a meter that cannot work is refused before anything is built."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import harness

QUICK = {"inception-v3-75", "resnet50-32", "mobilenet-v1-32", "vgg16-32"}


def built(folder):
    manifest = folder / "variants" / "manifest.json"
    return json.loads(manifest.read_text())["variants"] if manifest.exists() else []


def stopped_build(folder, wanted):
    """Starts a quick study, and interrupts it once more variants than `wanted` are there."""
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, XDG_DATA_HOME=home, XDG_CACHE_HOME=home)
        study = subprocess.Popen([str(harness.PROGRAM), "study", "thesis", "-o", str(folder), "--quick"], env=environment,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        ends = time.monotonic() + 100
        while len(built(folder)) <= wanted and study.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        study.send_signal(signal.SIGINT)
        _, errors = study.communicate(timeout=60)
    return study.returncode, errors


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "study"
        code, errors = stopped_build(folder, 0)
        assert code == 130 and "goes on where it ended" in errors, (code, errors)
        first = {variant["name"]: variant["sha256"] for variant in built(folder)}
        assert first and not (folder / "cells.jsonl").exists(), first
        code, errors = stopped_build(folder, len(first))
        second = {variant["name"]: variant["sha256"] for variant in built(folder)}
        assert code == 130 and len(second) > len(first) and second.items() >= first.items(), (code, errors, second)
        assert {variant["network"] for variant in built(folder)} <= QUICK, second

        table = pathlib.Path(scratch) / "power.csv"
        table.write_text("time,temperature\n0,21\n")
        refused = harness.breakeven("study", "thesis", "-o", pathlib.Path(scratch) / "other", "--meter",
                                    f"csv:{table},sync=pulse", check=False, timeout=10)
        assert refused.returncode == 3, (refused.returncode, refused.stderr)
        assert "neither 'power'" in refused.stderr and refused.stderr.count("\n") == 1, refused.stderr
        assert not (pathlib.Path(scratch) / "other").exists()


if __name__ == "__main__":
    main()
