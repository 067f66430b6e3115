"""Each rule that scripts/check_*.py enforce, broken once and kept once."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


def check(script, path, text):
    """The script's complaints about a tree that holds this one file."""
    return check_tree(script, {path: text})


def check_tree(script, files, *arguments):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = pathlib.Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        run = subprocess.run([sys.executable, "-B", SCRIPTS / f"{script}.py", root,
                              *(pathlib.Path(root, path) for path in arguments)],
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


class Layouts(unittest.TestCase):
    STATE = {"lib/queue/state.hpp": "// Layout: one word\n"}
    LIST = {"lib/queue/layout.hpp": '#include "queue/state.hpp"\n  return shm::Layout("queue", 1)\n'}
    SUM = {"lib/layout/layout_id.cpp": '#include "queue/layout.hpp"\n'}

    def test_each_layout_is_part_of_the_id(self):
        self.assertIn("lib/queue/state.hpp", check_tree("check_layouts", self.STATE | self.SUM))
        self.assertIn("does not include it", check_tree("check_layouts", self.STATE | self.LIST))
        self.assertEqual(check_tree("check_layouts", self.STATE | self.LIST | self.SUM), "")


class Pairs(unittest.TestCase):
    HEAD = "// Ordering. Named where used.\n//   [P] publish -> take\n//\n// Death. None.\n"

    def test_both_ends_are_wanted(self):
        one = self.HEAD + "store();  // [P]\n"
        self.assertIn("[P] stands at 1", check("check_pairs", "lib/shm/a.cpp", one))
        self.assertEqual(check("check_pairs", "lib/shm/a.cpp", one + "load();  // [P]\n"), "")

    def test_a_pair_with_itself_has_one_end(self):
        text = self.HEAD.replace("take", "itself") + "swap();  // [P]\n"
        self.assertEqual(check("check_pairs", "lib/shm/a.cpp", text), "")


class CrashPoints(unittest.TestCase):
    POINT = 'MULTIPROCESSING_CRASH_POINT("lane.put.published");\n'
    TREE = {"lib/queue/lane.hpp": "// Points: lane.put.{published}\n",
            "lib/queue/lane.cpp": POINT,
            "tests/chaos/lane_chaos_test.cpp": 'TEST(LaneCrash, A) { kill_at("lane.put.published"); }\n',
            "docs/reliability.md": "| `lane.put.published` | it is in | `LaneCrash` |\n"}

    def complaints(self, **changes):
        return check_tree("check_crash_points",
                          self.TREE | {path: text for path, text in changes.values()})

    def test_agreement_is_fine(self):
        self.assertEqual(self.complaints(), "")

    def test_each_place_must_have_each_point(self):
        for path, what in (("lib/queue/lane.hpp", "Points:"),
                           ("tests/chaos/lane_chaos_test.cpp", "tests/chaos"),
                           ("docs/reliability.md", "docs/reliability.md")):
            found = self.complaints(emptied=(path, "\n"))
            self.assertRegex(found, f"lane.cpp:1: lane.put.published: not in .*{what}")

    def test_no_place_has_another_point(self):
        found = self.complaints(gone=("lib/queue/lane.cpp", f"// {self.POINT}"))
        for path in ("lane.hpp", "lane_chaos_test.cpp", "reliability.md"):
            self.assertIn(f"{path}: lane.put.published: there is no such point", found)

    def test_a_row_names_a_suite_that_kills_there(self):
        found = self.complaints(renamed=("docs/reliability.md",
                                         "| `lane.put.published` | it is in | `LaneCrashes` |\n"))
        self.assertIn("lane.put.published: no suite", found)

    def test_short_forms_are_written_out(self):
        short = self.complaints(header=("lib/queue/lane.hpp", "// Points: lane.put.noted\n//   .published\n"),
                                code=("lib/queue/put.cpp", self.POINT.replace("published", "noted")))
        self.assertNotIn("Points:", short)
        self.assertIn("lane.put.noted: not in tests/chaos", short)

    def test_a_name_belongs_to_one_room(self):
        found = self.complaints(again=("lib/shm/block.cpp", self.POINT))
        self.assertIn("block.cpp:1: lane.put.published: also at lib/queue/lane.cpp:1", found)


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


class Conformance(unittest.TestCase):
    def complaints(self, row, count="1 of 1"):
        return check_tree("check_conformance", {
            "tests/a/a_test.cpp": "TEST_P(QueueTest, Fills) {}",
            "docs/conformance.md": f"{count} cases have a test; 0 are left out\n{row}\n",
        })

    def test_named_test_is_defined(self):
        self.assertEqual(self.complaints("| `A.put` | `QueueTest.Fills` | |"), "")
        self.assertIn("no test QueueTest.Empties",
                      self.complaints("| `A.put` | `QueueTest.Empties` | |"))

    def test_case_has_a_test_or_a_reason(self):
        self.assertIn("neither", self.complaints("| `A.put` | | |", "0 of 1"))
        self.assertEqual(self.complaints("| `A.put` | | not yet |", "0 of 1"), "")

    def test_counts_are_right(self):
        self.assertIn("it should say 1 of 1",
                      self.complaints("| `A.put` | `QueueTest.Fills` | |", "2 of 2"))

    def test_named_test_ran(self):
        tree = {"tests/a/a_test.cpp": "TEST_P(QueueTest, Fills) {}",
                "docs/conformance.md": "1 of 1 cases have a test; 0 are left out\n| `A.put` | `QueueTest.Fills` | |\n"}
        for name, status, complaint in (("queue_test.Kinds/QueueTest.Fills/3.5", "run", ""),
                                        ("queue_test.QueueTest.Fills&lt;a::Queue&lt;int&gt; &gt;", "fail", ""),
                                        ("queue_test.QueueTest.Fills", "notrun", ""),
                                        ("queue_test.QueueTest.FillsUp", "run", "QueueTest.Fills did not run\n")):
            results = f'<testsuite><testcase name="{name}" status="{status}"/></testsuite>'
            self.assertEqual(check_tree("check_conformance", tree | {"results.xml": results}, "results.xml"), complaint)


unittest.main()
