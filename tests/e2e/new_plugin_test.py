"""From `repal new-plugin` of an installed repal to values in a study, by somebody who has no source tree."""

import csv
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy

from program import SOURCE, ProgramTest

BUILD = os.environ["REPAL_BUILD"]

STUDY = """
seed: 2
metrics: {mean_lag: {lags: 4}}
studies:
  attractors:
    simulation: {trials: 3}
    systems:
      slow: {task: turning_point, frequencies: [1], steps: 60}
      middle: {task: turning_point, frequencies: [3], steps: 60}
      fast: {task: turning_point, frequencies: [20], steps: 60}
    experiments:
      lorenz: {classes: {calm: [slow, middle], quick: [fast]}}
  neurotasks:
    tasks: {Predict: {task: turning_point, steps: 40, step_ms: 25, frequencies: [1, 2], ahead_ms: 250}}
    rulesets: {prediction: [Predict]}
    data: {train: 6, validation: 4, test: 4}
    curricula: {prediction: {master: {train: [Predict]}}}
    networks: {cell: [leaky_rnn], activation: [relu], n_rnn: [16], learning_rate: [0.01], batch_size: [2],
               initialiser: [orthogonal], replicates: 1}
    training: {num_epochs: 1}
"""
FREQUENCIES = {"slow": 1, "middle": 3, "fast": 20}


def profile(frequency, lags, step_ms=10):
    """Chords of the unit circle."""
    chords = numpy.abs(2 * numpy.sin(math.pi * frequency * step_ms / 1000 * numpy.arange(1, lags + 1)))
    return chords / numpy.linalg.norm(chords)


