"""The ABI tag changes with what the interfaces declare, and with nothing else of their text."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])
FLOORS = ("core", "linalg", "interface")


class InterfaceHash(unittest.TestCase):
    def setUp(self):
        self.modules = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "modules"
        for floor in FLOORS:
            shutil.copytree(SOURCE / "modules" / floor, self.modules / floor)
        self.before = self.hash()

    def hash(self):
        files = ";".join(str(file) for floor in FLOORS for file in (self.modules / floor).glob("*.cppm"))
        made = subprocess.run(["cmake", "-D", f"COMPILER={os.environ['REPAL_COMPILER']}", "-D", f"FOLDER={self.modules}",
                               "-D", f"FILES={files}", "-P", SOURCE / "modules" / "interface" / "interface_hash.cmake"],
                              cwd=self.modules, check=True, capture_output=True, text=True)
        return made.stdout.strip()

    def change(self, name, before, after):
        file = self.modules / name
        text = file.read_text()
        self.assertIn(before, text, name)
        file.write_text(text.replace(before, after, 1))

    def test_it_is_twelve_digits(self):
        self.assertRegex(self.before, r"^[0-9a-f]{12}$")

    def test_comments_and_blanks_leave_it_as_it_is(self):
        self.change("interface/score.cppm", "export struct Score {", "/// Another \"comment; with\" marks.\nexport  struct Score  {\n")
        self.change("interface/task.cppm", "namespace repal {", "namespace repal { // here, too\n\n")

        self.assertEqual(self.hash(), self.before)

    def test_the_order_of_includes_and_imports_leaves_it_as_it_is(self):
        self.change("interface/metric.cppm", "#include <concepts>\n#include <cstddef>\n", "#include <cstddef>\n#include <concepts>\n")
        self.change("interface/metric.cppm", "export import repal.abi;\nexport import repal.options;\n",
                    "export import repal.options;\nexport import repal.abi;\n")

        self.assertEqual(self.hash(), self.before)

    def test_a_member_changes_it(self):
        self.change("interface/score.cppm", "double angle_rad = 0;", "double angle_rad = 0; int another = 0;")

        self.assertNotEqual(self.hash(), self.before)

    def test_the_order_of_members_changes_it(self):
        self.change("core/trajectories.cppm", "    Eigen::Index trials = 0;\n    Eigen::Index steps = 0;\n",
                    "    Eigen::Index steps = 0;\n    Eigen::Index trials = 0;\n")

        self.assertNotEqual(self.hash(), self.before)

    def test_a_default_value_changes_it(self):
        self.change("interface/timing.cppm", "double dt = 20;", "double dt = 10;")

        self.assertNotEqual(self.hash(), self.before)

    def test_what_is_imported_changes_it(self):
        self.change("interface/metric.cppm", "export import repal.options;\n", "import repal.options;\n")

        self.assertNotEqual(self.hash(), self.before)


if __name__ == "__main__":
    unittest.main()
