#!/usr/bin/env python3
"""Runs the service as a test: producer and consumer are killed and started again, nothing is lost.

usage: run.py FOLDER_OF_THE_PROGRAMS
"""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

COUNT = 200_000
KILLS = 6
PATIENCE = 50


def start(program, *arguments):
    return subprocess.Popen([programs / program, *arguments], stdout=subprocess.PIPE, text=True)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)


def check(right, what):
    if not right:
        sys.exit(f"run.py: {what}")


programs = pathlib.Path(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "service.socket")
    manager = start("service_manager", path)
    check("serving at" in manager.stdout.readline(), "the manager does not serve")
    running = {}
    for role in ("producer", "consumer"):
        running[role] = start(f"service_{role}", path, str(COUNT))
    random.seed(20)
    for turn in range(KILLS):
        role = ("producer", "consumer")[turn % 2]
        first = running[role].stdout.readline().strip()
        check(first, f"the {role} has not begun")
        time.sleep(random.uniform(0.01, 0.05))  # any moment will do
        kill(running[role])
        running[role] = start(f"service_{role}", path, str(COUNT))
        print(f"{role} killed and started anew; it was {first}")
    output = {}
    for role, process in running.items():
        output[role], _ = process.communicate(timeout=PATIENCE)
        check(process.returncode == 0, f"the {role} ended with {process.returncode}")
    check(f"all {COUNT} jobs are put" in output["producer"], output["producer"])
    check(f"all {COUNT} jobs are done" in output["consumer"], output["consumer"])
    kill(manager)

    # What a killed manager left behind stands in nobody's way.
    manager = start("service_manager", path)
    check("serving at" in manager.stdout.readline(), "the manager does not serve again")
    check("all 10 jobs are put" in start("service_producer", path, "10").communicate()[0], "again")
    check("all 10 jobs are done" in start("service_consumer", path, "10").communicate()[0], "again")
    kill(manager)
    os.unlink(path)
print(f"{COUNT} jobs done through {KILLS} deaths, nothing lost")
