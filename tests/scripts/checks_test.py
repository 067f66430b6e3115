"""Each rule that scripts/check_*.py enforce, broken once and kept once."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def check(script, path, text):
    """The script's complaints about a tree that holds this one file."""
    with tempfile.TemporaryDirectory() as root:
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True)
        file.write_text(text)
        run = subprocess.run([sys.executable, "-B", SCRIPTS / f"{script}.py", root],
                             capture_output=True, text=True)
        return run.stderr


class Layers(unittest.TestCase):
    def assert_include(self, path, name, fine):
        out = check("check_layers", path, f"#include {name}\n")
        self.assertEqual(out == "", fine, f"{path} includes {name}: {out}")

    def test_includes_point_down(self):
        self.assert_include("lib/queue/a.cpp", '"shm/arena.hpp"', True)
        self.assert_include("lib/shm/a.cpp", '"queue/lane.hpp"', False)
        self.assert_include("lib/shm/a.cpp", '"wire/codec.hpp"', False)
        self.assert_include("lib/queue/a.cpp", '"sync/lock.hpp"', False)
        self.assert_include("lib/pool/a.cpp", '"process/keeper.hpp"', True)
        self.assert_include("lib/sys/a.cpp", "<multiprocessing/errors.hpp>", False)

    def test_public_headers_carry_no_boost(self):
        public = "include/multiprocessing/"
        self.assert_include(public + "queues.hpp", "<multiprocessing/errors.hpp>", True)
        self.assert_include(public + "queues.hpp", "<boost/pfr.hpp>", False)
        self.assert_include(public + "detail/fields.hpp", "<boost/pfr.hpp>", True)
        self.assert_include(public + "serialization.hpp", "<boost/archive/text_iarchive.hpp>", True)
        self.assert_include(public + "queues.hpp", '"queue/lane.hpp"', False)

    def test_system_calls_stay_on_the_ground_floor(self):
        call = "void f() { ::mmap(nullptr); }\n"
        self.assertIn("::mmap", check("check_layers", "lib/shm/a.cpp", call))
        self.assertEqual(check("check_layers", "lib/sys/a.cpp", call), "")
        self.assertEqual(check("check_layers", "lib/shm/a.cpp", "sys::mmap(1);  // ::mmap(2)\n"), "")


class Pairs(unittest.TestCase):
    HEAD = "// Ordering. Named where used.\n//   [P] publish -> take\n//\n// Death. None.\n"

    def test_both_ends_are_wanted(self):
        one = self.HEAD + "store();  // [P]\n"
        self.assertIn("[P] stands at 1", check("check_pairs", "lib/shm/a.cpp", one))
        self.assertEqual(check("check_pairs", "lib/shm/a.cpp", one + "load();  // [P]\n"), "")

    def test_a_pair_with_itself_has_one_end(self):
        text = self.HEAD.replace("take", "itself") + "swap();  // [P]\n"
        self.assertEqual(check("check_pairs", "lib/shm/a.cpp", text), "")


class Sizes(unittest.TestCase):
    def test_long_function_is_named(self):
        body = "  work();\n" * 59
        self.assertEqual(check("check_sizes", "lib/shm/a.cpp", f"void f() {{\n{body[10:]}}}\n"), "")
        found = check("check_sizes", "lib/shm/a.cpp", f"\nint f() {{\n{body}}}\n")
        self.assertIn("a.cpp:2: 61 lines", found)

    def test_long_test_case_is_named(self):
        text = "TEST(A, B) {\n" + "  work();\n" * 40 + "}\n"
        self.assertIn("at most 40", check("check_sizes", "tests/shm/a.cpp", text))

    def test_declarations_do_not_add_up(self):
        text = "int f();\n\nint g() { return 1; }\n" * 30
        self.assertEqual(check("check_sizes", "lib/shm/a.cpp", text), "")

    def test_long_file_is_named(self):
        self.assertIn("at most 300", check("check_sizes", "include/multiprocessing/a.hpp", "\n" * 301))


unittest.main()
