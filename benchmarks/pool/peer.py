#!/usr/bin/env python3
"""The rows of pool_benchmark as CPython and joblib do them: reads a command a line, prints seconds."""
import concurrent.futures
import multiprocessing
import sys
import time

try:
    import joblib
except ImportError:
    joblib = None

NUMBERS = list(range(1_000_000))
BIG = b"x" * 100_000_000


def square(x):
    return x * x


def same(x):
    return x


def life():
    with multiprocessing.Pool(2) as pool:
        pool.apply(square, (3,))
        pool.close()
        pool.join()


def main():
    pool = multiprocessing.Pool(2)
    executor = concurrent.futures.ProcessPoolExecutor(2)
    threads = concurrent.futures.ThreadPoolExecutor(2)

    def results(futures):
        for future in futures:
            future.result()

    commands = {
        "map": lambda: pool.map(square, NUMBERS),
        "imap": lambda: sum(pool.imap(same, range(10_000))),
        "apply_async": lambda: [r.get() for r in [pool.apply_async(same, (i,)) for i in range(10_000)]],
        "submit": lambda: results([executor.submit(same, i) for i in range(5_000)]),
        "threads": lambda: results([threads.submit(same, i) for i in range(10_000)]),
        "trips": lambda: [pool.apply(same, (i,)) for i in range(500)],
        "bytes": lambda: pool.apply(len, (BIG,)),
        "life": life,
    }
    if joblib:
        parallel = joblib.Parallel(n_jobs=2)
        parallel.__enter__()
        commands["joblib"] = lambda: parallel(joblib.delayed(same)(i) for i in range(10_000))
    for line in sys.stdin:
        words = line.split()
        if words[0] == "can":
            print(int(words[1] in commands), flush=True)
            continue
        start = time.perf_counter()
        commands[words[0]]()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
