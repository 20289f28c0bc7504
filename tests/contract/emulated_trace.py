"""A recorded link is played (`link run --trace`), recorded again through it (`link record`), replayed and played once more:
all programs together, as a user runs them. The bounds are wide (a factor of 1.6): they tell a wrong figure from a right
one on any machine, not a good one."""

import csv
import json
import pathlib
import statistics
import tempfile

import harness


def rows_between(path, start, end):
    with open(path, encoding="utf-8") as text:
        rows = [{name: float(cell) if cell else None for name, cell in row.items()} for row in csv.DictReader(text)]
    return [row for row in rows if start <= row["time_s"] < end]


def main():
    checks = json.loads(harness.breakeven("doctor", "--json").stdout)["checks"]
    emulation = next(check for check in checks if check["name"] == "link emulation")
    if not emulation["available"]:
        harness.skip(f"needs emulated links: {emulation['detail']}")
    with tempfile.TemporaryDirectory() as folder:
        played, recorded = pathlib.Path(folder) / "played.csv", pathlib.Path(folder) / "recorded.csv"
        played.write_text("time_s,uplink_Bps,downlink_Bps,rtt_s\n0,2000000,4000000,0.04\n5,500000,4000000,0.04\n"
                          "9.9,500000,4000000,0.04\n")
        (pathlib.Path(folder) / "models").mkdir()
        done = harness.breakeven(
            "link", "run", "--trace", str(played), "--tcp", "cubic", "--server-port", "8001", "--server-cmd",
            f"{harness.PROGRAM} serve {folder}/models --allow-load --listen 0.0.0.0:8001", "--", harness.PROGRAM, "link",
            "record", "10.83.0.2:8001", "--time", "9s", "--every", "0.5s", "--load", "40%", "-o", str(recorded), "--json")
        answer = json.loads(done.stdout)
        assert answer["rows"] >= 15 and answer["probe_bytes"] > 0, answer
        for start, end, expected in ((1.5, 4.5, 2e6), (6.5, 9.0, 0.5e6)):
            rows = rows_between(recorded, start, end)
            for name, rate in (("uplink_Bps", expected), ("downlink_Bps", 4e6)):
                found = statistics.median(row[name] for row in rows)
                assert rate / 1.6 < found < rate * 1.6, (name, start, found, rows)
            trip = statistics.median(row["rtt_s"] for row in rows)
            assert 0.04 <= trip < 0.08, (start, trip)
        replayed = json.loads(harness.breakeven("session", "replay", "--trace", str(recorded), "--html",
                                                f"{folder}/replay.html", "--json").stdout)
        assert replayed["traces"][0]["filled"] == [] and replayed["traces"][0]["requests"] >= 7
        assert "<svg class=\"course\"" in pathlib.Path(f"{folder}/replay.html").read_text()
        again = json.loads(harness.breakeven("link", "run", "--trace", str(recorded), "--at-end", "down", "--loss", "1%",
                                             "--outage", "1s@5s", "--json", "--", "true").stdout)
        assert again["status"] == 0 and again["trace"]["at_end"] == "down", again


if __name__ == "__main__":
    main()
