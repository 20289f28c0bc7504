"""The walls between the rooms: what a room includes must stand in its row of src/CMakeLists.txt (USES) or be reached
through it; a thinking room never includes a doing room, a clock, a thread or the environment. Needs nothing but Python."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "breakeven"
IMPURE = re.compile(
    r"steady_clock::now|system_clock::now|high_resolution_clock|std::thread|std::jthread|this_thread|getenv\(|"
    r"random_device|std::ifstream|std::ofstream|fopen\(|socket\(")


def rooms():
    """Each room's USES, and whether it stands under `# thinking`."""
    thinking, table = True, {}
    for line in (ROOT / "src" / "CMakeLists.txt").read_text().splitlines():
        if line.startswith("# doing"):
            thinking = False
        match = re.match(r"breakeven_room\((\w+)(?: USES ([\w ]+?))?(?: LIBRARIES .*)?\)$", line)
        if match:
            table[match[1]] = (thinking, (match[2] or "").split())
    return table


def reachable(room, table):
    seen, todo = set(), [room]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += table[name][1] if name in table else []
    return seen


def problems():
    table = rooms()
    if len(table) < 10:
        yield "src/CMakeLists.txt: its breakeven_room lines are not understood"
    for room, (thinking, uses) in table.items():
        for used in uses:
            if thinking and used in table and not table[used][0]:
                yield f"src/CMakeLists.txt: thinking room {room} uses doing room {used}"
        if not (SOURCE / room / "README.md").exists():
            yield f"src/breakeven/{room}: no README.md"
        allowed = reachable(room, table) | {"error.h"}
        for path in sorted((SOURCE / room).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                where = f"{path.relative_to(ROOT)}:{number}"
                match = re.match(r'#include "breakeven/([^/"]+)', line)
                if match and match[1] not in allowed:
                    yield f"{where}: room {room} may not include {match[1]} (its row in src/CMakeLists.txt)"
                if thinking and IMPURE.search(line.split("//")[0]):
                    yield f"{where}: a thinking room touches the world: {line.strip()}"


def main():
    found = list(problems())
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
