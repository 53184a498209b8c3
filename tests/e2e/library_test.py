"""The engine as a library: what it exports, and the same bits from C as from the program."""

import json
import re
import shutil
import subprocess
import unittest

import numpy

from program import SOURCE, ProgramTest
from python_package import BUILD, LIBRARY


def exported(library):
    printed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True)
    return sorted(line.split()[2].split("@")[0] for line in printed.stdout.splitlines() if line.split()[1] != "A")


def declared():
    header = (SOURCE / "include" / "repal.h").read_text()
    return sorted(set(re.findall(r"^(?:int|void|size_t|const char\*) (repal_\w+)\(", header, re.MULTILINE)))


class Interface(unittest.TestCase):
    def test_it_exports_what_the_header_says_and_nothing_else(self):
        self.assertGreater(len(declared()), 25)
        self.assertEqual(exported(LIBRARY), declared())
        listed = (SOURCE / "apps" / "library" / "repal_c.exports").read_text()
        self.assertEqual(sorted(re.findall(r"\b(repal_\w+);", listed)), declared())

    def test_python_calls_all_of_it(self):
        calls = (SOURCE / "python" / "repal" / "_library.py").read_text()
        self.assertEqual(sorted(set(re.findall(r'"(repal_\w+)": \(', calls))), declared())


class FromC(ProgramTest):
    def test_the_example_gives_the_bits_of_the_program(self):
        library = BUILD / "lib"
        compilers = 0
        for compiler in ("clang-19", "gcc"):
            if not shutil.which(compiler):
                continue
            subprocess.run([compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", SOURCE / "examples" / "compare.c",
                            f"-I{SOURCE}/include", f"-L{library}", "-lrepal_c", f"-Wl,-rpath,{library}", "-lm", "-o", "compare"],
                           cwd=self.folder, check=True)
            result = subprocess.run(["./compare", '{"metrics": {"dsa": {"rank": 3, "n_delays": 4}, "cka": {}}}', "values"],
                                    cwd=self.folder, capture_output=True, text=True, check=True)
            values = numpy.fromfile(self.folder / "values").reshape(2, 8, 200, 3)
            for i, name in enumerate(("slow", "fast")):
                numpy.save(self.folder / f"{name}.npy", values[i])
            program = json.loads(self.succeed("compare", "slow.npy", "fast.npy", "--metric", "dsa,cka", "--format", "json",
                                              "--set", "dsa.rank=3", "--set", "dsa.n_delays=4").stdout)
            for row, expected in zip(json.loads(result.stdout), program, strict=True):
                self.assertEqual((row["metric"], row["angle_rad"]), (expected["metric"], expected["angle_rad"]))
            refused = subprocess.run(["./compare", '{"metrics": {"dsb": {}}}'], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("compare: metrics: unknown metric 'dsb'; did you mean 'dsa'?", refused.stderr)


if __name__ == "__main__":
    unittest.main()
