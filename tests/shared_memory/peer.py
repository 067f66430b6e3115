"""CPython's side of shared memory: see peer.cpp, whose lines it speaks.

  create NAME SIZE   open NAME   unlink NAME   put NAME OFFSET BYTE   get NAME OFFSET
  make_list NAME EXPRESSION      repr NAME     set NAME INDEX EXPRESSION     format NAME
  dump NAME                      careless NAME

What it has merely opened it takes out of the hands of Python's resource tracker, which would remove
it at the end (up to Python 3.12); `careless` does not.
"""
import ast
import sys
from multiprocessing import resource_tracker, shared_memory

memories = {}


def forget(memory):
    resource_tracker.unregister(memory._name, "shared_memory")
    return memory


def opened(name):
    if name not in memories:
        memories[name] = shared_memory.ShareableList(name=name)
        forget(memories[name].shm)
    return memories[name]


def answer(command, name="", *rest):
    if command == "create":
        memories[name] = shared_memory.SharedMemory(name, create=True, size=int(rest[0]))
    elif command == "open":
        memories[name] = forget(shared_memory.SharedMemory(name))
        return memories[name].size
    elif command == "careless":
        return shared_memory.SharedMemory(name).size
    elif command == "unlink":
        memory = memories[name]
        getattr(memory, "shm", memory).unlink()
    elif command == "put":
        memories[name].buf[int(rest[0])] = int(rest[1])
    elif command == "get":
        return memories[name].buf[int(rest[0])]
    elif command == "make_list":
        items = ast.literal_eval(" ".join(rest))
        memories[name] = shared_memory.ShareableList(items, name=name)
    elif command == "repr":
        return list(opened(name))
    elif command == "set":
        opened(name)[int(rest[0])] = ast.literal_eval(" ".join(rest[1:]))
    elif command == "format":
        return opened(name).format
    elif command == "dump":
        return bytes(opened(name).shm.buf).hex()
    return "ok"


for line in sys.stdin:
    words = line.rstrip("\n").split(" ")
    if words[0] == "exit_by_return":
        break
    try:
        print(answer(*words), flush=True)
    except OSError as error:
        print("errno", error.errno, flush=True)
    except Exception as error:
        print("error", repr(error), flush=True)
for memory in memories.values():
    getattr(memory, "shm", memory).close()
