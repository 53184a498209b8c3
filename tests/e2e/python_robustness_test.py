"""The Python package among threads, processes, signals and another version of itself."""

import contextlib
import copy
import multiprocessing
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy

from python_package import BUILD, ENVIRONMENT, PythonTest, outside
import repal


class Robust(PythonTest):
    def test_threads(self):
        expected = repal.compare(self.systems, metric="procrustes").rows
        wrong = []

        def compare():
            for _ in range(10):
                if repal.compare(self.systems, metric="procrustes").rows != expected:
                    wrong.append(1)

        threads = [threading.Thread(target=compare) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_ten_thousand_handles_do_not_grow(self):
        small = [x[:2, :5, :2] for x in self.systems[:2]]
        metric = repal.Metric("procrustes")
        before = None
        for i in range(10_000):
            system = repal.System(small[0], "a")
            if i % 5 == 0:
                repal.compare([system, small[1]], metric="procrustes", jobs=1)
            elif i % 5 == 1:
                metric.prepare(system)
            elif i % 5 == 2:
                repal.simulate("lorenz", trials=1, steps=3)
            elif i % 5 == 3:
                with contextlib.suppress(ValueError):
                    repal.compare([system, [numpy.zeros((3, 2)), numpy.zeros((3, 3))]], metric="procrustes")
            if i == 2_000:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 4000)  # kB

    def test_memory_is_once_that_of_the_values(self):
        script = ("import numpy, repal, resource, warnings; warnings.simplefilter('ignore')\n"
                  "x = [numpy.random.default_rng(i).standard_normal((50, 100, 64)) for i in range(60)]\n"
                  "repal.compare([x[0], x[1]], metric='procrustes')\n"
                  "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                  "s = [repal.System(one, str(i)) for i, one in enumerate(x)]\n"
                  "made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                  "print((made - before) * 1024 / sum(one.nbytes for one in x))\n")
        result = outside(["-c", script])
        self.assertEqual(result.returncode, 0, result.stderr)
        # What a trial takes while it is copied comes and goes.
        self.assertLess(float(result.stdout), 1.1)

    def test_copies_and_pickles(self):
        system = repal.System(self.systems[0], "a")
        for copied in (copy.copy(system), copy.deepcopy(system)):
            self.assertTrue((copied.trials()[0] == self.systems[0][0]).all())
        del system, copied
        d = repal.compare(self.systems, metric="procrustes")
        for unpicklable in (repal.System(self.systems[0]), d, repal.Metric("cka").prepare(self.systems[0])):
            with self.assertRaisesRegex(TypeError, "in the memory of this process"):
                pickle.dumps(unpicklable)
        with self.assertRaises(AttributeError):
            repal.System(self.systems[0], "a").name = "b"

    def test_python_ends_while_a_thread_compares(self):
        script = ("import numpy, repal, threading, time, warnings; warnings.simplefilter('ignore')\n"
                  "x = [numpy.random.default_rng(i).standard_normal((20, 200, 20)).cumsum(1) for i in range(20)]\n"
                  "repal.register_metric('slow', lambda x: x.mean(), lambda a, b: (time.sleep(.05), .3)[1])\n"
                  "for metric in ('slow', 'dsa'):\n"
                  "    threading.Thread(target=lambda m=metric: repal.compare(x, metric=m, calibrate=True), daemon=True).start()\n"
                  "time.sleep(.5)\nprint('end')\n")
        for _ in range(3):
            result = outside(["-c", script])
            self.assertEqual((result.returncode, result.stdout), (0, "end\n"), result.stderr)

    def test_python_ends_while_threads_call_a_metric_of_its_own(self):
        for call in ("metric(x, x + 1)", "repal.compare([x, x + 1], metric='mine')", "metric.prepare(x)"):
            script = ("import numpy, repal, threading, time\nx = numpy.random.default_rng(0).standard_normal((20, 60, 5))\n"
                      "repal.register_metric('mine', lambda a: float(a.mean()), lambda a, b: .1)\nmetric = repal.Metric('mine')\n"
                      f"def forever():\n    while True:\n        {call}\n"
                      "for _ in range(3):\n    threading.Thread(target=forever, daemon=True).start()\ntime.sleep(.3)\nprint('end')\n")
            for _ in range(5):
                result = outside(["-W", "ignore", "-c", script])
                self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "end\n", ""), call)

    def test_a_thread_that_cannot_start_is_told_and_not_waited_for(self):
        script = ("import numpy, repal, threading, time\nx = numpy.random.default_rng(0).standard_normal((2, 4, 9, 2))\n"
                  "threading.stack_size(1 << 46)\n"  # more than an address has room for
                  "try:\n    repal.compare(list(x))\nexcept RuntimeError as error:\n    print(error)\n")
        begin = time.monotonic()
        result = outside(["-c", script])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("thread", result.stdout)
        self.assertLess(time.monotonic() - begin, 20)  # it was 60 s

    def test_a_child_ends_at_once_while_its_parent_compares(self):
        script = ("import numpy, os, repal, sys, threading, time, warnings\nwarnings.simplefilter('ignore')\n"
                  "x = [numpy.random.default_rng(i).standard_normal((20, 60, 5)) for i in range(6)]\n"
                  "thread = threading.Thread(target=lambda: repal.compare(x, metric={'dsa': {'rank': 4, 'n_delays': 4}}, calibrate=True))\n"
                  "thread.start()\ntime.sleep(.3)\nassert thread.is_alive()\nchild = os.fork()\n"
                  "if child == 0:\n    sys.exit(0)\n"
                  "begin = time.monotonic()\nos.waitpid(child, 0)\nprint(time.monotonic() - begin)\n")
        result = outside(["-c", script])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(float(result.stdout), 20)  # it was 60 s

    def test_ctrl_c_ends_what_prepares_systems(self):
        script = ("import numpy, repal, os, signal, time\nprepared = []\n"
                  "def prepare(x):\n    prepared.append(1)\n    if len(prepared) == 2:\n        os.kill(os.getpid(), signal.SIGINT)\n"
                  "    time.sleep(.2)\n    return 0\n"
                  "repal.register_metric('slow', prepare, lambda a, b: .1)\n"
                  "try:\n    repal.compare([numpy.random.default_rng(i).standard_normal((4, 9, 2)) for i in range(40)], metric='slow')\n"
                  "except KeyboardInterrupt:\n    print(len(prepared))\n")
        result = outside(["-W", "ignore", "-c", script])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(int(result.stdout), 10)

    def test_other_processes(self):
        expected = repal.compare(self.systems, metric="procrustes").rows
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map_async(_rows_by_procrustes, [self.systems] * 4).get(timeout=60)
        self.assertEqual(found, [expected] * 4)

    def test_ctrl_c_ends_a_long_comparison(self):
        for call in ("repal.compare(x, metric='dsa', rank=20, n_delays=10, calibrate=True)", "repal.tune(x)"):
            with self.subTest(call):
                script = ("import sys, numpy, repal, warnings\nwarnings.simplefilter('ignore')\n"
                          "x = [numpy.random.default_rng(i).standard_normal((20, 400, 30)).cumsum(1) for i in range(30)]\n"
                          f"print('begun', flush=True)\ntry:\n    {call}\n"
                          "except KeyboardInterrupt:\n    print('stopped', flush=True)\n")
                process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
                self.addCleanup(process.kill)
                self.assertEqual(process.stdout.readline(), "begun\n")
                time.sleep(1)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.communicate(timeout=60)[0], "stopped\n")
                self.assertEqual(process.returncode, 0)

    def test_two_versions_in_one_process_do_not_meet(self):
        """This one, and the same under the names that another version has."""
        if not shutil.which("patchelf"):
            self.cannot_run("there is no patchelf")
        own = self.succeed("--version").stdout.split()[-1]
        for name, version in (("one", own), ("two", own + "1")):
            library = self.folder / name / "lib"
            (library / "repal").mkdir(parents=True)
            shutil.copy((BUILD / "lib" / "librepal.so").resolve(), library / f"librepal.so.{version}")
            shutil.copy((BUILD / "lib" / "librepal_c.so").resolve(), library / "librepal_c.so.0")
            for file in (BUILD / "lib" / "repal").glob("*.so"):
                shutil.copy(file, library / "repal")
            for file in library.rglob("*.so*"):
                rename = ["--set-soname", f"librepal.so.{version}"] if file.name.startswith("librepal.so") else [
                    "--replace-needed", f"librepal.so.{own}", f"librepal.so.{version}", "--force-rpath", "--set-rpath", "$ORIGIN:$ORIGIN/.."]
                subprocess.run(["patchelf", *rename, file], check=True)
        script = ("import ctypes, json, sys\nfound = []\n"
                  "for folder in sys.argv[1:]:\n"
                  "    l = ctypes.CDLL(folder + '/lib/librepal_c.so.0')\n"
                  "    host, text = ctypes.c_void_p(), ctypes.c_char_p()\n"
                  "    assert l.repal_host_open(None, ctypes.byref(host)) == 0\n"
                  "    assert l.repal_plugins(host, ctypes.byref(text)) == 0\n"
                  "    plugins = json.loads(text.value)\n"
                  "    assert plugins['refused'] == [], plugins['refused']\n"
                  "    found.append([entry['file'] for entry in plugins['plugins']])\n"
                  "for folder, files in zip(sys.argv[1:], found):\n"
                  "    assert files and all(file.startswith(folder) for file in files), files\n"
                  "maps = open('/proc/self/maps').read()\n"
                  "for folder in sys.argv[1:]:\n    assert folder + '/lib/librepal.so' in maps, maps\n")
        result = outside(["-c", script, self.folder / "one", self.folder / "two"])
        self.assertEqual(result.returncode, 0, result.stderr)


def _rows_by_procrustes(systems):
    return repal.compare(systems, metric="procrustes").rows


if __name__ == "__main__":
    unittest.main()
