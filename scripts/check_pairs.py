#!/usr/bin/env python3
"""Fails unless each memory-order pair that a file's "Ordering" comment letters stands at both ends.

A definition is a comment line such as `//   [P] publish(release) -> take(acquire)`. Its ends are
comments `// [P]` beside code, anywhere in the same room or in the public detail/ headers. A pair of
which both ends are one line says so with the word "itself".
"""
import collections
import pathlib
import re
import sys

HEADING = re.compile(r"^\s*//\s*Ordering\b")
NEXT_HEADING = re.compile(r"^\s*//\s?[A-Z]\w+[.,: (]|^\s*//\s?[A-Z]\w+$")
DEFINITION = re.compile(r"^\s*//\s+\[([A-Z]\w?)\]")
TAG = re.compile(r"\[([A-Z]\w?)\]")


def read(path):
    """Yields (line number, letter, is a definition, line) for each tag in the file's comments."""
    in_ordering = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if HEADING.match(line):
            in_ordering = True
            continue  # its own sentence may name letters
        if in_ordering and (not line.lstrip().startswith("//") or NEXT_HEADING.match(line)):
            in_ordering = False
        comment = line.partition("//")[2]
        definition = DEFINITION.match(line) if in_ordering else None
        if definition:
            yield number, definition[1], True, line
        elif not in_ordering:
            for letter in TAG.findall(comment):
                yield number, letter, False, line


def problems(root):
    detail = sorted(root.glob("include/multiprocessing/detail/*.hpp"))
    for room in sorted(path for path in root.glob("lib/*") if path.is_dir()):
        uses, definitions = collections.Counter(), []
        for path in [*sorted(room.glob("**/*.[ch]pp")), *detail]:
            for number, letter, defines, line in read(path):
                if defines and room in path.parents:
                    definitions.append((path.relative_to(root), number, letter, "itself" in line))
                elif not defines:
                    uses[letter] += 1
        for path, number, letter, alone in definitions:
            if uses[letter] < (1 if alone else 2):
                yield f"{path}:{number}: [{letter}] stands at {uses[letter]} of its two ends"


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
sys.exit("\n".join(found) or 0)
