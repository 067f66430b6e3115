"""What figures.cpp measures, in Python."""
import multiprocessing as mp
import time

ROUNDS = 5


def measure(what, times, run):
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run(times)
        best = min(best, (time.perf_counter() - began) / times)
    print(f"{best * 1e6:.3f}\t{what}", flush=True)


def nothing():
    pass


def square(x):
    return x * x


def echo(questions, answers):
    while (question := questions.get()) is not None:
        answers.put(question)


def supply(items, start, times):
    for _ in range(ROUNDS):
        start.acquire()
        for _ in range(times):
            items.put("x" * 100)


def start_and_join(times):
    for _ in range(times):
        p = mp.Process(target=nothing)
        p.start()
        p.join()


if __name__ == "__main__":
    mp.set_start_method("fork")
    measure("start and join a process", 100, start_and_join)

    questions, answers = mp.Queue(), mp.Queue()
    echoing = mp.Process(target=echo, args=(questions, answers))
    echoing.start()

    def there_and_back(times):
        for i in range(times):
            questions.put(i)
            answers.get()

    measure("queue: there and back", 2000, there_and_back)
    questions.put(None)
    echoing.join()

    items, start = mp.Queue(), mp.Semaphore(0)
    supplier = mp.Process(target=supply, args=(items, start, 20000))
    supplier.start()

    def stream(times):
        start.release()
        for _ in range(times):
            items.get()

    measure("queue: an item of 100 bytes, streaming", 20000, stream)
    supplier.join()

    lock = mp.Lock()

    def lock_and_unlock(times):
        for _ in range(times):
            lock.acquire()
            lock.release()

    measure("lock: acquire and release", 20000, lock_and_unlock)
    counter = mp.Value("i", 0)

    def count(times):
        for _ in range(times):
            with counter.get_lock():
                counter.value += 1

    measure("value: += 1 under its lock", 20000, count)
    with mp.Manager() as manager:
        words = manager.dict()

        def write(times):
            for i in range(times):
                words["n"] = i

        measure('dict of a manager: d["n"] = i', 2000, write)
    with mp.Pool(2) as pool:

        def apply(times):
            for i in range(times):
                pool.apply(square, (i,))

        measure("pool: apply", 1000, apply)
        measure("pool: map, each element", 20000, lambda times: pool.map(square, range(times)))
