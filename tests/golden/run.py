"""Command transcripts: tests/golden/*.txt, one case a file: `$ breakeven ARGUMENTS`, then what it prints (stdout and
stderr) and `[exit N]` when N is not 0. What differs from run to run is masked by the patterns below.

    run.py PROGRAM             compare
    run.py --rewrite PROGRAM   write what the program prints now
"""

import difflib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import study_cells

FOLDER = pathlib.Path(__file__).resolve().parent
MASKS = [
    (re.compile(r"/tmp/\S+?/"), "<folder>/"),
    (re.compile(r"^L\d.*$", re.MULTILINE), "<cache of this machine>"),
]


def run(program, line, folder):
    words = shlex.split(line)
    assert words[0] == "breakeven", line
    environment = dict(os.environ, HOME=folder, XDG_DATA_HOME=folder, XDG_CACHE_HOME=folder, NO_COLOR="1")
    done = subprocess.run([program, *words[1:]], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    text = done.stdout
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text + (f"[exit {done.returncode}]\n" if done.returncode else "")


def transcript(program, expected):
    """The same commands as in `expected`, with what they print now. One folder serves the commands of a case."""
    with tempfile.TemporaryDirectory() as folder:
        for data in FOLDER.glob("*.csv"):  # made up for these cases
            shutil.copy(data, folder)
        study_cells.write_all(pathlib.Path(folder))
        parts = []
        for line in expected.splitlines():
            if line.startswith("$ "):
                parts.append(line + "\n" + run(program, line[2:], folder))
        return "".join(parts)


def main():
    rewrite = "--rewrite" in sys.argv
    program = str(pathlib.Path(sys.argv[-1]).resolve())
    failed = 0
    for case in sorted(FOLDER.glob("*.txt")):
        expected = case.read_text()
        actual = transcript(program, expected)
        if rewrite:
            case.write_text(actual)
        elif actual != expected:
            failed += 1
            sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), actual.splitlines(True),
                                                       f"{case.name} (expected)", f"{case.name} (now)"))
    if failed:
        print(f"{failed} transcripts differ; if the new output is right: ./dev golden")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
