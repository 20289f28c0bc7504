"""The studies' reports in a real browser: every figure is drawn and holds the numbers of its CSV file, nothing is fetched,
no error reaches the console, and neither a phone's width nor the dark theme breaks it. And a study that is killed goes on
where it ended, without losing or repeating a finished cell.

    study_page.py [FOLDER]    screenshots go to FOLDER
"""
import csv
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness
import report_page

VIEWS = [("wide", 1200, "light", "screen"), ("phone", 400, "light", "screen"), ("dark", 1200, "dark", "screen"),
         ("print", 760, "dark", "print")]
# Every figure, every choice of it: what is drawn, from the chart itself.
READ = """(async () => {
    const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await frames();
    const seen = [];
    for (const section of document.querySelectorAll('.figure')) {
        const chart = section.querySelector('.chart');
        const count = section.querySelector('select') ? section.querySelector('select').options.length : 1;
        for (let i = 0; i < count; ++i) {
            const select = section.querySelector('select');
            if (select) { select.value = i; select.dispatchEvent(new Event('change')); }
            const instance = chart.dataset.drawn === 'yes' ? echarts.getInstanceByDom(chart) : null;
            seen.push({
                id: chart.dataset.chart, drawn: chart.dataset.drawn, text: instance ? '' : chart.textContent,
                label: chart.getAttribute('aria-label') || '', marks: chart.querySelectorAll('svg path').length,
                words: chart.querySelectorAll('svg text').length,
                series: instance ? instance.getOption().series.filter((s) => s.type !== 'custom')
                    .map((s) => s.data.map((d) => d.value)) : [],
            });
        }
        const select = section.querySelector('select');
        if (select) { select.value = 0; select.dispatchEvent(new Event('change')); }
    }
    await frames();
    return { seen, rows: document.querySelectorAll('tbody tr').length, heading: document.querySelector('h1').textContent };
})()"""
LAYOUT = """(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return { width: innerWidth, content: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight,
             background: getComputedStyle(document.body).backgroundColor,
             wide: [...document.querySelectorAll('.chart')].filter((c) => c.getBoundingClientRect().right > innerWidth + 1)
                 .map((c) => c.id) };
})()"""


STUDY = ["study", "thesis", "--duration", "300ms", "--no-emulation", "--platform", "cpu:1", "--active-power", "5W",
         "--idle-power", "3W", "--low-idle-power", "0.9W"]


def figure_problems(seen, folder):
    """The figure beside its CSV file."""
    name = seen["id"]
    if seen["drawn"] == "reason":
        if not seen["text"].startswith("Not drawn. ") or len(seen["text"]) < 20:
            yield f"{name}: not drawn, without a reason"
        return
    if seen["drawn"] != "yes" or seen["marks"] < 3 or seen["words"] < 3:
        yield f"{name}: not drawn ({seen['marks']} marks)"
    if not seen["label"]:
        yield f"{name}: says nothing to a screen reader"
    with open(folder / "figures" / f"{name}.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    series, categories = {}, []
    for row in rows:
        series.setdefault(row["series"], []).append(row)
    drawn = [point for points in seen["series"] for point in points]
    if len(drawn) != len(rows) or len(seen["series"]) != len(series):
        yield f"{name}: {len(drawn)} marks in {len(seen['series'])} series drawn, {len(rows)} in {len(series)} in the CSV"
        return
    for points, written in zip(seen["series"], series.values()):
        for point, row in zip(points, written):
            if abs(point[0] - float(row["x"])) > 1e-9 * max(abs(point[0]), 1e-12):
                yield f"{name}: draws {point[0]}, the CSV has {row['x']}"
                return
            try:
                if abs(point[1] - float(row["y"])) > 1e-9 * max(abs(point[1]), 1e-12):
                    yield f"{name}: draws {point[1]}, the CSV has {row['y']}"
                    return
            except ValueError:
                categories.append((int(point[1]), row["y"]))
    if len(dict(categories)) != len(set(categories)):
        yield f"{name}: a line of the figure has two names in the CSV"


def page_problems(browser_program, folder, shots):
    page = folder / "report.html"
    if page.stat().st_size > 3_000_000:
        yield f"the page has {page.stat().st_size} bytes"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = report_page.Browser(browser_program, profile)
        try:
            report_page.open_page(browser, page)

            def evaluate(expression):
                answer = browser.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
                return answer["result"]["value"]

            read = evaluate(READ)
            ids = [seen["id"] for seen in read["seen"]]
            if len(ids) != len(set(ids)) or len(ids) < 3:
                yield f"figures: {ids}"
            for seen in read["seen"]:
                yield from figure_problems(seen, folder)
            on_disk = {path.stem for path in (folder / "figures").iterdir()}
            drawn = {seen["id"] for seen in read["seen"] if seen["drawn"] == "yes"}
            if drawn - on_disk:
                yield f"no CSV for {drawn - on_disk}"
            if read["rows"] < 5 or len(read["heading"]) < 10:
                yield "the page says nothing"
            for name, width, scheme, medium in VIEWS:
                browser.call("Emulation.setEmulatedMedia", media=medium,
                             features=[{"name": "prefers-color-scheme", "value": scheme}])
                browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                             mobile=width < 600)
                layout = evaluate(LAYOUT)
                if layout["content"] > max(width, layout["width"]) + 1:
                    yield f"{name}: the page is {layout['content']} wide in a window of {width}"
                if layout["wide"]:
                    yield f"{name}: wider than the page: {layout['wide']}"
                light = sum(int(n) for n in layout["background"].strip("rgb()").split(",")[:3]) > 600
                if light == (scheme == "dark" and medium == "screen"):
                    yield f"{name}: the paper is {layout['background']}"
                if shots:
                    picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip={
                        "x": 0, "y": 0, "width": width, "height": min(layout["height"], 16000), "scale": 1})
                    (shots / f"{folder.name}-{name}.png").write_bytes(report_page.base64.b64decode(picture["data"]))
        finally:
            browser.close()
        for event in browser.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                yield f"exception: {parameters['exceptionDetails'].get('exception', {}).get('description')}"
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                yield f"console: {[argument.get('value') for argument in parameters['args']]}"
            if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                yield f"log: {parameters['entry']['text']}"
            if method == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if url != page.as_uri() and not url.startswith("data:"):
                    yield f"fetched {url[:100]}"


