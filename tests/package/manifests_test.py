"""Checks that vcpkg.json and conanfile.py say what the project says.  manifests_test.py <root> <version>"""
import ast
import json
import pathlib
import re
import sys

root, version = pathlib.Path(sys.argv[1]), sys.argv[2]
vcpkg = json.loads((root / "vcpkg.json").read_text())
assert vcpkg["version-semver"] == version, f"vcpkg.json has version {vcpkg['version-semver']}, the project {version}"


def names(dependencies):
    return {item if isinstance(item, str) else item["name"] for item in dependencies}


every = names(vcpkg["dependencies"])
for feature in vcpkg["features"].values():
    every |= names(feature["dependencies"])
PARTS = {"archive": "serialization", "functional": "container-hash", "unordered_map.hpp": "unordered", "beast.hpp": "beast"}


def parts(*folders):
    """The Boost libraries that the sources below these folders include."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            for part in re.findall(r"#\s*include <boost/([\w.]+)", path.read_text()):
                yield path.relative_to(root), "boost-" + PARTS.get(part, part)


for path, part in parts("include", "lib"):
    assert part in names(vcpkg["dependencies"]), f"{path} includes {part}, which vcpkg.json does not have"
for path, part in parts("examples", "benchmarks"):
    assert part in every, f"{path} includes {part}, which vcpkg.json does not have"

recipe = (root / "conanfile.py").read_text()
ast.parse(recipe)
pattern = re.search(r're\.search\(r"(.+?)", text\)', recipe)[1]
found = re.search(pattern, (root / "CMakeLists.txt").read_text())[1]
assert found == version, f"conanfile.py finds version {found}, the project has {version}"
for folder in re.search(r"exports_sources = (.+)", recipe)[1].split(", "):
    assert (root / folder.strip('"').removesuffix("/*")).exists(), f"conanfile.py exports {folder}, which is not there"
