"""Compiles each C++ program in README.md.  readme_test.py <README.md> <compiler> [<flag>...]"""
import pathlib
import re
import subprocess
import sys

text = pathlib.Path(sys.argv[1]).read_text()
programs = [block for block in re.findall(r"```cpp\n(.*?)```", text, re.DOTALL) if "int main" in block]
if not programs:
    sys.exit("no program found")
for program in programs:
    subprocess.run([*sys.argv[2:], "-fsyntax-only", "-x", "c++", "-"], input=program, text=True, check=True)
