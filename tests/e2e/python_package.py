"""The Python package over the library that was built, for tests."""

import json
import os
import pathlib
import subprocess
import sys
import warnings

import numpy

from program import SOURCE, ProgramTest

BUILD = pathlib.Path(os.environ["REPAL_BUILD"])
LIBRARY = BUILD / "lib" / "librepal_c.so"
PACKAGE = SOURCE / "python"
os.environ["REPAL_LIBRARY"] = str(LIBRARY)
sys.path.insert(0, str(PACKAGE))
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
SAME = ("metric", "angle_rad", "dissimilarity", "lower_bound_rad", "status", "settings", "values")


def outside(arguments, **keywords):
    """Another Python with the package."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=600, **keywords)


class PythonTest(ProgramTest):
    def setUp(self):
        super().setUp()
        ignored = warnings.catch_warnings()
        ignored.__enter__()
        self.addCleanup(ignored.__exit__, None, None, None)
        warnings.simplefilter("ignore")
        random = numpy.random.default_rng(4)
        self.systems = []
        for _ in range(3):
            turn = numpy.linalg.qr(random.standard_normal((4, 4)))[0] * 0.97
            x = numpy.empty((12, 80, 4))
            x[:, 0] = random.standard_normal((12, 4))
            for t in range(1, 80):
                x[:, t] = x[:, t - 1] @ turn + 0.1 * random.standard_normal((12, 4))
            self.systems.append(x)
        self.inputs = [random.standard_normal((12, 80, 2)) for _ in range(3)]
        for i in range(3):
            numpy.save(self.folder / f"{i}.npy", self.systems[i])
            numpy.save(self.folder / f"u{i}.npy", self.inputs[i])

    def by_program(self, *arguments):
        result = self.run_repal("compare", "0.npy", "1.npy", "2.npy", "--format", "json", *arguments)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        return json.loads(result.stdout)

    def expect_same(self, comparison, program):
        self.assertEqual([{name: row[name] for name in SAME} for row in comparison.rows],
                         [{name: row[name] for name in SAME} for row in program])
