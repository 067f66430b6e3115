#!/usr/bin/env python3
"""The rows of dict_benchmark with CPython's Manager: reads a command a line ("get 2": by two
processes), prints the seconds that OPERATIONS take at the rate of all of them together."""
import multiprocessing
import os
import sys
import time

KEYS = [f"key_{i}" for i in range(10_000)]
OPERATIONS = 4_000  # of each process


def get(words, lock, key, value):
    words[key]


def put(words, lock, key, value):
    words[key] = value


def modify(words, lock, key, value):
    with lock:  # a Manager's dict has no step of its own for it
        words[key] += 1


COMMANDS = {"get": get, "set": put, "modify": modify}


def work(operation, words, lock, index, start, rates):
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[index % len(processors)]})
    operation(words, lock, KEYS[0], 0)  # connects
    start.wait()
    began = time.perf_counter()
    for i in range(OPERATIONS):
        operation(words, lock, KEYS[(i + index * 4999) * 7919 % len(KEYS)], i)
    rates.put(OPERATIONS / (time.perf_counter() - began))


def main():
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        words = manager.dict(zip(KEYS, range(len(KEYS))))
        lock = context.Lock()
        for line in sys.stdin:
            command, processes = line.split()
            start = context.Barrier(int(processes))
            rates = context.SimpleQueue()
            workers = [
                context.Process(target=work, args=(COMMANDS[command], words, lock, p, start, rates))
                for p in range(int(processes))
            ]
            for worker in workers:
                worker.start()
            total = sum(rates.get() for _ in workers)
            for worker in workers:
                worker.join()
            print(OPERATIONS / total, flush=True)


if __name__ == "__main__":
    main()
