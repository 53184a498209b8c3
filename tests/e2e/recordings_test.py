"""`repal run recordings`: a sheet as a study."""

import csv
import io
import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy

from program import PROGRAM, ProgramTest

TABLES = ["dissimilarity.csv", "systems.csv", "groups.csv", "mantel.csv", "tree.csv", "map.csv", "tune.csv",
          "failures.csv", "matrix_dsa.csv", "matrix_eigenvalue_wasserstein.csv"]


class Recordings(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """The example of `repal new-study`, done once."""
        cls.done = pathlib.Path(tempfile.mkdtemp(prefix="repal-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.done, ignore_errors=True)
        subprocess.run([PROGRAM, "new-study", "mine"], cwd=cls.done, stdout=subprocess.DEVNULL, check=True)
        cls.printed = subprocess.run([PROGRAM, "run", "recordings", "--config", "mine/config.yaml"], cwd=cls.done,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout

    def setUp(self):
        super().setUp()
        shutil.copytree(self.done / "mine", self.folder / "mine")

    def rows(self, name, folder=None):
        with open((folder or self.done / "results" / "recordings") / name, newline="") as file:
            return list(csv.DictReader(file))

    def sheet_lines(self):
        return (self.folder / "mine" / "sheet.csv").read_text().splitlines()

    def tables(self, results):
        return {name: (self.folder / results / "recordings" / name).read_bytes() for name in TABLES}

    def expected(self):
        return {name: (self.done / "results" / "recordings" / name).read_bytes() for name in TABLES}

    def study(self, results, *arguments, config="mine/config.yaml"):
        return self.succeed("run", "recordings", "--config", config, "--results", results, *arguments)

    def test_classes_of_known_dynamics_are_found(self):
        of_question = [row for row in self.rows("groups.csv")
                       if row["question"] == "groups: dynamics" and row["metric"] == "dsa"]
        tests = {row["test"]: row for row in of_question if " | " not in row["of"]}
        permanova = tests["permanova"]
        self.assertEqual(permanova["n"], "24")
        self.assertEqual(float(permanova["p"]), float(permanova["least_p"]))
        self.assertEqual(float(permanova["p"]), 1e-4)
        self.assertGreater(float(tests["nearest_neighbours"]["statistic"]), 0.95)
        self.assertLess(float(tests["mean_within"]["high"]), float(tests["mean_across"]["low"]))
        pairs = [row for row in of_question if " | " in row["of"]]
        self.assertEqual([row["of"] for row in pairs], ["chaos | cycle", "chaos | spiral", "cycle | spiral"])
        for row in pairs:
            self.assertLess(float(row["p_adjusted"]), 0.01)

    def test_a_metric_in_windows_of_time_stands_beside_itself(self):
        self.study("windows", "--quiet", "--set", "metrics={cka: {}, late: {metric: cka, over_time: 20:20}}", "--set",
                   "studies.recordings.questions=[]")
        rows = self.rows("dissimilarity.csv", self.folder / "windows" / "recordings")
        self.assertEqual({(row["metric"], row["settings"]) for row in rows}, {("cka", ""), ("late", "over_time=20:20")})
        self.assertIn('id="systems-curves"', (self.folder / "windows" / "recordings" / "report.html").read_text())

    def test_the_tree_separates_the_classes(self):
        leaves = {}
        for row in self.rows("tree.csv"):
            if row["metric"] != "dsa":
                continue
            both = [leaves.get(row[side], {row[side]}) for side in ("first", "second")]
            leaves[f"merge {row['merge']}"] = both[0] | both[1]
        for name in ("cycle", "spiral", "chaos"):
            self.assertIn({f"{name}{i}" for i in range(1, 9)}, leaves.values())

    def test_matrices_are_those_of_the_pairs(self):
        with open(self.done / "results" / "recordings" / "matrix_dsa.csv", newline="") as file:
            head, *lines = csv.reader(file)
        matrix = numpy.array([[float(value) for value in line[1:]] for line in lines])
        self.assertEqual(head[1:], [line[0] for line in lines])
        self.assertEqual(head[1:], sorted(head[1:]))
        numpy.testing.assert_array_equal(matrix, matrix.T)
        numpy.testing.assert_array_equal(numpy.diag(matrix), 0)
        for row in self.rows("dissimilarity.csv"):
            if row["metric"] == "dsa":
                value = matrix[head.index(row["system_a"]) - 1, head.index(row["system_b"]) - 1]
                self.assertEqual(value, float(row["dissimilarity"]))

    def test_threads_shards_kills_and_order_of_rows_give_the_same_bytes(self):
        expected = self.expected()
        with self.subTest("one thread, from another folder"):
            (self.folder / "elsewhere").mkdir()
            result = subprocess.run([PROGRAM, "run", "recordings", "--config", "../mine/config.yaml", "--results",
                                     "../one", "--jobs", "1"], cwd=self.folder / "elsewhere", capture_output=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(self.tables("one"), expected)

        with self.subTest("three shards"):
            for shard in (2, 0, 1):
                self.study("shards", "--array", f"{shard}/3")
            self.study("shards")
            self.assertEqual(self.tables("shards"), expected)

        with self.subTest("another order of rows"):
            sheet = self.folder / "mine" / "sheet.csv"
            head, *lines = sheet.read_text().splitlines()
            random.Random(3).shuffle(lines)
            sheet.write_text("\n".join([head, *lines]) + "\n")
            self.study("shuffled")
            self.assertEqual(self.tables("shuffled"), expected)

        with self.subTest("killed and resumed"):
            self.kill_at_random(["run", "recordings", "--config", "mine/config.yaml", "--results", "killed"], times=20,
                                longest=0.6)
            self.study("killed")
            self.assertEqual(self.tables("killed"), expected)

    def test_a_second_run_does_nothing_again_and_a_changed_file_is_noticed(self):
        shutil.copytree(self.done / "results", self.folder / "results")
        cells = lambda: {file: file.stat().st_mtime_ns for file in (self.folder / "results").rglob("cells/**/*.json")}
        before = cells()
        self.study("results")
        self.assertEqual(cells(), before)
        # The same values, written again.
        with h5py.File(self.folder / "mine" / "recordings.h5", "r+") as file:
            file["cycle/1"][...] = file["cycle/1"][...]
        self.study("results")
        self.assertEqual(cells(), before)
        with h5py.File(self.folder / "mine" / "recordings.h5", "r+") as file:
            file["cycle/1"][...] = file["spiral/1"][...]
        self.study("results")
        nearest = self.rows("dissimilarity.csv", self.folder / "results" / "recordings")
        same = next(row for row in nearest if row["metric"] == "dsa" and
                    {row["system_a"], row["system_b"]} == {"cycle1", "spiral1"})
        self.assertEqual(float(same["dissimilarity"]), 0)

    def test_certainty_beside_every_pair(self):
        cut = [*self.sheet_lines()[:4], *self.sheet_lines()[9:12]]
        (self.folder / "mine" / "sheet.csv").write_text("\n".join(cut) + "\n")
        options = ["--set", "studies.recordings.calibrate={resamples: 98}"]
        self.study("whole", *options)
        rows = self.rows("dissimilarity.csv", self.folder / "whole" / "recordings")
        for row in rows:
            self.assertTrue(0 < float(row["p_differ"]) <= float(row["p_differ_adjusted"]) <= 1)
            self.assertLess(float(row["low_rad"]), float(row["high_rad"]))
            self.assertGreater(float(row["floor_rad"]), 0)
        # One of two classes is not told from itself, two are.
        of_dsa = {frozenset((row["system_a"], row["system_b"])): float(row["p_differ"]) for row in rows
                  if row["metric"] == "dsa"}
        self.assertEqual(of_dsa[frozenset(("cycle1", "spiral1"))], 1 / 99)
        self.assertGreater(of_dsa[frozenset(("cycle1", "cycle2"))], 0.02)
        # Values beside what chance gives, of the pairs that are nearest to being told apart.
        page = (self.folder / "whole" / "recordings" / "report.html").read_text()
        figure = json.loads(re.search(r'id="systems-null".*?<script type="application/json">(.*?)</script>', page,
                                      re.DOTALL).group(1))
        panel = next(one["chart"]["panels"][0] for one in figure["variants"] if one["name"] == "dsa")
        *chances, values = panel["series"]
        self.assertEqual(len(chances), 12)
        for category, chance, value in zip(panel["x"]["categories"], chances, values["y"]):
            self.assertEqual((len(chance["y"]), chance["y"]), (21, sorted(chance["y"])))
            p = float(category.split("p = ")[1])
            self.assertEqual(value > chance["y"][-1], p < 0.0102, category)  # above all draws: the least of 98 of them
        # How much of a correlation of two metrics noise leaves.
        mantel = next(row for row in self.rows("mantel.csv", self.folder / "whole" / "recordings")
                      if row["correlation"] == "pearson")
        reliable = [float(mantel["reliability_a"]), float(mantel["reliability_b"])]
        self.assertTrue(all(0.5 < value <= 1 for value in reliable), reliable)
        self.assertAlmostEqual(float(mantel["largest_r"]), math.sqrt(reliable[0] * reliable[1]), places=12)
        self.assertEqual(mantel["disattenuated_r"] == "", float(mantel["r"]) > float(mantel["largest_r"]))
        # Draws of another seed are others.
        self.study("seeds", *options)
        self.study("seeds", *options, "--set", "seed=2")
        self.study("second", *options, "--set", "seed=2")
        self.assertEqual(self.tables("seeds"), self.tables("second"))
        self.assertNotEqual(self.tables("seeds"), self.tables("whole"))
        # In parts, by a thread each.
        for shard in (1, 0):
            self.study("parts", *options, "--array", f"{shard}/2", "--jobs", "1")
        self.study("parts", *options)
        self.assertEqual(self.tables("parts"), self.tables("whole"))

    def test_compare_gives_the_same_numbers(self):
        for metric in ("dsa", "eigenvalue_wasserstein"):
            text = self.succeed("compare", "mine/sheet.csv", "--metric", metric, "--format", "csv").stdout
            compared = {frozenset((row["a"], row["b"])): row["angle_rad"] for row in csv.DictReader(io.StringIO(text))}
            of_study = {frozenset((row["system_a"], row["system_b"])): row["angle_rad"]
                        for row in self.rows("dissimilarity.csv") if row["metric"] == metric}
            self.assertEqual(compared, of_study)

    def test_matrices_open_in_other_tools(self):
        with h5py.File(self.done / "results" / "recordings" / "matrices.h5") as file:
            self.assertEqual(set(file), {"dsa", "eigenvalue_wasserstein"})
            names = file["dsa"].attrs["systems"]
            names = (names.decode() if isinstance(names, bytes) else names).split("\n")
            self.assertEqual(file["dsa"].shape, (24, 24))
            row = next(row for row in self.rows("dissimilarity.csv") if row["metric"] == "dsa")
            self.assertEqual(file["dsa"][names.index(row["system_a"]), names.index(row["system_b"])],
                             float(row["dissimilarity"]))

    def groups_of(self, question, *arguments):
        self.study("asked", "--set", f"studies.recordings.questions=[{question}]", "--set", "metrics={dsa: {}}", *arguments)
        return self.rows("groups.csv", self.folder / "asked" / "recordings")

    def label(self, name, values):
        head, *lines = self.sheet_lines()
        (self.folder / "mine" / "sheet.csv").write_text(
            "\n".join([f"{head},{name}", *(f"{line},{value}" for line, value in zip(lines, values))]) + "\n")

    def test_a_label_of_whole_subjects_beside_one_that_varies_has_no_p(self):
        genotype = {"m1": "wt", "m2": "wt", "m3": "ko", "m4": "ko"}
        self.label("genotype", [genotype[line.split(",")[3]] for line in self.sheet_lines()[1:]])
        both = {row["of"]: row for row in self.groups_of("{groups: [dynamics, genotype], subject: animal}")}
        self.assertEqual(float(both["dynamics"]["p"]), 1e-4)
        self.assertEqual((both["genotype"]["p"], both["genotype"]["least_p"]), ("", ""))
        self.assertIn("about it alone", both["genotype"]["note"])
        # The sentence of a list is of the labels that have a p, whichever comes first.
        self.groups_of("{groups: [genotype, dynamics], subject: animal}")
        page = (self.folder / "asked" / "recordings" / "report.html").read_text()
        self.assertIn("by dsa dynamics makes a difference (R2 = ", page)
        alone = next(row for row in self.groups_of("{groups: genotype, subject: animal}") if row["test"] == "permanova")
        self.assertEqual((alone["n"], alone["orders"]), ("4", "6"))
        self.assertGreaterEqual(float(alone["p"]), 1 / 3)
        # Without the subject, systems of one animal count as independent: said.
        loose = next(row for row in self.groups_of("{groups: genotype}") if row["test"] == "permanova")
        self.assertIn("genotype never varies within animal", loose["note"])
        self.assertIn("{groups: genotype, subject: animal}", loose["note"])

    def test_wholes_beside_systems_have_no_p_of_spread(self):
        treated = {"m1": "no", "m2": "yes", "m3": "no"}
        animals = [line.split(",")[3] for line in self.sheet_lines()[1:]]
        self.label("treated", [treated.get(animal, "yes" if i // 4 % 2 else "no") for i, animal in enumerate(animals)])
        rows = {row["test"]: row for row in self.groups_of("{groups: treated, subject: animal}")}
        self.assertNotEqual(rows["permanova"]["p"], "")
        self.assertEqual((rows["spread"]["p"], rows["spread"]["least_p"]), ("", ""))
        self.assertIn("exchanged as wholes", rows["spread"]["note"])

    def test_an_order_of_whole_subjects_exchanges_these(self):
        age = {"m1": "1", "m2": "2", "m3": "3", "m4": "4"}
        self.label("age", [age[line.split(",")[3]] for line in self.sheet_lines()[1:]])
        rows = {row["test"]: row for row in self.groups_of("{order: age, subject: animal}")}
        for test in ("trend", "drift"):
            self.assertEqual((rows[test]["n"], rows[test]["orders"]), ("4", "24"))
            self.assertGreater(float(rows[test]["p"]), 0.05)
        # The same orders are counted by both, of systems too.
        rows = {row["test"]: row for row in self.groups_of("{order: day}")}
        self.assertEqual(rows["trend"]["orders"], rows["drift"]["orders"])

    def test_labels_that_are_no_numbers_are_names(self):
        self.label("dose", ["1", "nan", "inf", "2"] * 6)
        self.study("asked", "--set", "studies.recordings.questions=[{mantel: [dsa, dose]}, {mantel: [dsa, day], given: day}]",
                   "--set", "metrics={dsa: {}}")
        rows = self.rows("mantel.csv", self.folder / "asked" / "recordings")
        self.assertTrue(all(0 < float(row["p"]) <= 1 for row in rows if row["b"] == "dose"))
        self.assertEqual([(row["r"], row["p"]) for row in rows if row["given"]], [("", "")])

    def test_matrices_of_other_metrics_do_not_stay(self):
        self.study("results")
        self.study("results", "--set", "metrics={dsa: {}}", "--set", "studies.recordings.questions=[{groups: dynamics}]")
        self.assertEqual([file.name for file in (self.folder / "results" / "recordings").glob("matrix_*.csv")],
                         ["matrix_dsa.csv"])

    def test_report_and_status_find_the_sheet_again(self):
        self.study("results")
        (self.folder / "elsewhere").mkdir()
        for command in ("status", "report"):
            result = subprocess.run([PROGRAM, command, "recordings", "--results", "../results"],
                                    cwd=self.folder / "elsewhere", capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_steps_of_different_times_are_brought_to_one(self):
        draws = numpy.random.default_rng(2)
        def waves(dt, n):
            phases = 6.28 * draws.uniform(size=(12, 1))
            time = dt * numpy.arange(n)
            both = numpy.stack([numpy.cos(time + phases), numpy.sin(time + phases)], axis=-1)
            return both @ draws.normal(size=(2, 5)) + 0.01 * draws.normal(size=(12, n, 5))
        for name, dt in (("coarse", 0.1), ("fine", 0.05), ("other", 0.1)):
            numpy.save(self.folder / "mine" / f"{name}.npy", waves(dt, int(round(20 / dt))))
        (self.folder / "mine" / "sheet.csv").write_text(
            "file,dt\ncoarse.npy,0.1\nfine.npy,0.05\nother.npy,0.1\n")
        self.study("steps", "--set", "studies.recordings.questions=[]", "--set", "metrics={dsa: {}}")
        for row in self.rows("dissimilarity.csv", self.folder / "steps" / "recordings"):
            self.assertLess(float(row["angle_rad"]), 0.005)

    def test_mistakes_are_told_with_their_place(self):
        run = ["run", "recordings", "--config", "mine/config.yaml"]
        study = "studies.recordings"
        for setting, *fragments in (
                (f"{study}.sheet=other.csv", "no file 'other.csv'", "new-study"),
                (f"{study}.questions=[{{groups: dynamic}}]", "no column 'dynamic'", "did you mean 'dynamics'?"),
                (f"{study}.questions=[{{order: dynamics}}]", "not all values of 'dynamics' are numbers"),
                (f"{study}.questions=[{{mantel: [dsa, dsq]}}]", "'dsq' is neither a metric"),
                (f"{study}.questions=[{{mantel: [dsa]}}]", "mantel"),
                (f"{study}.questions=[{{group: dynamics}}]", "one of groups, order and mantel"),
                (f"{study}.questions=[{{groups: dynamics, to: 1}}]", "unknown key"),
                (f"{study}.questions=[{{order: day, to: foo}}]", "no system has the day 'foo'"),
                (f"{study}.questions=[{{order: day, to: 77}}]", "no system has the day '77'"),
                (f"{study}.questions=[{{groups: day}}, {{groups: day}}]", "asked twice", "groups: day"),
                ("pca.dsa.components=5", "pca", "studies.recordings.pca"),
                (f"{study}.calibrate={{splits: 0}}", "calibrate.splits"),
                (f"{study}.question=[]", "unknown key", "questions")):
            with self.subTest(setting=setting):
                self.refuse([*run, "--set", setting], *fragments)
        self.label("dsa", ["1", "2"] * 12)
        self.refuse([*run, "--set", f"{study}.questions=[{{mantel: [dsa, day]}}]"], "'dsa' is a metric and a column")

    def test_labels_that_mean_nothing_have_uniform_p(self):
        """Of the same recordings with labels in other orders."""
        head, *lines = [line.split(",") for line in (self.folder / "mine" / "sheet.csv").read_text().splitlines()]
        draws = numpy.random.default_rng(7)
        labels = [f"random{i}" for i in range(200)]
        columns = [draws.permutation([line[2] for line in lines]) for _ in labels]
        text = ["name,file," + ",".join(labels)]
        text += [",".join([line[1], line[0], *(column[i] for column in columns)]) for i, line in enumerate(lines)]
        (self.folder / "mine" / "sheet.csv").write_text("\n".join(text) + "\n")
        self.study("shuffled", "--set", "studies.recordings.questions=[" +
                   ", ".join(f"{{groups: {label}}}" for label in labels) + "]", "--set", "studies.recordings.orders=199",
                   "--set", "metrics={dsa: {}}")
        p = [float(row["p"]) for row in self.rows("groups.csv", self.folder / "shuffled" / "recordings")
             if row["test"] == "permanova" and " | " not in row["of"]]
        self.assertEqual(len(p), 200)
        # Kolmogorov and Smirnov: 1.63 / sqrt(200) is exceeded in one of a hundred draws.
        steps = numpy.sort(p)
        self.assertLess(numpy.abs(steps - numpy.arange(1, 201) / 200).max(), 1.63 / 200 ** 0.5 + 1 / 200)


if __name__ == "__main__":
    unittest.main()
