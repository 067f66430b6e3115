#!/usr/bin/env python3
"""Fails if a layout of shared memory is no part of the layout id.

A header whose comment has a "Layout" part is included by a *layout.hpp of its room, which lists its
structures, and those are all included by lib/layout/layout_id.cpp.
"""
import pathlib
import re
import sys

LAYOUT = re.compile(r"^// Layout\b", re.MULTILINE)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
SUMS_UP = "lib/layout/layout_id.cpp"
ELSEWHERE = {
    "connection/process_lock.hpp": "memory of one process",
    "queue/fork_lock.hpp": "memory of one process",
    "shared/segment_list.hpp": "a file, which says what it is",
    "shared/shareable_bytes.hpp": "CPython's layout",
    "shm/descriptor.hpp": "one word",
    "shm/family_lock.hpp": "one word",
    "shm/hold_list.hpp": "hold_page.hpp has it",
    "shm/ticket.hpp": "a file, which carries the layout id",
    "shm/watch.hpp": "process_table.hpp and arena.hpp have it",
    "threading/local_condition.hpp": "memory of one process",
    "threading/local_lock.hpp": "memory of one process",
    "threading/local_queue.hpp": "memory of one process",
    "threading/node_heap.hpp": "memory of one process",
    "wire/frame.hpp": "bytes of a connection",
}


def included_by(path):
    return set(INCLUDE.findall(path.read_text())) if path.exists() else set()


def problems(root):
    lists = sorted(path for path in root.glob("lib/*/*layout.hpp") if "shm::Layout(" in path.read_text()
                   or "\n  Layout layout(" in path.read_text())
    listed = set().union(*map(included_by, lists))
    for path in sorted(root.glob("lib/**/*.hpp")):
        name = str(path.relative_to(root / "lib"))
        if LAYOUT.search(path.read_text()) and name not in listed and name not in ELSEWHERE:
            yield f"lib/{name}: its layout is no part of the layout id: list it in the room's layout.hpp"
    summed = included_by(root / SUMS_UP)
    for path in lists:
        name = str(path.relative_to(root / "lib"))
        if name not in summed:
            yield f"lib/{name}: {SUMS_UP} does not include it"


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
sys.exit("\n".join(found) or 0)