def small_variants(folder):
    """A folder as `zoo variants` makes them, in a second: the second one's form is a name only."""
    folder.mkdir()
    variants = []
    for seed, recipe in ((0, ""), (1, "PQ")):
        name = "mobilenet-v1-32" + ("-" + recipe.lower() if recipe else "")
        built = json.loads(harness.breakeven("zoo", "build", "mobilenet-v1-32", "-o", folder / f"{name}.onnx", "--seed",
                                             seed, "--json").stdout)
        assert built["sha256"] == hashlib.sha256((folder / f"{name}.onnx").read_bytes()).hexdigest()
        variants.append({"name": name, "network": "mobilenet-v1-32", "recipe": recipe, "file": f"{name}.onnx",
                         "sha256": built["sha256"], "file_bytes": built["file_bytes"], "packed_bytes": 2_000_000,
                         "parameters": built["parameters"], "nonzero": built["parameters"], "untrained": True,
                         "took_s": 1.0, "agreement": None, "sqnr_db": None, "top1": None})
    (folder / "manifest.json").write_text(json.dumps({"settings": {"weights": "seeded"}, "variants": variants}))


def cells(folder):
    lines = (folder / "cells.jsonl").read_text().splitlines() if (folder / "cells.jsonl").exists() else []
    return [line for line in lines if '"type":"cell"' in line]


