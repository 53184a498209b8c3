"""The library from R and Octave: the numbers of the program, and its texts where something is wrong."""

import json
import re
import shutil
import subprocess
import unittest

import numpy

from program import SOURCE, ProgramTest
from python_package import BUILD

OPTIONS = '{"metrics": {"dsa": {"rank": 3, "n_delays": 4}, "cka": {}}}'


class Languages(ProgramTest):
    def setUp(self):
        super().setUp()
        for folder in ("include", "examples"):
            (self.folder / folder).symlink_to(SOURCE / folder)
        (self.folder / "lib").symlink_to(BUILD / "lib")
        random = numpy.random.default_rng(2)
        self.arrays = [random.standard_normal((5 + i, 60, 3)).cumsum(1) for i in range(2)]
        for name, array in zip("xy", self.arrays):
            numpy.save(self.folder / f"{name}.npy", array)
            # In the order of R and Octave.
            array.ravel(order="F").tofile(self.folder / f"{name}.bin")
        self.expected = [row["angle_rad"] for row in json.loads(self.succeed(
            "compare", "x.npy", "y.npy[:5]", "--metric", "dsa,cka", "--set", "dsa.rank=3", "--set", "dsa.n_delays=4", "--format", "json").stdout)]
        page = (SOURCE / "docs" / "languages.md").read_text()
        self.commands = re.findall(r"^    ((?:.+\\\n)*.+)$", page, re.MULTILINE)

    def run_here(self, command):
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, shell=isinstance(command, str))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def command(self, beginning):
        [command] = [command for command in self.commands if command.startswith(beginning)]
        return command

    def test_r(self):
        if not shutil.which("Rscript"):
            self.cannot_run("there is no R: r-base-core")
        self.run_here(self.command("cc -shared"))
        self.assertIn("ok", self.run_here(self.command("Rscript")))
        script = ('dyn.load("repal_r.so"); source("examples/languages/repal.R")\n'
                  'x <- array(readBin("x.bin", "double", 5 * 60 * 3), c(5, 60, 3)); y <- array(readBin("y.bin", "double", 6 * 60 * 3), c(6, 60, 3))\n'
                  f"d <- repal(list(x = x, y = y[1:5, , ]), '{OPTIONS}')\n"
                  'cat(sprintf("%.17g\\n", d$angle_rad))\n'
                  'cat(tryCatch(repal(list(a = x, b = y), \'{"metrics": {"dsb": {}}}\'), error = conditionMessage), "\\n")\n'
                  'x[2] <- NaN; cat(tryCatch(repal(list(a = x, b = y)), error = conditionMessage), "\\n")\n')
        said = self.run_here(["Rscript", "-e", script]).splitlines()
        self.assertEqual([float(line) for line in said[:2]], self.expected)
        self.assertIn("did you mean 'dsa'?", said[2])
        self.assertIn("a: value nan at trial 1, step 0, channel 0", said[3])

    def test_octave(self):
        if not shutil.which("mkoctfile"):
            self.cannot_run("there is no Octave: octave-dev")
        self.run_here(self.command("mkoctfile"))
        self.assertIn("status = ok", self.run_here(self.command("octave")))
        script = ("f = fopen('x.bin'); x = reshape(fread(f, 'double'), [5, 60, 3]); f = fopen('y.bin'); y = reshape(fread(f, 'double'), [6, 60, 3]);\n"
                  f"d = repal_mex({{x, y(1:5, :, :)}}, {{'x', 'y'}}, '{OPTIONS}'); printf('%.17g\\n', d.angle_rad);\n"
                  "try, repal_mex({x, y}, {'x', 'y'}, '{\"metrics\": {\"dsb\": {}}}'), catch e, disp(e.message), end\n"
                  "try, repal_mex({x, single(y)}, {'x', 'y'}, '{}'), catch e, disp(e.message), end\n")
        said = self.run_here(["octave", "--eval", script]).splitlines()
        self.assertEqual([float(line) for line in said[:2]], self.expected)
        self.assertIn("did you mean 'dsa'?", said[2])
        self.assertIn("real doubles", said[3])


if __name__ == "__main__":
    unittest.main()
