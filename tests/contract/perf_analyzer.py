"""perf_analyzer, the load tool of Triton's users, drives our server at concurrency 4 for 10 s without an error."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import harness

try:
    import tritonclient
except ImportError as missing:
    harness.skip(f"needs the Python peers ({missing})")


def tool():
    """perf_analyzer's path and the environment it needs: the CUDA runtime it is linked to comes as a wheel."""
    for folder in sys.path:
        runtime = os.path.join(folder, "nvidia", "cuda_runtime", "lib")
        if os.path.isdir(runtime):
            break
    else:
        harness.skip("needs the wheel nvidia-cuda-runtime-cu12")
    program = os.path.join(sys.prefix, "bin", "perf_analyzer")
    if not os.path.exists(program):
        harness.skip("needs perf_analyzer of the wheel tritonclient 2.50.0")
    environment = dict(os.environ, LD_LIBRARY_PATH=runtime)
    if "not found" in subprocess.run(["ldd", program], env=environment, capture_output=True, text=True).stdout:
        harness.skip("perf_analyzer lacks a library here (package libb64-0d)")
    return program, environment


def main():
    program, environment = tool()
    model = harness.shared_data() / "models" / "onnx" / "cifar10_little_resnet8_fp32.onnx"
    with tempfile.TemporaryDirectory() as repository:
        shutil.copy(model, os.path.join(repository, "little.onnx"))
        with harness.Server(repository) as server:
            done = subprocess.run(
                [program, "-m", "little", "-u", server.address, "-i", "grpc", "--concurrency-range", "4",
                 # Three windows in a row must agree before it reports: 10 s in all.
                 "--measurement-interval", "3400", "--stability-percentage", "999", "-b", "2"],
                env=environment, cwd=repository, capture_output=True, text=True, timeout=120)
    text = done.stdout + done.stderr
    rate = re.search(r"throughput: ([\d.]+) infer/sec", text)
    assert done.returncode == 0 and rate and float(rate[1]) > 0, text
    assert "Server:" in text and "Inference count" in text, "the server's statistics are missing\n" + text
    assert "rror" not in text, text


if __name__ == "__main__":
    main()
