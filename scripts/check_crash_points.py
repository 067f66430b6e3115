#!/usr/bin/env python3
"""Fails unless the crash points in the code, in comments, in tests/chaos and in the docs are the same.

A point is MULTIPROCESSING_CRASH_POINT("room.step.moment") in lib/ or include/. Each is listed after
"Points:" in a header of its room (as `a.b.c .d` for a.b.c and a.b.d, or `a.b.{c,d}`), occurs in a
test in tests/chaos, and in a table of docs/reliability.md; and no other name occurs there. The last
cell of its row names the suite that kills there.
"""
import pathlib
import re
import sys

NAME = r"[a-z][a-z0-9_]*(?:\.(?!hpp\b)[a-z][a-z0-9_]*)+"
POINT = re.compile(r'MULTIPROCESSING_CRASH_POINT\("([^"]*)"\)')
LITERAL = re.compile(rf'"({NAME})"')
LISTED = re.compile(r"^// Points:(.*(?:\n//   .*)*)", re.MULTILINE)
GROUP = re.compile(rf"({NAME})\.\{{([^}}]*)\}}")
ROW = re.compile(r"^\|.*", re.MULTILINE)
QUOTED = re.compile(rf"`({NAME})`")
SUITE = re.compile(r"`([A-Z]\w+)`")


def sources(root, *patterns):
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            yield path, path.read_text()


def points(root):
    """Yields (name, room, where) of each point; a comment is none."""
    for path, text in sources(root, "lib/**/*.[ch]pp", "include/**/*.hpp"):
        relative = path.relative_to(root)
        for number, line in enumerate(text.splitlines(), 1):
            for name in POINT.findall(line.split("//")[0]):
                yield name, relative.parts[1], f"{relative}:{number}"


def listed(text):
    """The names in the file's "Points:" lists, written out."""
    for block in LISTED.findall(text):
        block = GROUP.sub(lambda found: " ".join(f"{found[1]}.{last.strip(' /')}"
                                                 for last in found[2].split(",")),
                          block.replace("\n", " "))
        stem = ""
        for word in re.findall(rf"(?:{NAME}|(?<![\w.])\.[a-z]\w*)", block):
            name = stem + word if word.startswith(".") else word
            stem = name.rpartition(".")[0]
            yield name


def without_suite(root):
    """Yields what is wrong with the last cells of the tables."""
    tests = [text for _, text in sources(root, "tests/chaos/**/*.[ch]pp")]
    for _, text in sources(root, "docs/reliability.md"):
        for row in ROW.findall(text):
            suites = SUITE.findall(row.rstrip("| ").rpartition("|")[2])
            for name in QUOTED.findall(row):
                if not any(f'"{name}"' in test and re.search(rf"\b{suite}\b", test)
                           for suite in suites for test in tests):
                    yield f"docs/reliability.md: {name}: no suite of its row is where it is tested"


def problems(root):
    where, rooms = {}, {}
    for name, room, place in points(root):
        if not re.fullmatch(NAME, name):
            yield f"{place}: {name}: a point's name is lowercase words with dots between"
        where.setdefault(name, place)
        if rooms.setdefault(name, room) != room:
            yield f"{place}: {name}: also at {where[name]}, another room"

    mentions = {"a \"Points:\" list": {}, "tests/chaos": {}, "docs/reliability.md": {}}
    comments, tests, docs = mentions.values()
    for path, text in sources(root, "lib/**/*.hpp", "include/**/*.hpp"):
        comments.update((name, path) for name in listed(text))
    for path, text in sources(root, "tests/chaos/**/*.[ch]pp"):
        tests.update((name, path) for name in LITERAL.findall(text))
    for path, text in sources(root, "docs/reliability.md"):
        docs.update((name, path) for row in ROW.findall(text) for name in QUOTED.findall(row))

    for place, names in mentions.items():
        for name in sorted(where.keys() - names.keys()):
            yield f"{where[name]}: {name}: not in {place}"
        for name in sorted(names.keys() - where.keys()):
            yield f"{names[name].relative_to(root)}: {name}: there is no such point in the code"
    yield from without_suite(root)


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
sys.exit("\n".join(found) or 0)
