"""`link probe` through an emulated link finds the profile: both programs and the emulator together, as a user runs them.
The bounds are wide (a factor of 1.5): they tell a wrong figure from a right one on any machine, not a good one."""

import json
import tempfile

import harness


def main():
    checks = json.loads(harness.breakeven("doctor", "--json").stdout)["checks"]
    emulation = next(check for check in checks if check["name"] == "link emulation")
    if not emulation["available"]:
        harness.skip(f"needs emulated links: {emulation['detail']}")
    with tempfile.TemporaryDirectory() as repository:
        harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", f"{repository}/m32.onnx")
        done = harness.breakeven("link", "run", "ethernet", "--tcp", "cubic", "--server-port", "8001", "--server-cmd",
                                 f"{harness.PROGRAM} serve {repository} --listen 0.0.0.0:8001", "--",
                                 harness.PROGRAM, "link", "probe", "10.83.0.2:8001", "--json")
    probe = json.loads(done.stdout)
    for key, expected in {"rtt_s": 0.020, "up_bytes_per_s": 3.04e6, "down_bytes_per_s": 7.13e6}.items():
        assert expected / 1.5 < probe[key] < expected * 1.5, (key, probe)


if __name__ == "__main__":
    main()
