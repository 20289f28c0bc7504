"""installed.py BUILD: the install tree works where nothing else is: the program finds its engine in it, and a C++
program builds against it with find_package(Breakeven), finds the engine too, and answers."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=280, **more)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-3000:]}"
    return done


def engine_of(trace):
    """The file of ONNX Runtime's library that the loader opened, from what LD_DEBUG=files prints."""
    found = re.findall(r"calling init: (\S*libonnxruntime\.so\S*)", trace)
    assert found, f"ONNX Runtime was not loaded: {trace[-2000:]}"
    return found[0]


def main():
    build = pathlib.Path(sys.argv[1])
    if not shutil.which("c++"):
        print("SKIPPED installed: needs a C++ compiler")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        first = folder / "first"
        for component in ("runtime", "development"):
            run("cmake", "--install", build, "--component", component, "--prefix", first)
        tree = folder / "moved"  # nothing may rest on where it was installed
        first.rename(tree)
        environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "LD_DEBUG": "files", "LC_ALL": "C.UTF-8"}

        program = tree / "bin" / "breakeven"
        done = run(program, "doctor", env=environment)
        assert "ok   ONNX Runtime" in done.stdout, done.stdout
        assert engine_of(done.stderr).startswith(str(tree / "lib" / "breakeven")), engine_of(done.stderr)
        run(program, "zoo", "build", "mobilenet-v1-32", "-o", folder / "net.onnx", env=environment)

        listed = re.findall(r"^  ([a-z][a-z-]*) ", run(program, "--help").stdout.split("Subcommands:")[1], re.MULTILINE)
        manual = (tree / "share" / "man" / "man1" / "breakeven.1").read_text()
        missing = [command for command in listed if not re.search(rf"^\.B.*\b{command}\b", manual, re.MULTILINE)]
        assert not missing, f"docs/breakeven.1 does not name {missing}"

        for header in sorted((tree / "include").rglob("*.h")):  # each by itself
            run("c++", "-std=c++20", "-fsyntax-only", "-x", "c++", header, "-I", tree / "include")

        run("cmake", "-S", ROOT / "examples" / "cpp", "-B", folder / "example", f"-DCMAKE_PREFIX_PATH={tree}")
        run("cmake", "--build", folder / "example")
        done = run(folder / "example" / "example_infer", folder / "net.onnx", env=environment)
        assert done.stdout.count("device") == 10, done.stdout
        assert engine_of(done.stderr).startswith(str(tree)), engine_of(done.stderr)
        for file in (program, tree / "lib" / "libbreakeven.so"):
            paths = re.findall(r"R(?:UN)?PATH\)? .*\[(.*)\]", run("readelf", "-d", file).stdout)
            assert all(path.startswith("$ORIGIN") for path in paths), f"{file} looks for libraries in {paths}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