def killed_study(folder, variants):
    """kill -9 between two cells; the next run keeps what there was."""
    command = [*STUDY, "--variants", str(variants), "-o", str(folder)]
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, XDG_DATA_HOME=home, XDG_CACHE_HOME=home)
        study = subprocess.Popen([str(harness.PROGRAM), *command], env=environment, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        ends = time.monotonic() + 120
        while len(cells(folder)) < 1 and study.poll() is None and time.monotonic() < ends:
            time.sleep(0.02)
        second = harness.breakeven(*command, check=False)  # while the first is at work
        study.send_signal(signal.SIGKILL)
        study.wait()
    before = cells(folder)
    if not before or len(before) >= 4:
        return [f"killed with {len(before)} of 4 cells"], None
    problems = []
    if second.returncode != 5 or "another study" not in second.stderr:
        problems.append(f"a second study in the folder: {second.returncode} {second.stderr}")
    done = harness.breakeven(*command, "--json")
    after = cells(folder)
    if after[:len(before)] != before or len(after) != 4:
        problems.append(f"{len(before)} cells before, {len(after)} after; kept: {after[:len(before)] == before}")
    if f"{len(before)} kept from before" not in done.stderr:
        problems.append(f"says {done.stderr}")
    again = harness.breakeven(*command, "--json")
    if cells(folder) != after or "0 measured now" not in again.stderr:
        problems.append("a finished study measured again")
    return problems, json.loads(again.stdout)


def whole_system_problems(answer):
    """Device, radio, network and server add up; what one more adds is never more."""
    system = answer["whole_system"]
    if {s["link"] for s in system["scenarios"]} != {None, "ethernet", "wifi", "5g"}:
        yield f"whole system of {[s['series'] for s in system['scenarios']]}"
    for s in system["scenarios"]:
        for part in (s["attributed"], s["marginal"]):
            total = s["device_j"] + s["radio_j"] + part["network_j"] + part["server_j"]
            if abs(part["energy_j"] / total - 1) > 1e-9:
                yield f"{s['series']}: the parts make {total} J, the whole is {part['energy_j']} J"
        if s["marginal"]["co2_kg"] > s["attributed"]["co2_kg"]:
            yield f"{s['series']}: one more takes more than its share"
    if any(not factor["source"] for factor in system["factors"]):
        yield "a factor without its source"


def own_factors(scratch):
    """A user's own file counts, and nothing is measured again for it."""
    mine = scratch / "mine.json"
    mine.write_text(json.dumps({"grid": {"co2_kg_per_kwh": {"value": 0.872, "source": "twice the world's mean"}}}))
    before = json.loads((scratch / "board" / "results.json").read_text())
    done = harness.breakeven(*STUDY, "--variants", scratch / "variants", "-o", scratch / "board", "--factors", mine, "--json")
    if "0 measured now" not in done.stderr:
        yield f"--factors measured again: {done.stderr}"
    after = json.loads(done.stdout)
    if [f["source"] for f in after["whole_system"]["factors"] if f["name"] == "grid.co2_kg_per_kwh"] != ["twice the world's mean"]:
        yield "the user's factor is not in the report"
    for old, new in zip(before["whole_system"]["scenarios"], after["whole_system"]["scenarios"]):
        if abs(new["attributed"]["co2_kg"] / old["attributed"]["co2_kg"] - 2) > 1e-9:
            yield f"{new['series']}: twice the carbon does not make twice the CO2"


def merged_machines(scratch, board):
    """A device's and a server's study in one report: the other machine has one variant less, and a cell of its own."""
    manifest = json.loads((scratch / "variants" / "manifest.json").read_text())
    lab = scratch / "lab-variants"
    shutil.copytree(scratch / "variants", lab)
    manifest["variants"] = manifest["variants"][:1]
    (lab / "manifest.json").write_text(json.dumps(manifest))
    harness.breakeven("study", "thesis", "--variants", lab, "-o", scratch / "lab", "--duration", "200ms", "--no-emulation",
                      "--platform", "cpu:2", "--slowdown", "0.25")
    merged = harness.breakeven("study", "merge", scratch / "board", scratch / "lab", "-o", scratch / "both", "--json")
    answer = json.loads(merged.stdout)
    platforms = {row["platform"] for row in answer["rows"]}
    if not {"board cpu:1", "lab cpu:2"} <= platforms or not any(p.startswith("lab server") for p in platforms):
        yield f"merged platforms: {platforms}"
    if len(answer["variants"]) != 2 or len(answer["rows"]) != len(board["rows"]) + 4:  # here, and three links
        yield f"merged {len(answer['variants'])} variants, {len(answer['rows'])} rows"
    if not any("lab has 1 of the 2 variants" in note for note in answer["notes"]):
        yield f"a missing variant is not told: {answer['notes']}"


def main():
    browser_program = os.environ.get("BREAKEVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_program:
        harness.skip("needs Chromium (apt install chromium, or name it in BREAKEVEN_CHROMIUM)")
    shots = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    problems = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        scratch = pathlib.Path(scratch)
        harness.breakeven("study", "thesis", "--published", "-o", scratch / "published")
        problems += [f"published: {problem}" for problem in page_problems(browser_program, scratch / "published", shots)]

        small_variants(scratch / "variants")
        found, answer = killed_study(scratch / "board", scratch / "variants")
        problems += found
        if answer:
            modelled = [row for row in answer["rows"] if row["link"] == "ethernet"]
            if len(modelled) != 2 or any(row["latency_s"]["origin"] != "modelled" for row in modelled):
                problems.append(f"ethernet: {modelled}")
            problems += [f"measured: {problem}" for problem in page_problems(browser_program, scratch / "board", shots)]
            problems += whole_system_problems(answer)
            problems += own_factors(scratch)
            problems += merged_machines(scratch, answer)
            problems += [f"merged: {problem}" for problem in page_problems(browser_program, scratch / "both", shots)]
        old = scratch / "old"
        old.mkdir()
        text = '{"breakeven_cells":0}'
        (old / "cells.jsonl").write_text(hashlib.sha256(text.encode()).hexdigest()[:16] + " " + text + "\n")
        refused = harness.breakeven("study", "thesis", "--variants", scratch / "variants", "-o", old, check=False)
        if refused.returncode != 4 or "older version" not in refused.stderr or refused.stderr.count("\n") != 1:
            problems.append(f"a file of an older version: {refused.returncode} {refused.stderr}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
