"""What was compiled: nothing of ours defines a part of Ceres, shows what is inside, or needs what Ceres could do without."""

import os
import pathlib
import re
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["REPAL_BUILD"])
STRONG = "ABCDGRST"
UNWANTED = re.compile(r"lib(cholmod|spqr|cxsparse|umfpack|klu|btf|ldl|c?camd|c?colamd|amd|suitesparse|metis|[a-z]*blas|lapack)")


def symbols(printed):
    """The pairs (mangled name, kind) that nm has printed in the format of POSIX."""
    return re.findall(r"^(?:\S+: )?(\S+) (\w)(?: |$)", printed, re.MULTILINE)


def is_of(namespace, name):
    """Whether a mangled name is that of a function, variable, table or guard in the namespace."""
    return re.match(rf"_Z(T[VTIS]|Th?v?[n\d_]+|GV)?N[KVrRO]*{len(namespace)}{namespace}", name) is not None


def parts_of_ceres(printed):
    """What is in the namespace and not from a header, of which every object may have a copy."""
    return [name for name, kind in symbols(printed) if kind in STRONG and is_of("ceres", name)]


def nm(*arguments):
    return subprocess.run(["nm", "-P", "--defined-only", *arguments], check=True, capture_output=True, text=True).stdout


def built(files):
    """Those that this build makes: an earlier one may have left others."""
    rules = (BUILD / "build.ninja").read_text()
    return [file for file in files if str(file.relative_to(BUILD)) in rules]


def linked_files():
    """The program, our libraries and the plugins."""
    return built([BUILD / "bin" / "repal", *(BUILD / "lib").glob("*.so"), *(BUILD / "lib" / "repal").glob("*.so")])


class Symbols(unittest.TestCase):
    maxDiff = None

    def test_no_object_of_ours_defines_a_part_of_ceres(self):
        objects = built(file for file in BUILD.rglob("*.o") if re.search(r"/CMakeFiles/\w+\.dir/", str(file)))

        self.assertGreater(len(objects), 50)
        self.assertEqual(parts_of_ceres(nm("-A", *objects)), [])

    def test_nothing_of_ceres_or_eigen_is_visible(self):
        for file in linked_files():
            visible = [name for name, _ in symbols(nm("-D", file))
                       if any(is_of(namespace, name) for namespace in ("ceres", "google", "Eigen"))]

            self.assertEqual(visible, [], file)

    def test_nothing_needs_suitesparse_lapack_or_blas(self):
        self.assertIn("metric_dsa.so", [file.name for file in linked_files()])
        for file in linked_files():
            needed = subprocess.run(["ldd", file], check=True, capture_output=True, text=True).stdout

            self.assertEqual([line for line in needed.split("\n") if UNWANTED.match(line.strip())], [], file)


class Check(unittest.TestCase):
    """That the check finds what it is for."""

    def test_a_function_of_ceres_is_found_and_a_copy_of_an_inline_one_is_not(self):
        replaced = "_ZN5ceres8internal12LinearSolver6CreateERKNS1_7OptionsE T 0 1a\n"
        method = "_ZNK5ceres6Solver7Options7IsValidEPNSt7__cxx1112basic_stringIcEE T 20 3\n"
        table = "_ZTVN5ceres8ManifoldE D 0 8\n"
        copied = "_ZN5ceres8ManifoldD0Ev W 0 5\n_ZTSN5ceres8ManifoldE V 0 10\n"
        ours = "_ZN5repal5solveERKN5ceres15GradientProblemE T 0 5\nmain T 0 4\n"

        self.assertEqual(len(parts_of_ceres(replaced + method + table)), 3)
        self.assertEqual(parts_of_ceres(copied + ours), [])


if __name__ == "__main__":
    unittest.main()