class NewPlugin(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="repal-new-plugin-"))
        cls.addClassCleanup(shutil.rmtree, cls.home)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.home / "installed"], check=True,
                       capture_output=True)
        cls.prefix = (cls.home / "installed").rename(cls.home / "moved & renamed")
        cls.repal = cls.prefix / "bin" / "repal"
        cls.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(cls.home),
                           "CMAKE_EXPORT_COMPILE_COMMANDS": "ON"}
        cls.metric = cls.make("metric", "mean_lag", cls.home / "mean_lag")
        cls.task = cls.make("task", "turning_point", cls.home / "a task's folder")

    @classmethod
    def run_in(cls, folder, *command):
        """What it prints; what fails is shown whole."""
        result = subprocess.run(list(map(str, command)), cwd=folder, env=cls.environment, capture_output=True,
                                text=True, timeout=600)
        if result.returncode != 0:
            raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    @classmethod
    def make(cls, kind, name, folder):
        """The folder of a new plugin, after the commands that were printed for its user."""
        printed = cls.run_in(cls.home, cls.repal, "new-plugin", kind, name, *([folder] if folder.name != name else []))
        commands = re.findall(r"^    ((?:cd|cmake|ctest|/|').*)$", printed.partition("Next:")[2], re.MULTILINE)
        if len(commands) != 3:
            raise AssertionError(printed)
        script = "\n".join(commands)
        listed = cls.run_in(cls.home, "sh", "-e", "-c", script)
        if "100% tests passed, 0 tests failed out of 2" not in listed or f"{kind} {name} 1" not in listed:
            raise AssertionError(listed)
        return folder

    def repal_with_both(self, *arguments):
        return self.run_in(self.folder, self.repal, *arguments, "--plugin-path", self.metric / "build",
                           "--plugin-path", self.task / "build")

    def test_nothing_of_the_source_tree_is_used(self):
        for folder in (self.metric, self.task):
            commands = json.loads((folder / "build" / "compile_commands.json").read_text())
            self.assertGreaterEqual({pathlib.Path(entry["file"]).parent for entry in commands}, {folder})
            for file in ("compile_commands.json", "build.ninja", "CMakeCache.txt"):
                text = (folder / "build" / file).read_text()
                for gone in (str(SOURCE), BUILD, str(self.home / "installed")):
                    self.assertNotIn(gone, text, file)

    def test_it_is_a_folder_to_begin_with_and_nothing_else_is_left(self):
        for folder, name in ((self.metric, "mean_lag"), (self.task, "turning_point")):
            self.assertEqual({file.name for file in folder.iterdir()} - {"build"},
                             {"README.md", f"{name}.cpp", f"{name}_test.cpp", "CMakeLists.txt", "CMakePresets.json",
                              ".gitignore"})
            for file in folder.glob("*.*"):
                self.assertNotRegex(file.read_text(), r"@\w+@", file)
        self.assertEqual({file.name for file in self.home.iterdir()},
                         {self.prefix.name, self.metric.name, self.task.name})

    def test_the_metric_in_compare(self):
        steps = numpy.arange(30.0)
        numpy.save(self.folder / "line.npy", numpy.outer(steps, [3, 4, 0]))
        numpy.save(self.folder / "faster.npy", numpy.outer(steps, [-50, 7]))
        numpy.save(self.folder / "alternation.npy", numpy.outer(steps % 2, [1, 1]))

        scores = json.loads(self.repal_with_both(
            "compare", "line.npy", "faster.npy", "alternation.npy", "--metric", "mean_lag", "--set", "mean_lag.lags=2",
            "--format", "json", "--report", "page.html"))

        self.assertEqual([score["status"] for score in scores], ["ok"] * 3)
        for score, expected in zip(scores, (0, math.atan(2), math.atan(2))):
            self.assertAlmostEqual(score["angle_rad"], expected, delta=1e-14)
        self.assertIn("mean_lag", (self.folder / "page.html").read_text())

    def test_both_in_a_study(self):
        (self.folder / "study.yaml").write_text(STUDY)

        self.repal_with_both("run", "attractors", "--config", "study.yaml", "--quiet")

        with open(self.folder / "results" / "attractors" / "dissimilarity.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["group"] != "noise_floor"]
        self.assertEqual(len({frozenset((row["system_a"], row["system_b"])) for row in rows}), 3)
        for row in rows:
            a, b = (profile(FREQUENCIES[row[system]], 4) for system in ("system_a", "system_b"))
            # sines of small angles in 60 steps: 1e-13
            self.assertAlmostEqual(float(row["angle_rad"]), math.acos(a @ b), delta=1e-7 if a @ b > 0.999 else 1e-12)

    def test_the_task_as_data_of_networks(self):
        (self.folder / "study.yaml").write_text(STUDY)

        for stage in ("generate", "train"):
            self.repal_with_both(stage, "neurotasks", "--config", "study.yaml", "--quiet")

        with h5py.File(self.folder / "results" / "neurotasks" / "data" / "Predict-test.h5") as file:
            points = file["observations"][:].astype(float)
            due = file["target_outputs"][:, :, 0].astype(float)
            frequency, phase = file["trial/condition"][:].T
        self.assertEqual(sorted(frequency), [1, 1, 2, 2])
        angle = phase[:, None] + 2 * math.pi * frequency[:, None] * 0.025 * numpy.arange(40)
        expected = numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=2)
        single = 1e-6  # the precision of stored observations
        numpy.testing.assert_allclose(points, expected, atol=single)
        ahead = numpy.sin(angle + 2 * math.pi * frequency[:, None] * 0.25)
        numpy.testing.assert_allclose(due, numpy.where(numpy.arange(40) < 20, 0, ahead), atol=single)
        self.assertEqual(len(list(self.folder.glob("results/neurotasks/networks/**/final.h5"))), 1)

    def test_what_does_not_fit_is_said(self):
        numpy.save(self.folder / "short.npy", numpy.zeros((2, 5, 1)))
        refused = subprocess.run([self.repal, "compare", "short.npy", "short.npy", "--metric", "mean_lag",
                                  "--plugin-path", self.metric / "build"], cwd=self.folder, capture_output=True,
                                 text=True)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("short.npy: trials of 5 steps are too short for 10 lags; make mean_lag.lags smaller",
                      refused.stderr)

    def test_an_installed_plugin_is_there_without_a_path(self):
        own = self.home / "own"
        self.addCleanup(shutil.rmtree, own)
        self.run_in(self.metric, "cmake", "--install", "build", "--prefix", own)
        listed = subprocess.run([self.repal, "plugins"], cwd=self.folder, capture_output=True, text=True,
                                env={**self.environment, "REPAL_PLUGIN_PATH": str(own / "lib" / "repal")})
        self.assertIn("metric mean_lag 1", listed.stdout)
        self.assertNotIn("refused", listed.stdout)

        presets = json.loads((self.metric / "CMakePresets.json").read_text())["configurePresets"][0]
        self.assertEqual(presets["installDir"], str(self.prefix))


if __name__ == "__main__":
    unittest.main()
