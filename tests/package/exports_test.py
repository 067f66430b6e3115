"""Fails unless all that a shared library exports is the project's.  exports_test.py <nm> <library>"""
import re
import subprocess
import sys

nm, library = sys.argv[1:]
command = [nm, "--dynamic", "--defined-only", "--demangle", library]
lines = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
OURS = re.compile(r"^[0-9a-f]+ \w ((typeinfo( name)?|vtable|VTT|guard variable|construction vtable) for )?multiprocessing::")
strange = [line for line in lines if not OURS.match(line)]
if not lines or strange:
    sys.exit("\n".join([f"{len(strange)} of {len(lines)} symbols are not of multiprocessing:", *strange[:50]]))
