"""What the contract tests share: starting our server, finding the test data, and skipping loudly."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("BREAKEVEN_PROGRAM", ROOT / "build" / "bin" / "breakeven"))


def skip(reason):
    """Ends the test as skipped; a failure where nothing may be missing."""
    print(f"SKIPPED {pathlib.Path(sys.argv[0]).stem}: {reason}")
    sys.exit(1 if os.environ.get("BREAKEVEN_REQUIRE_ALL") == "1" else 77)


def shared_data():
    folder = pathlib.Path(os.environ.get("BREAKEVEN_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").exists():
        skip("needs the shared test data (set BREAKEVEN_SHARED_DATA to its folder)")
    return folder


def at_home(home):
    return dict(os.environ, XDG_DATA_HOME=str(home), XDG_CACHE_HOME=str(home))


def breakeven(*arguments, check=True, timeout=120, home=None):
    """Runs one command with its stores in a throw-away home, or in `home`."""
    with tempfile.TemporaryDirectory() as throw_away:
        environment = at_home(home or throw_away)
        done = subprocess.run([str(PROGRAM), *map(str, arguments)], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stderr}")
    return done


class Server:
    """`with Server(repository) as server:` runs our server on a free port of the loopback; server.address names it.
    Afterwards server.told has what it said beside its first line."""

    def __init__(self, repository, *options, home=None):
        self.environment = None if home is None else at_home(home)
        self.told = []
        self.command = [str(PROGRAM), "serve", str(repository), "--listen", "127.0.0.1:0", *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env=self.environment)
        watchdog = threading.Timer(60, self.process.kill)
        watchdog.start()
        line = self.process.stderr.readline()
        watchdog.cancel()
        if not line.startswith("breakeven: serving "):
            self.process.kill()
            raise AssertionError(f"the server did not become ready: {line}{self.process.stderr.read()}")
        self.address = line.strip().rsplit(" ", 1)[1]
        # Nobody may block on a full pipe while the test runs.
        self.drain = threading.Thread(target=lambda: self.told.extend(self.process.stderr), daemon=True)
        self.drain.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the server did not stop within 20 s of SIGTERM")
        self.drain.join(20)
        assert code == 0, f"the server ended with {code}"
