"""Compiles the C++ blocks of README.md and docs/*.md, and runs those that are programs.

    docs_test.py <root> <compiler> <flag>... -- <linker flag>...

A block with `int main` is a program: it is compiled as it stands, linked and run, and if a Python
program stands right before it, both must print the same. Any other block is a fragment: what
follows a line `// in main:` is a function's body, what stands before it at namespace scope; `mp`,
chrono literals, the library's and the usual standard headers are there. A block under
`<!-- not compiled: reason -->` is left alone.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

HEADERS = """algorithm array atomic chrono cstddef cstdint exception functional iostream map memory mutex
numeric optional ranges set stdexcept string thread tuple unordered_map utility variant vector""".split()
BLOCK = re.compile(r"^(<!-- not compiled: .+ -->\n)?```(cpp|python)\n(.*?)^```", re.DOTALL | re.MULTILINE)
IN_MAIN = re.compile(r"^// in main:\n", re.MULTILINE)


def blocks(root):
    """Yields (file, line of the first line of code, language, code) in order."""
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = path.read_text()
        for match in BLOCK.finditer(text):
            if not match[1]:
                yield path, text.count("\n", 0, match.start(3)) + 1, match[2], match[3]


def at(path, line):
    return f'#line {line} "{path}"\n'


def fragment(number, path, line, code):
    definitions, *bodies = IN_MAIN.split(code, maxsplit=1)
    text = f"namespace block_{number} {{\n{at(path, line)}{definitions}"
    if bodies:
        text += "[[maybe_unused]] void body() {\n"
        text += at(path, line + definitions.count("\n") + 1) + bodies[0] + "}\n"
    return text + "}\n"


def printed(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout


split = sys.argv.index("--")
root, compile, link = pathlib.Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :]
fragments = [f"#include <{header}>\n" for header in HEADERS]
fragments += ["#include <multiprocessing/multiprocessing.hpp>\n", "namespace mp = multiprocessing;\n"]
fragments += ["using namespace std::chrono_literals;\n"]
programs, python = 0, None
with tempfile.TemporaryDirectory() as folder:
    source, program = pathlib.Path(folder, "block.cpp"), pathlib.Path(folder, "program")
    for path, line, language, code in blocks(root):
        if language == "python":
            python = code if "__main__" in code else None
            continue
        if "int main" not in code:
            fragments.append(fragment(len(fragments), path, line, code))
            python = None
            continue
        programs += 1
        source.write_text(at(path, line) + code)
        subprocess.run([*compile, source, "-o", program, *link], check=True)
        ours = printed([program])
        if python is not None:
            script = pathlib.Path(folder, "block.py")
            script.write_text(python)
            theirs = printed([sys.executable, script])
            if ours != theirs:
                sys.exit(f"{path}:{line}: prints\n{ours}and the Python program before it\n{theirs}")
        python = None
    source.write_text("".join(fragments))
    subprocess.run([*compile, "-fsyntax-only", source], check=True)
if not programs:
    sys.exit("no program found")
