"""A drive, live: a session decides for every inference while a recorded (or made-up) link plays packet by packet and the
device is slowed down for real. Shows rate, choice and latency as they happen, then replays the same link in virtual
time with the same plans and compares.

    demo_session.py PROGRAM [--trace FILE] [--seconds N] [--slowdown N] [--seed N] [--json FILE]
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

PORT = 8001
WIDTH = 80
COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def synthetic_drive(path, seconds, seed):
    """Rates that wander about the level of a stretch of road, in logarithms; a tunnel carries nearly nothing. No
    recording of a real drive: made up from `seed`."""
    chance = random.Random(seed)
    stretches = {"town": (4e6, 0.03), "country": (1.2e6, 0.06), "edge of the cell": (0.25e6, 0.11), "tunnel": (0.02e6, 0.2)}
    left, level, wander = 0.0, "town", 0.0
    with open(path, "w", encoding="utf-8") as out:
        out.write("time_s,uplink_Bps,downlink_Bps,rtt_s\n")
        for second in range(seconds):
            if left <= 0.0:
                level = chance.choices(list(stretches), weights=[4, 4, 2, 1])[0] if second else "town"
                left = 3.0 if level == "tunnel" else chance.uniform(6.0, 14.0)
            left -= 1.0
            wander = 0.7 * wander + 0.25 * chance.gauss(0.0, 1.0)
            rate, trip = stretches[level]
            out.write(f"{second},{rate * math.exp(wander):.0f},{3 * rate * math.exp(wander):.0f},{trip:.3f}\n")


class Trace:
    """The uplink over time, repeated; only for showing it and for turning it to where the session began."""

    def __init__(self, path):
        rows = [line.split(",") for line in pathlib.Path(path).read_text().split()]
        self.header, self.rows = rows[0], [[float(cell) if cell else None for cell in row] for row in rows[1:]]
        steps = sorted(b[0] - a[0] for a, b in zip(self.rows, self.rows[1:]))
        self.duration = self.rows[-1][0] + steps[len(steps) // 2] - self.rows[0][0]

    def column(self, name, moment):
        if name not in self.header:
            return None
        place, moment = self.header.index(name), moment % self.duration
        value = None
        for row in self.rows:
            if row[0] - self.rows[0][0] > moment and value is not None:
                break
            value = row[place] if row[place] is not None else value
        return value

    def turned(self, path, offset, seconds):
        """The same link as it was from `offset` on, for so long."""
        marks = {0.0}
        for row in self.rows:
            at = row[0] - self.rows[0][0]
            for turn in range(int((offset + seconds) / self.duration) + 1):
                moment = at + turn * self.duration - offset
                if 0.0 < moment < seconds:
                    marks.add(round(moment, 3))
        names = ["uplink_Bps", "downlink_Bps", "rtt_s"]
        with open(path, "w", encoding="utf-8") as out:
            out.write("time_s," + ",".join(names) + "\n")
            for mark in sorted(marks):
                values = [self.column(name, offset + mark + 1e-4) for name in names]
                out.write(f"{mark}," + ",".join("" if value is None else f"{value:.9g}" for value in values) + "\n")


def bar(value, low, high, width):
    """Logarithmic, in eighths of a character."""
    share = math.log(max(low, min(high, value)) / low) / math.log(high / low)
    eighths = round(share * width * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8]).ljust(width + 1)[:width]


def coloured(text, plan):
    if not COLOURS:
        return text
    colour = {"local": 34, "offload": 35}.get(plan.split()[0].split("-")[0], 33)
    return f"\033[{colour}m{text}\033[0m"


def show(line, rate):
    rate_text = f"{rate / 1e6:6.2f} MB/s" if rate else "   -       "
    plan = line["plan"]
    mark = "twice" if line["hedged"] else ("late" if line["in_time"] is False else "")
    print(f"{line['time_s']:5.0f} s {rate_text} {bar(rate or 1, 1e4, 1e7, 12)} "
          + coloured(f"{plan[:14]:14}", plan)
          + f" {line['latency_s'] * 1e3:6.0f} ms {bar(line['latency_s'], 0.03, 3.0, 16)} {mark}"[:WIDTH], flush=True)


class Live:
    """Follows the session's lines while it runs."""

    def __init__(self, series, started, trace):
        self.series, self.started, self.trace = series, started, trace
        self.lines, self.begin, self.over = [], None, False

    def follow(self):
        position = 0
        while True:
            over = self.over
            text = self.series.read_text() if self.series.exists() else ""
            end = text.rfind("\n") + 1
            for line in text[position:end].split("\n")[:-1]:
                self.add(json.loads(line))
            position = end
            if over:
                return
            time.sleep(0.05)

    def add(self, line):
        start = float(self.started.read_text())
        begin = time.time() - line["latency_s"] - line["time_s"] - start
        self.begin = begin if self.begin is None else min(self.begin, begin)
        self.lines.append(line)
        show(line, self.trace.column("uplink_Bps", self.begin + line["time_s"]))


