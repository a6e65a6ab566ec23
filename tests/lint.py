#!/usr/bin/env python3
"""./dev lint: what can be checked without a compiler.

- docs/standards.md: every RFC that the code cites has a row, a row marked done or partial is cited by code, states are known.
- src/: no "../" includes, files readable at one sitting, no unfinished-work words.
- ARCHITECTURE.md names every room.
- C++ is formatted as .clang-format says.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATES = {"done", "partial", "planned", "not"}
MAX_LINES = 1000
faults = []


def code_files():
    for folder in ("src", "fuzz", "bench", "webmail/src"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cc", ".h", ".py", ".ts", ".tsx"):
                yield path


cited = {}
for path in code_files():
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    for number in re.findall(r"RFC (\d{3,5})", text):
        cited.setdefault(number, name)
    if re.search(r'#include "\.\./', text):
        faults.append(f"{name}: includes by ../; name the room")
    lines = text.count("\n")
    if lines > MAX_LINES and "_test." not in path.name:
        faults.append(f"{name}: {lines} lines; find the seam where it is two things")
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            faults.append(f"{name}:{number}: unfinished: {line.strip()[:80]}")

rows = {}
for line in (ROOT / "docs/standards.md").read_text(encoding="utf-8").splitlines():
    match = re.match(r"\| (\d{3,5}) \| ([^|]+) \| (\w+) \|", line)
    if match:
        number, _, state = match.groups()
        if number in rows:
            faults.append(f"docs/standards.md: RFC {number} has two rows")
        rows[number] = state
        if state not in STATES:
            faults.append(f"docs/standards.md: RFC {number} is '{state}'; one of {', '.join(sorted(STATES))}")
for number, where in sorted(cited.items(), key=lambda item: int(item[0])):
    if number not in rows:
        faults.append(f"docs/standards.md: RFC {number}, cited in {where}, has no row")
for number, state in rows.items():
    if state in ("done", "partial") and number not in cited:
        faults.append(f"docs/standards.md: RFC {number} is '{state}', but no code cites it")
    if state == "not" and number in cited:
        faults.append(f"docs/standards.md: RFC {number} is 'not', but {cited[number]} cites it")

architecture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
for room in sorted(p.name for p in (ROOT / "src").iterdir() if p.is_dir() and any(p.rglob("*.cc"))):
    if f"`{room}/`" not in architecture:
        faults.append(f"ARCHITECTURE.md: does not mention `{room}/`")

sources = [str(path) for path in code_files() if path.suffix in (".cc", ".h")]
formatted = subprocess.run(["clang-format-19", "--dry-run", *sources], cwd=ROOT, capture_output=True, text=True)
for name in sorted(set(re.findall(r"^(\S+?):\d+:\d+: ", formatted.stderr, re.M))):
    faults.append(f"{pathlib.Path(name).relative_to(ROOT)}: ./dev format would change it; run it and commit")

for fault in faults:
    print(fault)
print(f"lint: {len(faults)} faults" if faults else "lint: clean")
sys.exit(1 if faults else 0)
