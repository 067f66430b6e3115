"""Makes the Debian packages, looks at them, unpacks them and builds a consumer against the result.

    deb_test.py <build folder> <work folder> <cmake> <generator> <shared: 0 or 1> <option>...

On a continuous integration server (CI is set), as root, it installs them, too, and removes them again.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

build, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
cmake, generator, shared, options = sys.argv[3], sys.argv[4], sys.argv[5] == "1", sys.argv[6:]
source = pathlib.Path(__file__).parent / "consumer"


def run(*command, **more):
    print("+", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **more)


def output(*command):
    return run(*command, stdout=subprocess.PIPE).stdout


def consume(name, mode, prefix=None):
    """Builds and runs the consumer, which finds the library under the prefix or by itself."""
    env = dict(os.environ)
    if prefix:
        env["CMAKE_PREFIX_PATH"] = str(prefix)
        env["PKG_CONFIG_PATH"] = str(prefix / "lib/pkgconfig")
    run(cmake, "-S", source, "-B", work / name, "-G", generator, f"-DMODE={mode}", *options, env=env)
    run(cmake, "--build", work / name)
    run(work / name / "consumer")
    return (work / name / "CMakeCache.txt").read_text()


shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
run(pathlib.Path(cmake).parent / "cpack", "--config", build / "CPackConfig.cmake", "-G", "DEB", "-B", work / "debs")
debs = {output("dpkg-deb", "-f", deb, "Package").strip(): deb for deb in sorted((work / "debs").glob("*.deb"))}

development = debs.pop("libmultiprocessing-dev")
files = output("dpkg-deb", "-c", development)
needs = output("dpkg-deb", "-f", development, "Depends")
assert re.search(r"libboost-serialization[\d.]+-dev", needs), needs
for wanted in ("include/multiprocessing/queues.hpp", "multiprocessing-config.cmake", "multiprocessing.pc", "copyright"):
    assert wanted in files, f"no {wanted} in\n{files}"
assert not re.search(r"\.so\.", files.replace("-> libmultiprocessing.so.", "")), files
if shared:
    (name, runtime), = debs.items()
    assert re.fullmatch(r"libmultiprocessing\d+\.\d+", name), name
    assert f"{name} (= " in needs, needs
    assert "libssl" in output("dpkg-deb", "-f", runtime, "Depends")
    files = output("dpkg-deb", "-c", runtime)
    assert "libmultiprocessing.so." in files and "include" not in files, files
else:
    assert not debs, debs

root = work / "root"
packages = [*debs.values(), development]
for deb in packages:
    run("dpkg", "-x", deb, root)
for mode in ("find_package", "pkg_config"):
    cache = consume(mode, mode, root / "usr")
    assert str(root) in cache, f"another installation was found:\n{cache}"

if os.environ.get("CI") and os.geteuid() == 0:
    run("dpkg", "-i", *packages)
    try:
        consume("installed", "find_package")
        consume("installed_pkg_config", "pkg_config")
    finally:
        run("dpkg", "-r", "libmultiprocessing-dev", *debs)
