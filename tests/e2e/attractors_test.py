"""`repal run attractors`: the same bytes however it is run, resumed or cut into shards."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import numpy

from program import DEMO, PROGRAM, ProgramTest, with_hash

TABLES = ["dissimilarity.csv", "summary.csv", "tune.csv", "search.csv", "failures.csv", "trajectories/lorenz.h5"]

# Fewer pairs, for what does not depend on how many there are.
EXPERIMENTS = "studies.attractors.experiments"
FEWER = ["--set", f"{EXPERIMENTS}.motifs.length=2", "--set", f"{EXPERIMENTS}.epochs.patterns=[r0.5, r10]",
         "--set", f"{EXPERIMENTS}.epochs.levels=[{{mixing: 1, noise: 0.004}}, {{mixing: 0.5, noise: 0.002}}]"]


class Attractors(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """The whole demo and a small one, for tests that begin with what is done."""
        cls.done = pathlib.Path(tempfile.mkdtemp(prefix="repal-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.done, ignore_errors=True)
        cls.printed = subprocess.run(
            [PROGRAM, "run", "attractors", "--config", DEMO, "--results", "whole"], cwd=cls.done,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
        subprocess.run([PROGRAM, "run", "attractors", "--config", DEMO, "--results", "small", "--jobs", "1", "--quiet",
                        *FEWER], cwd=cls.done, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def take(self, done, results):
        shutil.copytree(self.done / done, self.folder / results, copy_function=shutil.copy2)

    def run_study(self, results, *arguments):
        return self.succeed("run", "attractors", "--config", DEMO, "--results", results, *arguments)

    def run_small(self, results, *arguments):
        return self.run_study(results, *FEWER, *arguments)

    def tables(self, results):
        return {name: (self.folder / results / "attractors" / name).read_bytes() for name in TABLES}

    def rows(self, results, name):
        with open(self.folder / results / "attractors" / name, newline="") as file:
            return list(csv.DictReader(file))

    def test_one_and_four_threads_shards_and_a_killed_run_give_the_same_bytes(self):
        self.take("small", "one")
        expected = self.tables("one")

        with self.subTest("four threads"):
            self.run_small("four", "--jobs", "4")
            self.assertEqual(self.tables("four"), expected)

        with self.subTest("three shards, in any order"):
            for shard in (2, 0, 1):
                self.run_small("shards", "--array", f"{shard}/3")
            self.assertEqual(self.tables("shards"), expected)

        with self.subTest("killed at random moments and resumed"):
            self.kill_at_random(["run", "attractors", "--config", DEMO, "--results", "killed", "--jobs", "2", *FEWER],
                                times=5, longest=0.4)
            self.run_small("killed")
            self.assertEqual(self.tables("killed"), expected)

        with self.subTest("two processes at once"):
            processes = [
                subprocess.Popen([PROGRAM, "run", "attractors", "--config", DEMO, "--results", "both", *FEWER],
                                 cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for _ in range(2)]
            for process in processes:
                self.assertEqual(process.wait(), 0, process.stderr.read())
                process.stderr.close()
            self.assertEqual(self.tables("both"), expected)

    def test_a_second_run_does_nothing_again(self):
        self.take("small", "results")
        cells = self.folder / "results" / "attractors" / "cells"
        before = {file: file.stat().st_mtime_ns for file in cells.rglob("*.json")}
        self.assertGreater(len(before), 10)

        self.run_small("results")

        self.assertEqual({file: file.stat().st_mtime_ns for file in cells.rglob("*.json")}, before)

    def test_another_seed_or_option_is_not_taken_for_the_same_result(self):
        self.take("small", "results")
        first = self.tables("results")

        self.run_small("results", "--set", "seed=2")
        second = self.tables("results")
        self.run_small("results", "--set", "metrics.dsa_published.rank=8")

        self.assertNotEqual(first["dissimilarity.csv"], second["dissimilarity.csv"])
        self.assertNotEqual(second["dissimilarity.csv"], self.tables("results")["dissimilarity.csv"])
        self.run_small("results")
        self.assertEqual(self.tables("results"), first)

    def test_a_damaged_cell_is_done_again(self):
        self.take("small", "results")
        expected = self.tables("results")
        cells = sorted((self.folder / "results" / "attractors" / "cells" / "dissimilarity").rglob("*.json"))
        cells[0].write_bytes(cells[0].read_bytes()[:50])
        cells[1].write_text("")
        cells[2].unlink()
        left, begun = cells[0].with_name(".repal-1-0.tmp"), cells[0].with_name(".repal-2-0.tmp")
        for file in (left, begun):
            file.write_text("{")
        os.utime(left, (0, 0))
        (self.folder / "results" / "attractors" / "trajectories" / "lorenz.h5").unlink()

        self.run_small("results")

        self.assertEqual(self.tables("results"), expected)
        # Of a process that was killed, and perhaps of one that is at it.
        self.assertEqual((left.exists(), begun.exists()), (False, True))

    def test_a_cell_with_other_results_is_refused_by_name(self):
        self.take("small", "results")
        cell = sorted((self.folder / "results" / "attractors" / "cells" / "dissimilarity").rglob("*.json"))[0]
        whole = cell.read_text()
        head, end = whole.index('"result":') + len('"result":'), whole.rindex(',"hash":')
        result = json.loads(whole[head:end])
        for changed in (result[:-1], result + result[:1], [], {}, 3, [3], [entry | {"angle_rad": -1} for entry in result],
                        [entry | {"status": "frob"} for entry in result], [entry | {"angle_rad": "0.5"} for entry in result]):
            cell.write_text(with_hash(whole[:head] + json.dumps(changed, separators=(",", ":"))))
            refused = self.run_repal("run", "attractors", "--config", DEMO, "--results", "results", "--quiet", *FEWER)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(f"{cell.name}: this file was changed since it was written", refused.stderr)

    def test_tables_say_what_was_compared(self):
        self.take("whole", "results")

        self.assertIn("lorenz: within", self.printed)
        self.assertRegex(self.printed, r"(?m)\nresults: whole/attractors\nreport: whole/attractors/report\.html\n\Z")
        rows = self.rows("results", "dissimilarity.csv")
        columns = list(rows[0])
        self.assertEqual(columns[:14], ["experiment", "metric", "group", "system_a", "system_b", "angle_rad", "dissimilarity",
                                        "lower_bound_rad", "status", "state_a", "state_b", "performance_a", "performance_b",
                                        "settings"])
        self.assertEqual(columns[-1], "note")
        self.assertIn("dsa_published.rank", columns[14:-1])
        self.assertEqual({column.split(".")[0] for column in columns[14:-1]}, {row["metric"] for row in rows})
        lorenz = [row for row in rows if row["experiment"] == "lorenz" and row["metric"] == "dsa_published"]
        self.assertEqual(len(lorenz), 36 + 9)  # all pairs and the noise floor
        for row in rows:
            self.assertEqual(row["status"], "ok")
            self.assertAlmostEqual(float(row["dissimilarity"]), float(row["angle_rad"]) / (3.141592653589793 / 2), 12)
            self.assertNotEqual(row["system_a"], row["system_b"])  # self pairs never enter a mean
            if row["metric"].startswith("dsa"):
                self.assertLessEqual(float(row["lower_bound_rad"]), float(row["angle_rad"]))
        motifs = {row["group"]: int(row["n"]) for row in self.rows("results", "summary.csv")
                  if row["experiment"] == "motifs" and row["metric"] == "cka"}
        # 24 ordered triples of 4 motifs: each shares all motifs with 5 others and two with the other 18.
        self.assertEqual(motifs["shared=3"], 24 * 5 // 2)
        self.assertEqual(motifs["shared=2"], 24 * 18 // 2)
        self.assertEqual(sum(n for group, n in motifs.items() if group.startswith("same_position")), 24 * 23 // 2)
        self.assertEqual(motifs["other_trials"], 24)
        levels = [row for row in self.rows("results", "summary.csv")
                  if row["metric"] == "dsa_published" and row["group"].startswith("mixed")]
        self.assertEqual(len(levels), 8)
        manifest = json.loads((self.folder / "results" / "attractors" / "manifest.json").read_text())
        self.assertEqual(manifest["seed"], 1)
        self.assertIn("run attractors", manifest["command"])

    def test_settings_are_chosen_from_the_data_or_given_and_both_are_said(self):
        self.take("whole", "results")

        self.assertRegex(self.printed, r"lorenz +dsa +chosen +n_delays=\d+ rank=\d+")
        self.assertRegex(self.printed, r"lorenz +dsa_published +given +n_delays=12 rank=12")
        tried = self.rows("results", "tune.csv")
        chosen = {(row["set"], row["metric"]): row for row in tried if row["chosen"] == "yes"}
        self.assertEqual(set(chosen), {(name, metric) for name in ("lorenz", "motifs", "epochs")
                                       for metric in ("dsa", "dsa_published")} | {("search", "dsa")})
        for (name, metric), row in chosen.items():
            self.assertGreater(float(row["separation"]), 0)
            if metric == "dsa":
                best = max(float(other["gain"]) for other in tried
                           if (other["set"], other["metric"]) == (name, metric) and other["gain"])
                self.assertGreaterEqual(float(row["gain"]), best / 2)
        for row in self.rows("results", "dissimilarity.csv"):
            if row["experiment"] == "search" or not row["metric"].startswith("dsa"):
                continue
            setting = chosen[row["experiment"], row["metric"]]
            self.assertTrue(row["settings"].startswith(f"n_delays={setting['n_delays']},rank={setting['rank']}"), row)
            self.assertLessEqual(int(row[row["metric"] + ".rank"]), int(setting["rank"]))

    def test_the_search_reports_on_trials_that_did_not_choose(self):
        self.take("whole", "results")

        found = {}
        for row in self.rows("results", "search.csv"):
            found.setdefault(row["metric"], []).append(row)
        self.assertEqual(set(found), {"dsa-4-1-2", "dsa-4-1-6", "dsa-12-1-2", "dsa-12-1-6", "dsa-12-4-12"})
        self.assertEqual([name for name, rows in found.items() if rows[0]["chosen"] == "yes"].__len__(), 1)
        self.assertEqual(found["dsa-12-4-12"][0]["gain"], "", "what is beside the grid does not choose")
        pairs = [row for row in self.rows("results", "dissimilarity.csv") if row["experiment"] == "search"]
        for metric, rows in found.items():
            own = [row for row in pairs if row["metric"] == metric]
            halves = [float(row["dissimilarity"]) for row in own if row["group"] == "noise_floor"]
            self.assertEqual(len(halves), 12)
            floor = (sum(value**2 for value in halves) / len(halves) / 2) ** 0.5
            self.assertAlmostEqual(float(rows[0]["floor"]), floor, delta=1e-12)
            shared = [(int(row["group"].removeprefix("shared=")), float(row["dissimilarity"])) for row in own
                      if row["group"].startswith("shared=")]
            self.assertAlmostEqual(float(rows[0]["slope"]), numpy.polyfit(*zip(*shared), 1)[0], delta=1e-12)
            means = [numpy.mean([value for n, value in shared if n == count]) for count in (0, 2)]
            self.assertAlmostEqual(float(rows[0]["fall"]), (means[0] - means[1]) / floor, delta=1e-9)
            self.assertEqual([row["shared"] for row in rows], ["0", "1", "2"])
        self.assertIn("half 1", pairs[-1]["system_a"])

    def test_one_experiment_alone_is_done_and_shown_but_writes_no_tables(self):
        printed = self.run_study("results", "--experiment", "search").stdout
        self.assertIn(f"`{PROGRAM} report attractors --config", printed)
        done = self.folder / "results" / "attractors"
        compared = done / "cells" / "dissimilarity"
        self.assertEqual({file.relative_to(compared).parts[0] for file in compared.rglob("*.json")}, {"search"})
        self.assertFalse((done / "dissimilarity.csv").exists())
        self.succeed("report", "attractors", "--results", "results")
        self.assertIn("search-figure", (done / "report.html").read_text())

    def test_a_choice_that_somebody_changed_is_refused_by_name(self):
        self.take("small", "results")
        choice = self.folder / "results" / "attractors" / "cells" / "tune" / "lorenz" / "dsa.json"
        whole = choice.read_text()
        for old, new in (('"rank":5', '"rank":-5'), ('"rank":5', '"rank":"five"'), ('"rank":5', '"rnak":5'),
                         ('"chosen":', '"chosen":9999,"was":'), ('"settings":[', '"settings":[3,')):
            self.assertIn(old, whole)
            choice.write_text(with_hash(whole[:whole.rindex(',"hash":')].replace(old, new)))
            refused = self.run_repal("run", "attractors", "--config", DEMO, "--results", "results", "--quiet", *FEWER)
            self.assertEqual(refused.returncode, 2, (new, refused.stderr))
            self.assertIn("dsa.json: this file was changed since it was written", refused.stderr)

    def test_a_search_that_cannot_be_is_refused(self):
        for change, *said in (("metric=cka", "cka compares sample by sample", "name a metric of dynamics"),
                              ("metric=dso", "unknown choice 'dso'", "did you mean 'dsa'?"),
                              ("basis={}", "a comparison needs two motifs"), ("grid={rnk: [2]}", "unknown key", "did you mean 'rank'?"),
                              ("grid={rank: [2]}", "n_delays is missing"),
                              ("grid={n_delays: [500], rank: [2]}", "no setting fits trials of 120 steps")):
            beside = [] if change.startswith(("metric", "basis")) else ["--set", f"{EXPERIMENTS}.search.beside=[]"]
            result = self.run_repal("run", "attractors", "--config", DEMO, "--set", f"{EXPERIMENTS}.search.{change}", *beside)
            self.assertEqual(result.returncode, 2, (change, result.stderr))
            for text in said:
                self.assertIn(text, result.stderr)
        self.assertFalse((self.folder / "results").exists())

    def test_where_nothing_is_predicted_there_is_no_value(self):
        noise = "{noise: r0.5, sigma: 1, draw: %d}"
        systems = "studies.attractors.systems={r0.5: {task: lorenz, r: 0.5}, " + ", ".join(
            f"n{i}: {noise % i}" for i in range(4)) + "}"
        experiments = "studies.attractors.experiments={lorenz: {classes: {one: [n0, n1], two: [n2, n3]}}}"
        arguments = ["--set", systems, "--set", experiments, "--results", "results"]

        result = self.run_repal("run", "attractors", "--config", DEMO, *arguments)

        self.assertEqual(result.returncode, 3, result.stderr)
        for row in self.rows("results", "failures.csv"):
            self.assertEqual((row["metric"], row["status"]), ("dsa", "not_applicable"))
            self.assertIn("no dynamics are seen", row["detail"])
            self.assertIn("--set metrics.dsa.rank=N", row["detail"])
        self.assertEqual(len(self.rows("results", "failures.csv")), 10)
        self.assertRegex(result.stdout, r"lorenz +dsa +none")

    def test_plan_lists_the_cells(self):
        def states():
            plan = json.loads(self.succeed("plan", "attractors", "--config", DEMO, "--json").stdout)
            return [cell["state"] for cell in plan["items"]]

        self.assertEqual(set(states()), {"missing"})
        self.succeed("run", "attractors", "--config", DEMO, "--array", "0/2")
        # Every shard has the settings, and half of the rest.
        settings = 7
        self.assertAlmostEqual(states().count("done") - settings, (len(states()) - settings) / 2, delta=1)
        self.assertIn("dissimilarity", self.succeed("plan", "attractors", "--config", DEMO).stdout)

    def test_the_stages_can_be_run_one_by_one(self):
        self.succeed("generate", "attractors", "--config", DEMO)
        self.assertFalse((self.folder / "results" / "attractors" / "summary.csv").exists())
        self.succeed("dissimilarity", "attractors", "--config", DEMO)
        self.assertTrue((self.folder / "results" / "attractors" / "summary.csv").exists())

    def test_initial_points_of_their_own_and_another_integrator(self):
        self.take("small", "shared")
        self.run_small("own", "--set", "studies.attractors.simulation.initial_points=own")
        self.run_small("rk4", "--set", "studies.attractors.simulation.integrator=rk4")

        def within(results):
            return {row["metric"]: float(row["mean"]) for row in self.rows(results, "summary.csv")
                    if row["group"] == "within"}
        # Rows that do not correspond make geometry metrics blind for classes; dynamics do not need correspondence.
        self.assertGreater(within("own")["cka"], within("shared")["cka"] + 0.1)
        self.assertNotEqual(within("rk4")["cka"], within("shared")["cka"])


if __name__ == "__main__":
    unittest.main()
