#!/usr/bin/env python3
"""Fails unless each test that docs/conformance.md names is defined, and its counts are right.

    check_conformance.py <root> [<results>]

With the results of a whole run (ctest --output-junit) it fails, too, unless each of them ran. One
that skipped itself, for it needs root or much memory, is printed.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree

TEST = re.compile(r"\b(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")
PROGRAM = re.compile(r"\b(multiprocessing_compile_fail|forgetful)_test\(\s*(\w+)")
ROW = re.compile(r"^\| `([\w.]+)` \|([^|]*)\|([^|]*)\|$")
NAMED = re.compile(r"`(\w+\.\w+)`")
COUNT = re.compile(r"^(\d+) of (\d+) cases have a test; (\d+) are left out", re.MULTILINE)


def defined_tests(root):
    tests = set()
    for path in sorted(root.glob("tests/**/*.cpp")):
        tests.update(f"{suite}.{case}" for suite, case in TEST.findall(path.read_text()))
    for path in sorted(root.glob("tests/**/CMakeLists.txt")):
        for kind, name in PROGRAM.findall(path.read_text()):
            tests.add(f"{kind.removeprefix('multiprocessing_')}.{name}")
    return tests


def problems(root):
    tests = defined_tests(root)
    text = (root / "docs/conformance.md").read_text()
    seen, tested, left_out = set(), 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        row = ROW.match(line)
        if not row:
            if line.startswith("| `"):
                yield f"docs/conformance.md:{number}: a row that cannot be read"
            continue
        case, named, note = row[1], NAMED.findall(row[2]), row[3].strip()
        if case in seen:
            yield f"docs/conformance.md:{number}: {case} stands twice"
        seen.add(case)
        tested += bool(named)
        left_out += not named and note != "not yet"
        if not named and not note:
            yield f"docs/conformance.md:{number}: {case} has neither a test nor a reason"
        for test in named:
            if test not in tests:
                yield f"docs/conformance.md:{number}: there is no test {test}"
    says = COUNT.search(text)
    is_so = (tested, len(seen), left_out)
    if not says or tuple(map(int, says.groups())) != is_so:
        yield f"docs/conformance.md: it should say {is_so[0]} of {is_so[1]}, {is_so[2]} left out"


def names(test):
    """What ctest's program.Prefix/Suite.Case/Parameter or program.Suite.Case<Type> is called here."""
    yield from re.findall(r"^\w+\.\w+", test)
    yield from re.findall(r"^\w+\.(?:\w+/)?(\w+\.\w+)", test)


def not_run(root, results):
    """The tests that docs/conformance.md names and that are not in the results."""
    ran, skipped = set(), set()
    for case in xml.etree.ElementTree.parse(results).iter("testcase"):
        (skipped if case.get("status") == "notrun" else ran).update(names(case.get("name")))
    for line in (root / "docs/conformance.md").read_text().splitlines():
        row = ROW.match(line)
        for test in NAMED.findall(row[2]) if row else ():
            if test in skipped - ran:
                print(f"{test} skipped itself")
            elif test not in ran:
                yield f"{test} did not run"


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1])
    found = list(problems(root))
    for results in sys.argv[2:]:
        found += not_run(root, results)
    sys.exit("\n".join(found) if found else 0)