def breakeven(program, *words):
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"breakeven {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def replayable(plans):
    """What `session replay` reads: without where the network is cut."""
    return {"plans": [{key: value for key, value in plan.items() if key != "cut"} for plan in plans["plans"]]}


def drive(options, folder):
    program = str(pathlib.Path(options.program).resolve())
    trace_path = pathlib.Path(options.trace or folder / "synthetic-drive.csv")
    if not options.trace:
        synthetic_drive(trace_path, options.seconds, options.seed)
    trace = Trace(trace_path)
    (folder / "models").mkdir()
    model = folder / "models" / "net.onnx"  # the server has it already: nothing large is sent first
    breakeven(program, "zoo", "build", options.network, "-o", str(model))
    # Splits would send the server tails of tens of megabytes over the link, in the middle of the drive.
    kind = trace_path.name if options.trace else f"a synthetic drive (made up, seed {options.seed}; no recording)"
    print(f"{kind}, {options.seconds} s; the device has 1/{options.slowdown:g} of a core\n")
    print("  time   uplink (what the link can carry)  plan            took")
    series, started, plans = folder / "series.jsonl", folder / "started", folder / "plans.json"
    fill = [] if not options.trace else ["--uplink-share", "0.3", "--rtt", "50ms"]
    session = (f"date +%s.%N > {started}; exec {program} session run {model} --server 10.83.0.2:{PORT} --period "
               f"{options.period}s --duration {options.seconds}s --platform cpu:1 --splits 0 --write-plans {plans} "
               f"--series {series} --json")
    command = [program, "link", "run", "--trace", str(trace_path), *fill, "--slowdown", str(options.slowdown), "--server-cmd",
               f"exec {program} serve {folder}/models --allow-load --listen 0.0.0.0:{PORT} --plain 2>{folder}/server.log",
               "--server-port", str(PORT), "--", "/bin/sh", "-c", session]
    live = Live(series, started, trace)
    follower = threading.Thread(target=live.follow)
    follower.start()
    with open(folder / "session.json", "w", encoding="utf-8") as answer, open(folder / "log", "w", encoding="utf-8") as log:
        status = subprocess.run(command, stdout=answer, stderr=log).returncode
    live.over = True
    follower.join()
    if status != 0 or not live.lines:
        sys.exit(f"the session ended with status {status}:\n{(folder / 'log').read_text()[-2000:]}")
    return compare(options, folder, program, trace, live, fill)


def compare(options, folder, program, trace, live, fill):
    """The same stretch of the link, in virtual time, with the figures the session measured of its plans."""
    answer = json.loads((folder / "session.json").read_text())
    replay_plans = folder / "replay-plans.json"
    replay_plans.write_text(json.dumps(replayable(json.loads((folder / "plans.json").read_text()))))
    stretch = folder / "stretch.csv"
    trace.turned(stretch, live.begin, options.seconds)
    means = []
    for seed in range(1, 6):
        replay = json.loads(breakeven(program, "session", "replay", "--trace", str(stretch), *fill, "--plans",
                                      str(replay_plans), "--period", f"{options.period}s", "--seed", str(seed), "--policy",
                                      "adaptive", "--policy", "oracle", "--policy", "always-local", "--policy",
                                      "always-offload", "--json"))
        means.append({policy["name"]: policy["mean_latency_s"] for policy in replay["traces"][0]["policies"]})
    replayed = {name: sum(mean[name] for mean in means) / len(means) for name in means[0]}
    mean = sum(line["latency_s"] for line in live.lines) / len(live.lines)
    print(f"\n{len(live.lines)} inferences, mean {mean * 1e3:.0f} ms live; replayed {replayed['adaptive'] * 1e3:.0f} ms: "
          f"{(mean / replayed['adaptive'] - 1) * 100:+.1f} %")
    print("in the replay: " + ", ".join(f"{name} {replayed[name] * 1e3:.0f} ms"
                                        for name in ("oracle", "always-local", "always-offload")))
    return {"trace": "recorded" if options.trace else "synthetic", "seconds": options.seconds, "slowdown": options.slowdown,
            "requests": len(live.lines), "begin_s": live.begin, "live_mean_latency_s": mean,
            "replayed_mean_latency_s": replayed, "live_over_replayed": mean / replayed["adaptive"],
            "hedged": sum(line["hedged"] for line in live.lines) / len(live.lines), "session": answer}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program")
    parser.add_argument("--trace", help="a recorded link, CSV [a synthetic drive]")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--period", type=float, default=1.0)
    parser.add_argument("--slowdown", type=float, default=6.0)
    parser.add_argument("--network", default="resnet50-128")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="file to write the figures to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = drive(options, pathlib.Path(folder))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
