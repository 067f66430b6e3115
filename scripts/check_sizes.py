#!/usr/bin/env python3
"""Fails if a file or a function is longer than the house style allows."""
import pathlib
import re
import sys

FILES = [  # the first pattern that matches decides
    ("include/**/*.hpp", 300),
    ("lib/**/*.[ch]pp", 400),
    ("tests/**/*.[ch]pp", 500),
    ("examples/*.cpp", 60),
    ("examples/**/*.[ch]pp", 400),
    ("benchmarks/**/*.[ch]pp", 400),
    ("**/CMakeLists.txt", 200),
]
FUNCTION, TEST_CASE = 60, 40
OPENS = re.compile(r'^(?!namespace|extern "C"|enum|class|struct|union|using|[#/\s})]).')


def functions(lines):
    """Yields (first line number, length, is a test case) of each definition at namespace scope.

    Formatted code starts one in column 0 and ends it with a lone brace there.
    """
    first = None
    for number, line in enumerate(lines, 1):
        if line == "}" and first is not None:
            yield first, number - first + 1, lines[first - 1].startswith("TEST")
        if first is None and OPENS.match(line):
            first = number
        if line[:1].strip() and line.endswith((";", "}")) or line.startswith("}"):
            first = None  # a declaration, a one-line definition, or the end of anything else


def problems(root):
    seen = set()
    for pattern, limit in FILES:
        for path in sorted(root.glob(pattern)):
            relative = path.relative_to(root)
            if path in seen or relative.parts[0] == "build":
                continue
            seen.add(path)
            lines = path.read_text().splitlines()
            if len(lines) > limit:
                yield f"{relative}: {len(lines)} lines, at most {limit}"
            if path.suffix not in (".cpp", ".hpp"):
                continue
            for number, length, test in functions(lines):
                most = TEST_CASE if test else FUNCTION
                if length > most:
                    yield f"{relative}:{number}: {length} lines in one function, at most {most}"


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
sys.exit("\n".join(found) or 0)
