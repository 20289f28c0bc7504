"""The report's page in a real browser: every chart is drawn, nothing is fetched, no error reaches the console, and
neither a phone's width nor the dark theme breaks it.

    report_page.py [FOLDER]    screenshots go to FOLDER

The page is the one that `example_page` (tests/report/example_page.cc), beside the program under test, writes.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import harness

CHARTS = {"plans", "break-even", "prediction", "energy", "edp"}
VIEWS = [  # name, width, scheme, medium
    ("desktop", 1200, "light", "screen"),
    ("phone", 360, "light", "screen"),
    ("phone-dark", 390, "dark", "screen"),
    ("dark", 1200, "dark", "screen"),
    ("print", 760, "dark", "print"),
]
LOOK = """(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const charts = [...document.querySelectorAll('.chart')].map((chart) => ({
        id: chart.id, drawn: chart.dataset.drawn === 'yes', label: chart.getAttribute('aria-label') || '',
        marks: chart.querySelectorAll('svg path').length, texts: chart.querySelectorAll('svg text').length,
        width: chart.getBoundingClientRect().right,
    }));
    return { charts, width: innerWidth, content: document.documentElement.scrollWidth,
             height: document.documentElement.scrollHeight, background: getComputedStyle(document.body).backgroundColor,
             ink: (document.querySelector('#plans svg text') || { getAttribute: () => '' }).getAttribute('fill'),
             title: document.title, heading: document.querySelector('h1').textContent,
             rows: document.querySelectorAll('tbody tr').length };
})()"""


class Browser:
    """Chromium over its debugging pipe: messages end with a NUL, so that no WebSocket library is needed."""

    def __init__(self, program, folder):
        to_browser, self.to = os.pipe()
        self.from_, from_browser = os.pipe()

        def descriptors():  # the browser reads from 3 and writes to 4
            low, high = os.dup(to_browser), os.dup(from_browser)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=descriptors, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer = b""
        self.count = 0
        self.session = None
        self.events = []

    def read(self):
        while b"\0" not in self.buffer:
            chunk = os.read(self.from_, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser went away")
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.read())

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def open_page(browser, page):
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{domain}.enable")
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait_for("Page.loadEventFired")


def look(browser, view, shots):
    name, width, scheme, medium = view
    browser.call("Emulation.setEmulatedMedia", media=medium,
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    seen = browser.call("Runtime.evaluate", expression=LOOK, awaitPromise=True, returnByValue=True)["result"]["value"]
    if shots:
        picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": width, "height": seen["height"], "scale": 1})
        (shots / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))
    return seen


def problems_of(view, seen):
    name, width, scheme, medium = view
    drawn = {chart["id"] for chart in seen["charts"] if chart["drawn"] and chart["marks"] > 3 and chart["texts"] > 3}
    if drawn != CHARTS:
        yield f"charts not drawn: {sorted(CHARTS - drawn)}"
    for chart in seen["charts"]:
        if not chart["label"]:
            yield f"chart {chart['id']} says nothing to a screen reader"
        if chart["width"] > seen["width"] + 1:
            yield f"chart {chart['id']} is wider than the page"
    if seen["content"] > max(width, seen["width"]) + 1:
        yield f"the page is {seen['content']} wide in a window of {width}"
    dark = scheme == "dark" and medium == "screen"
    light_paper = sum(int(n) for n in seen["background"].strip("rgb()").split(",")[:3]) > 600
    light_ink = sum(int(seen["ink"].lstrip("#")[i:i + 2], 16) for i in (0, 2, 4)) > 450 if seen["ink"] else None
    if light_paper == dark:
        yield f"the paper is {seen['background']}"
    if light_ink != dark:
        yield f"the charts' text is {seen['ink']}"
    if seen["rows"] < 4:
        yield "the tables are empty"


def main():
    browser_program = os.environ.get("BREAKEVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_program:
        harness.skip("needs Chromium (apt install chromium, or name it in BREAKEVEN_CHROMIUM)")
    shots = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    example = harness.PROGRAM.parent / "example_page"
    if shots:
        shots.mkdir(parents=True, exist_ok=True)
    problems = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = pathlib.Path(folder) / "advice.html"
        subprocess.run([str(example), str(page)], check=True, timeout=60)
        if page.stat().st_size > 1_500_000:
            problems.append(f"the page has {page.stat().st_size} bytes")
        browser = Browser(browser_program, pathlib.Path(folder) / "profile")
        try:
            open_page(browser, page)
            for view in VIEWS:
                seen = look(browser, view, shots)
                problems += [f"{view[0]}: {problem}" for problem in problems_of(view, seen)]
        finally:
            browser.close()
        for event in browser.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                problems.append(f"exception: {parameters['exceptionDetails'].get('exception', {}).get('description')}")
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
                problems.append(f"console: {[argument.get('value') for argument in parameters['args']]}")
            if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                problems.append(f"log: {parameters['entry']['text']}")
            if method == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if url != page.as_uri() and not url.startswith("data:"):
                    problems.append(f"fetched {url[:100]}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
