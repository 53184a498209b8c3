"""An import of a floor above does not build: tried in a copy."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])


class Floors(unittest.TestCase):
    def setUp(self):
        self.copy = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "repal"
        shutil.copytree(SOURCE, self.copy, ignore=shutil.ignore_patterns("build", ".git", "results"))
        # What is imported does not depend on how it is optimised.
        subprocess.run(["cmake", "--preset", "release", "-D", "REPAL_BUILD_TESTS=OFF", "-D", "CMAKE_CXX_FLAGS_RELEASE=-O0"],
                       cwd=self.copy, check=True, capture_output=True)

    def build(self):
        return subprocess.run(["cmake", "--build", "--preset", "release", "--target", "repal_linalg"], cwd=self.copy,
                              capture_output=True, text=True)

    def test_an_import_of_a_floor_above_does_not_build(self):
        source = self.copy / "modules" / "linalg" / "linalg.cpp"
        text = source.read_text()
        self.assertIn("module repal.linalg;\n", text)
        source.write_text(text.replace("module repal.linalg;\n", "module repal.linalg;\nimport repal.metric;\n"))

        above = self.build()
        source.write_text(text)
        as_it_is = self.build()

        self.assertNotEqual(above.returncode, 0)
        self.assertIn("module 'repal.metric' not found", above.stdout)
        self.assertEqual(as_it_is.returncode, 0, as_it_is.stdout)


if __name__ == "__main__":
    unittest.main()
