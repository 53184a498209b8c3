"""The packages: the .tar.gz runs where there is nothing but Debian's base, and says whose work is in it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import bare_root
import numpy
from program import DEMO, SOURCE, ProgramTest

BUILD = os.environ["REPAL_BUILD"]
GLIBC = re.compile(r"(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl))\.so\.\d+$")
UNWANTED = re.compile(r"lib(cholmod|spqr|cxsparse|umfpack|klu|btf|ldl|c?camd|c?colamd|amd|suitesparse|metis|[a-z]*blas|lapack)")
COMPARE = ("import numpy, repal; x = numpy.random.default_rng(1).standard_normal((8, 60, 3)).cumsum(1)\n"
           "row = repal.compare([x, x], metric='cka').rows[0]; print([row['angle_rad'], row['status']])")
TABLES = ["dissimilarity.csv", "summary.csv", "failures.csv", "trajectories/lorenz.h5"]


def dynamic_section(file):
    """The entries (tag, value) of an ELF file, [] of any other."""
    with open(file, "rb") as opened:
        if opened.read(4) != b"\x7fELF":
            return []
    printed = subprocess.run(["readelf", "-d", "-W", file], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\((\w+)\)\s+.*\[(.*)\]", printed)


class Package(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.made = pathlib.Path(tempfile.mkdtemp(prefix="repal-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.made)
        if not shutil.which("patchelf") or not shutil.which("dpkg-shlibdeps"):
            return
        made = subprocess.run(["cpack", "--config", f"{BUILD}/CPackConfig.cmake", "-B", cls.made], cwd=cls.made,
                              capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(made.stdout + made.stderr)
        shutil.rmtree(cls.made / "_CPack_Packages")

    def setUp(self):
        super().setUp()
        for tool in ("patchelf", "dpkg-shlibdeps"):
            if not shutil.which(tool):
                self.cannot_run(f"there is no {tool}")

    def package(self, suffix):
        [file] = self.made.glob("repal-*-linux-*" + suffix)
        return file

    def unpack(self, folder):
        """The one top folder of the .tar.gz, below `folder`."""
        archive = self.package(".tar.gz")
        subprocess.run(["tar", "-xzf", archive, "-C", folder, "--no-same-owner"], check=True)
        top = pathlib.Path(folder) / archive.name.removesuffix(".tar.gz")
        self.assertTrue(top.is_dir())
        return top

    def elf_files(self, top):
        # What plugins are linked with is never loaded.
        files = [file for file in top.rglob("*") if file.is_file() and not file.is_symlink() and file.parent.name != "glibc"]
        return {file: entries for file in files if (entries := dynamic_section(file))}

    def bare_root(self, name):
        if reason := bare_root.why_not():
            self.cannot_run(reason)
        return bare_root.make(name)

    def copy_of_bare_root(self, name):
        root = self.folder / "root"
        subprocess.run(["cp", "-a", self.bare_root(name), root], check=True)
        return root

    def in_root(self, root, command, **keywords):
        result = bare_root.run(root, command, **keywords)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result.stdout

    def test_the_archive_gives_the_same_bytes_where_there_is_only_debians_base(self):
        for table, found, expected in self.tables_of("debian12"):
            self.assertEqual(found, expected, table)

    def test_it_gives_the_same_digits_with_an_old_glibc(self):
        # glibc 2.31, whose acos, atan2, hypot and others differ in the last digit.
        for table, found, expected in self.tables_of("debian11"):
            if not table.endswith(".csv"):
                continue
            found, expected = (re.split("[,\n]", text.decode()) for text in (found, expected))
            self.assertEqual(len(found), len(expected), table)
            for one, other in zip(found, expected, strict=True):
                if one != other:
                    self.assertAlmostEqual(float(one), float(other), delta=1e-9 * abs(float(other)) + 1e-12, msg=table)

    def tables_of(self, name):
        """What a study gives in a root, and here."""
        root = self.bare_root(name)
        self.assertEqual([file for pattern in ("*hdf5*", "*ceres*", "*libzip*", "*yaml-cpp*")
                          for file in root.rglob(f"usr/lib/**/{pattern}")], [])
        home = tempfile.mkdtemp(prefix="home-", dir=root / "tmp")
        self.addCleanup(shutil.rmtree, home)
        top = self.unpack(home)
        folder = "/" + str(top.relative_to(root))

        self.assertIn("dsa", self.in_root(root, ["bin/repal", "plugins"], folder=folder))
        numpy.save(top / "a.npy", numpy.random.default_rng(1).normal(size=(12, 40, 3)).cumsum(axis=1))
        compare = ["compare", "a.npy", "a.npy[:,:,1:]", "--metric", "cka,procrustes", "--format", "csv"]
        shutil.copy(top / "a.npy", self.folder)
        self.assertEqual(self.in_root(root, ["bin/repal", *compare], folder=folder), self.succeed(*compare).stdout)
        self.in_root(root, ["bin/repal", "run", "attractors", "--config", "examples/demo.yaml", "--results", "results",
                            "--jobs", "2"],
                     folder=folder, LD_DEBUG="libs", LD_DEBUG_OUTPUT=folder + "/loaded")

        self.succeed("run", "attractors", "--config", DEMO, "--results", "expected", "--jobs", "2")
        [log] = top.glob("loaded.*")
        loaded = set(re.findall(r"calling init: (\S+)", log.read_text()))
        inside = {file for file in loaded if os.path.normpath(file).startswith(folder + "/")}
        self.assertGreater(len(inside), 10)
        self.assertEqual([file for file in loaded - inside if not GLIBC.fullmatch(os.path.basename(file))], [])
        return [(table, (top / "results" / "attractors" / table).read_bytes(),
                 (self.folder / "expected" / "attractors" / table).read_bytes()) for table in TABLES]

    def test_a_plugin_that_is_made_here_loads_there(self):
        root = self.bare_root("debian11")
        home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=root / "tmp"))
        self.addCleanup(shutil.rmtree, home)
        top = self.unpack(home)
        subprocess.run([top / "bin" / "repal", "new-plugin", "metric", "mean_lag"], cwd=home, check=True, capture_output=True)
        source = home / "mean_lag" / "mean_lag.cpp"
        # What the compiler of a newer system puts into a program.
        text = source.read_text()
        source.write_text("#include <atomic>\n#include <cmath>\n#include <map>\n#include <memory>\n#include <regex>\n#include <thread>\n"
                          + text.replace("namespace {", """namespace {

// Shares a pointer among threads, and calls mathematics whose symbols have newer versions.
[[gnu::used]] double of_threads(double x) {
    auto shared = std::make_shared<std::map<double, double>>();
    (*shared)[x] = std::pow(std::exp(x), std::log(2 + x * x));
    std::thread thread([copy = shared] { (*copy)[0] = std::regex_match("a", std::regex("[a-z]")) ? 1 : 0; });
    thread.join();
    return shared->begin()->second;
}
""", 1))
        for command in (["cmake", "--preset", "default"], ["cmake", "--build", "build"]):
            made = subprocess.run(command, cwd=home / "mean_lag", capture_output=True, text=True)
            self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

        folder = "/" + str(top.relative_to(root))
        plugin = "/" + str((home / "mean_lag" / "build").relative_to(root))
        checked = self.in_root(root, ["bin/repal", "check-plugin", f"{plugin}/metric_mean_lag.so"], folder=folder)
        self.assertNotIn("FAIL", checked)
        numpy.save(top / "a.npy", numpy.random.default_rng(1).normal(size=(3, 40, 2)))
        self.assertIn("mean_lag,a.npy,a.npy,0,0,,ok",
                      self.in_root(root, ["bin/repal", "compare", "a.npy", "a.npy", "--metric", "mean_lag", "--format", "csv",
                                          "--plugin-path", plugin], folder=folder))

    def test_glibc_2_28_is_enough(self):
        top = self.unpack(self.folder)
        for file in self.elf_files(top):
            needed = subprocess.run(["objdump", "-T", file], check=True, capture_output=True, text=True).stdout
            versions = {tuple(map(int, version.split("."))) for version in re.findall(r"\bGLIBC_([\d.]+)", needed)}
            self.assertLessEqual(max(versions), (2, 28), file)
            # Of the libraries, those that Debian 11 has or that come along.
            self.assertNotRegex(needed, "GLIBC_ABI|GLIBC_PRIVATE", file)

    def test_it_is_small_and_starts_at_once(self):
        top = self.unpack(self.folder)
        self.assertLess(self.package(".tar.gz").stat().st_size, 20e6)
        for arguments in (["--version"], ["plugins"]):
            seconds = []
            for _ in range(15):
                begin = time.monotonic()
                subprocess.run([top / "bin" / "repal", *arguments], check=True, capture_output=True)
                seconds.append(time.monotonic() - begin)
            # The least: other programs run here, too.
            self.assertLess(min(seconds), 0.03, arguments)

    def test_containers_are_made_as_their_recipes_say(self):
        # No tool for containers, but the same steps in the same base.
        recipes = SOURCE / "containers"
        definition = dict(re.findall(r"^%(\w+)\n((?: .*\n)+)", (recipes / "repal.def").read_text(), re.MULTILINE))
        [run] = re.findall(r"^RUN (.*)$", (recipes / "Dockerfile").read_text(), re.MULTILINE)
        for steps in (definition["post"], run):
            root = self.copy_of_bare_root("debian12")
            self.assertTrue(self.package(".tar.gz").match(definition["files"].split()[0]))
            shutil.copy(self.package(".tar.gz"), root / "opt")
            self.in_root(root, ["sh", "-ec", steps])
            self.assertIn("dsa", self.in_root(root, ["sh", "-c", definition["runscript"].strip(), "repal", "plugins"]))
            self.in_root(root, ["sh", "-ec", definition["test"]])
            self.assertEqual(list((root / "opt").glob("*.tar.gz")), [])
            shutil.rmtree(root)

    def test_other_versions_in_ld_library_path_are_not_loaded(self):
        top = self.unpack(self.folder)
        others = self.folder / "others"
        others.mkdir()
        for library in (top / "lib").glob("*.so*"):
            (others / library.name).write_text("not a library")

        listed = subprocess.run([top / "bin" / "repal", "plugins"], capture_output=True, text=True,
                                env={**os.environ, "LD_LIBRARY_PATH": str(others)})

        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertIn("dsa", listed.stdout)

    def test_plugins_are_built_against_the_unpacked_archive(self):
        home = self.folder / "somebody's home"
        home.mkdir()
        repal = self.unpack(home) / "bin" / "repal"
        subprocess.run([repal, "new-plugin", "metric", "mean_lag"], cwd=home, check=True, capture_output=True)
        plugin = home / "mean_lag"

        for command in (["cmake", "--preset", "default"], ["cmake", "--build", "build"], ["ctest", "--test-dir", "build"]):
            made = subprocess.run(command, cwd=plugin, capture_output=True, text=True)
            self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

        for file in ("CMakeCache.txt", "build.ninja"):
            for tree in (str(SOURCE), BUILD):
                self.assertNotIn(tree, (plugin / "build" / file).read_text(), file)
        numpy.save(home / "a.npy", numpy.random.default_rng(1).normal(size=(3, 40, 2)))
        compared = subprocess.run([repal, "compare", "a.npy", "a.npy", "--metric", "mean_lag", "--format", "csv",
                                   "--plugin-path", plugin / "build"], cwd=home, capture_output=True, text=True)
        self.assertEqual(compared.stdout.splitlines()[1:], ["mean_lag,a.npy,a.npy,0,0,,ok,,3,3," + 2 * "3 trials x 40 steps x 2 channels,"], compared.stderr)

    def test_every_library_is_there_or_glibcs_and_found_by_where_the_file_is(self):
        top = self.unpack(self.folder)
        files = self.elf_files(top)
        names = {file.name for file in (top / "lib").iterdir()}

        self.assertGreater(len(files), 20)
        for file, entries in files.items():
            tags = dict(entries)
            self.assertNotIn("RUNPATH", tags, file)
            for folder in tags["RPATH"].split(":"):
                self.assertRegex(folder, r"^\$ORIGIN(/|$)", file)
            for needed in (value for tag, value in entries if tag == "NEEDED"):
                self.assertIsNone(UNWANTED.match(needed), f"{file} needs {needed}")
                self.assertTrue(needed in names or GLIBC.fullmatch(needed), f"{file} needs {needed}")
            self.assertIsNone(UNWANTED.match(file.name), file)
        self.assertEqual([link for link in top.rglob("*") if link.is_symlink() and not link.exists()], [])

    def test_every_bundled_library_has_a_licence(self):
        top = self.unpack(self.folder)
        table = (top / "licences" / "LIBRARIES.md").read_text()
        rows = dict(re.findall(r"^\| (\S+) \|.*\[(\S+\.copyright)\]\(\2\) \|$", table, re.MULTILINE))

        bundled = {f"lib/{file.name}" for file in (top / "lib").glob("*.so*") if not file.name.startswith("librepal")}
        self.assertEqual({what for what in rows if what.startswith("lib/")}, bundled)
        self.assertLessEqual({"libceres.a", "libfmt.a", "libzip.a", "libyaml-cpp.a", "libhdf5_serial.a", "eigen3/Eigen/Core", "plotly.min.js"}, set(rows))
        for file in rows.values():
            text = (top / "licences" / file).read_text()
            self.assertGreater(len(text), 400, file)
            for name in re.findall(r"/usr/share/common-licenses/([A-Z]+-[\d.]*\d)", text):
                self.assertTrue((top / "licences" / name).is_file(), f"{file} refers to {name}")

    def test_what_users_read_and_copy_is_in_the_top_folder(self):
        top = self.unpack(self.folder)

        for name in ("config.yaml", "LICENSE", "examples/demo.yaml", "docs/building.md"):
            self.assertEqual((top / name).read_bytes(), (SOURCE / name).read_bytes())
        commands = re.findall(r"^    ((?:bin|build|sbatch|scripts|examples)/\S+)(?:.*?--config (\S+))?",
                              (top / "README.md").read_text(), re.M)
        self.assertGreater(len(commands), 5)
        for program, config in commands:
            self.assertTrue((top / program).is_file() and (top / config).exists(), (program, config))
        for script in [*SOURCE.glob("sbatch/**/*"), SOURCE / "scripts" / "local-array.sh"]:
            packed = top / script.relative_to(SOURCE)
            self.assertEqual(packed.stat().st_mode, script.stat().st_mode)
        self.assertFalse((top / "share" / "repal" / "config.yaml").exists())

    def test_the_deb_installs_where_there_is_only_debians_base(self):
        listed = subprocess.run(["dpkg-deb", "-c", self.package(".deb")], check=True, capture_output=True,
                                text=True).stdout
        files = {line.split()[5].removeprefix(".") for line in listed.splitlines()}
        depends = subprocess.run(["dpkg-deb", "-f", self.package(".deb"), "Depends"], check=True, capture_output=True,
                                 text=True).stdout

        self.assertLessEqual({"/usr/bin/repal", "/usr/lib/repal/metric_dsa.so", "/usr/share/repal/config.yaml",
                              "/usr/lib/python3/dist-packages/repal/__init__.py", "/usr/lib/librepal_c.so.0", "/usr/include/repal.h",
                              "/usr/share/repal/examples/demo.yaml", "/usr/share/repal/licences/LIBRARIES.md"}, files)
        self.assertEqual([file for file in files if ".so" in file and "repal" not in file], [])
        for library in ("libc6 (>=", "libstdc++6 (>="):
            self.assertIn(library, depends)
        self.assertIsNone(re.search("ceres|suitesparse|cholmod|blas|lapack|hdf5|libzip|fmt|yaml", depends), depends)

        root = self.copy_of_bare_root("debian12")
        shutil.copy(self.package(".deb"), root / "tmp" / "repal.deb")
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        self.in_root(root, ["apt-get", "-q", "install", "-y", "--no-install-recommends", "/tmp/repal.deb", "python3-numpy"])
        self.assertIn("dsa", self.in_root(root, ["repal", "plugins"]))
        self.assertEqual(self.in_root(root, ["python3", "-W", "ignore", "-c", COMPARE]), "[0.0, 'ok']\n")

    def test_python_finds_the_library_of_the_archive(self):
        top = self.unpack(self.folder)
        shutil.rmtree(top / "share", ignore_errors=True)
        moved = top.rename(self.folder / "somewhere else")
        found = subprocess.run([sys.executable, "-W", "ignore", "-c", COMPARE], capture_output=True, text=True, cwd=self.folder,
                               env={"PYTHONPATH": str(moved / "python"), "PATH": "/usr/bin:/bin"})
        self.assertEqual(found.stdout, "[0.0, 'ok']\n", found.stderr)
        (moved / "lib" / "librepal_c.so.0").unlink()
        found = subprocess.run([sys.executable, "-c", "import repal"], capture_output=True, text=True,
                               env={"PYTHONPATH": str(moved / "python"), "PATH": "/usr/bin:/bin"})
        self.assertIn("ImportError: the engine of repal, librepal_c.so.0, is in none of", found.stderr)

    def test_a_program_in_c_is_built_against_the_archive(self):
        top = self.unpack(self.folder)
        page = (top / "docs" / "languages.md").read_text()
        [command] = re.findall(r"^    (cc examples/compare\.c .*)$", page, re.MULTILINE)
        made = subprocess.run(command, shell=True, cwd=top, capture_output=True, text=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn('"status": "ok"', made.stdout)


if __name__ == "__main__":
    unittest.main()
