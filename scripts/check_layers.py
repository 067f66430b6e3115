#!/usr/bin/env python3
"""Fails if an include points up, or a system call is made outside lib/sys (see CONTRIBUTING.md)."""
import pathlib
import re
import sys

FLOOR = {"sys": 0, "shm": 1, "wire": 1,
         "process": 2, "sync": 2, "queue": 2, "shared": 2, "progress": 2, "connection": 2,
         "manager": 3, "pool": 3, "executor": 3, "threading": 3, "logging": 3,
         "layout": 4}
BOOST_HEADERS = {"serialization.hpp", "asio.hpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
CALLS = ("accept4? bind clock_gettime clock_nanosleep clone close connect dup[23]? epoll_\\w+ "
         "eventfd execve? execve?at fallocate fcntl fork fstat ftruncate getpid getppid gettid ioctl "
         "kill listen "
         "madvise memfd_create mmap mprotect mremap munmap nanosleep open openat pause pidfd_\\w+ "
         "pipe2? poll ppoll prctl prlimit pthread_sigmask pthread_kill read recvmsg sendmsg "
         "set[gr]?limit sigaction signalfd sigprocmask socket socketpair syscall sysconf timer_\\w+ "
         "usleep vfork wait4 waitid waitpid write writev")
SYSCALL = re.compile(r"(?<![\w>])::(" + "|".join(CALLS.split()) + r")\s*\(")


def library_include(room, name, quoted):
    if name.startswith("multiprocessing/"):
        vocabulary = name.startswith("multiprocessing/detail/") or FLOOR[room] >= 1
        return None if vocabulary else "the ground floor knows nothing above it"
    if name.startswith(("boost/serialization/", "boost/archive/")) and room != "wire":
        return "Boost.Serialization is spoken to by lib/wire only"
    other = name.split("/")[0]
    if not quoted or other not in FLOOR or "/" not in name or other == room:
        return None
    if FLOOR[other] < FLOOR[room]:
        return None
    return f"{room} may not look into {other}"


def public_include(path, name, quoted):
    if quoted and not name.startswith("multiprocessing/"):
        return "a public header knows nothing of lib/"
    if name.startswith("boost/"):
        fine = path.name in BOOST_HEADERS or path.parent.name == "detail"
        return None if fine else "no Boost in a public header"
    if "/" in name and not name.startswith(("multiprocessing/", "sys/")):
        return "a public header includes the standard library and public headers only"
    return None


def problems(root):
    for path in sorted([*root.glob("lib/*/**/*.[ch]pp"), *root.glob("include/**/*.hpp")]):
        relative = path.relative_to(root)
        room = relative.parts[1] if relative.parts[0] == "lib" else None
        if room is not None and room not in FLOOR:
            yield f"{relative}: {room} has no floor in scripts/check_layers.py"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                quoted, name = found[1] == '"', found[2]
                why = library_include(room, name, quoted) if room else public_include(path, name, quoted)
                if why:
                    yield f"{relative}:{number}: {name}: {why}"
            call = SYSCALL.search(line.split("//")[0])
            if call and room != "sys":
                yield f"{relative}:{number}: ::{call[1]}: system calls belong in lib/sys"


found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
sys.exit("\n".join(found) or 0)
