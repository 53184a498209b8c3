"""The wheel: one file for every Python, with the program, the library and the plugins in it."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import numpy

from program import DEMO, SOURCE, ProgramTest

SCRIPT = """
import json, sys, warnings
import numpy, repal
warnings.simplefilter("ignore")
x, y = (numpy.load(name) for name in ("x.npy", "y.npy"))
d = repal.compare([x, y], metric={"dsa": {"rank": 3, "n_delays": 2}, "cka": {}, "procrustes": {}})
t = repal.tune([x, y], rank=[2, 3], n_delays=2)
print(json.dumps([[row["angle_rad"] for row in d.rows], t.chosen, repal.simulate("lorenz", trials=2, steps=5).sum(),
                  sorted(repal.metrics()), repal.__version__, repal.__file__]))
"""


class WheelTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.made = pathlib.Path(tempfile.mkdtemp(prefix="repal-wheel-"))
        cls.addClassCleanup(shutil.rmtree, cls.made)
        printed = subprocess.run([SOURCE / "scripts" / "wheel.sh", cls.made], capture_output=True, text=True)
        if printed.returncode != 0:
            raise RuntimeError(printed.stdout + printed.stderr)
        cls.wheel = pathlib.Path(printed.stdout.strip())

    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(1)
        for name in "xy":
            numpy.save(self.folder / f"{name}.npy", random.standard_normal((8, 60, 4)).cumsum(1))


class Wheel(WheelTest):
    def environment(self, *arguments):
        """A fresh virtual environment with the wheel."""
        folder = self.folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", *arguments, folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", "--no-index", "--no-deps", self.wheel], check=True)
        return folder / "bin"

    def test_its_name_says_where_it_runs(self):
        self.assertRegex(self.wheel.name, r"^repal-\d+\.\d+\.\d+-py3-none-manylinux_2_28_x86_64\.whl$")
        self.assertLess(self.wheel.stat().st_size, 25e6)
        with zipfile.ZipFile(self.wheel) as wheel:
            self.assertIsNone(wheel.testzip())
            names = wheel.namelist()
        self.assertEqual(len(names), len(set(names)))
        for name in ("repal/__init__.py", "repal/py.typed", "repal/engine/bin/repal", "repal/engine/lib/librepal_c.so.0", "repal/engine/include/repal.h",
                     "repal/engine/licences/LIBRARIES.md"):
            self.assertIn(name, names)
        self.assertEqual([name for name in names if "__pycache__" in name], [])

    def test_the_same_numbers_in_a_fresh_environment(self):
        if subprocess.run([sys.executable, "-m", "venv", "--help"], capture_output=True).returncode != 0:
            self.cannot_run("there is no python3-venv")
        environment = self.environment("--system-site-packages")
        bare = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        result = subprocess.run([environment / "python", "-c", SCRIPT], cwd=self.folder, capture_output=True, text=True, env=bare)
        self.assertEqual(result.returncode, 0, result.stderr)
        angles, chosen, _, metrics, version, file = json.loads(result.stdout)
        self.assertTrue(file.startswith(str(self.folder)))
        program = ["compare", "x.npy", "y.npy", "--metric", "dsa,cka,procrustes", "--set", "dsa.rank=3", "--set", "dsa.n_delays=2", "--format", "json"]
        expected = json.loads(self.succeed(*program).stdout)
        self.assertEqual(angles, [row["angle_rad"] for row in expected])
        # The program of the environment.
        found = subprocess.run([environment / "repal", *program], cwd=self.folder, capture_output=True, text=True, env=bare)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual([row["angle_rad"] for row in json.loads(found.stdout)], angles)
        self.assertIn(version, subprocess.run([environment / "repal", "--version"], capture_output=True, text=True).stdout)
        refused = subprocess.run([environment / "repal", "compare", "z.npy", "x.npy"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 2)
        demo = subprocess.run([environment / "repal", "run", "attractors", "--config", DEMO, "--results", "results"], cwd=self.folder,
                              capture_output=True, text=True, env=bare)
        self.assertEqual(demo.returncode, 0, demo.stderr)

    def test_without_numpy_it_says_so(self):
        environment = self.environment()
        result = subprocess.run([environment / "python", "-c", "import repal"], capture_output=True, text=True)
        self.assertIn("ImportError: repal needs NumPy: pip install numpy", result.stderr)
        # The program needs no NumPy.
        self.assertEqual(subprocess.run([environment / "repal", "plugins"], capture_output=True).returncode, 0)


if __name__ == "__main__":
    unittest.main()
