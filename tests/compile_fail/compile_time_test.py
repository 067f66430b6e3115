"""Fails if a file takes longer to compile than promised.

    compile_time_test.py <seconds> <compiler> <argument>...

Counts processor time, so that others who work beside it do not matter much: the least of three runs.
"""
import resource
import subprocess
import sys

limit, command = float(sys.argv[1]), sys.argv[2:]
times = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print("seconds:", *(f"{time:.2f}" for time in times))
if min(times) > limit:
    sys.exit(f"at most {limit} s are promised")
