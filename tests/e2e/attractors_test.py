"""`repal run attractors`: the same bytes however it is run, resumed or cut into shards."""

import csv
import json
import random
import signal
import subprocess
import time
import unittest

from program import DEMO, PROGRAM, ProgramTest

TABLES = ["dissimilarity.csv", "summary.csv", "failures.csv", "trajectories/lorenz.h5"]


class Attractors(ProgramTest):
    def run_study(self, results, *arguments):
        return self.succeed("run", "attractors", "--config", DEMO, "--results", results, *arguments)

    def tables(self, results):
        return {name: (self.folder / results / "attractors" / name).read_bytes() for name in TABLES}

    def rows(self, results, name):
        with open(self.folder / results / "attractors" / name, newline="") as file:
            return list(csv.DictReader(file))

    def test_one_and_four_threads_shards_and_a_killed_run_give_the_same_bytes(self):
        self.run_study("one", "--jobs", "1")
        expected = self.tables("one")

        with self.subTest("four threads"):
            self.run_study("four", "--jobs", "4")
            self.assertEqual(self.tables("four"), expected)

        with self.subTest("three shards, in any order"):
            for shard in (2, 0, 1):
                self.run_study("shards", "--array", f"{shard}/3")
            self.assertEqual(self.tables("shards"), expected)

        with self.subTest("killed at random moments and resumed"):
            moments = random.Random(1)
            kills = 0
            while kills < 5:
                process = subprocess.Popen(
                    [PROGRAM, "run", "attractors", "--config", DEMO, "--results", "killed", "--jobs", "2"],
                    cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(moments.uniform(0.05, 0.4))
                process.send_signal(signal.SIGKILL)
                if process.wait() != -signal.SIGKILL:
                    break  # it was faster
                kills += 1
            self.assertGreater(kills, 0)
            self.run_study("killed")
            self.assertEqual(self.tables("killed"), expected)

        with self.subTest("two processes at once"):
            processes = [
                subprocess.Popen([PROGRAM, "run", "attractors", "--config", DEMO, "--results", "both"],
                                 cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                for _ in range(2)]
            for process in processes:
                self.assertEqual(process.wait(), 0, process.stderr.read())
                process.stderr.close()
            self.assertEqual(self.tables("both"), expected)

    def test_a_second_run_does_nothing_again(self):
        self.run_study("results")
        cells = self.folder / "results" / "attractors" / "cells"
        before = {file: file.stat().st_mtime_ns for file in cells.rglob("*.json")}
        self.assertGreater(len(before), 10)

        self.run_study("results")

        self.assertEqual({file: file.stat().st_mtime_ns for file in cells.rglob("*.json")}, before)

    def test_another_seed_or_option_is_not_taken_for_the_same_result(self):
        self.run_study("results")
        first = self.tables("results")

        self.run_study("results", "--set", "seed=2")
        second = self.tables("results")
        self.run_study("results", "--set", "metrics.dsa.rank=8")

        self.assertNotEqual(first["dissimilarity.csv"], second["dissimilarity.csv"])
        self.assertNotEqual(second["dissimilarity.csv"], self.tables("results")["dissimilarity.csv"])
        self.run_study("results")
        self.assertEqual(self.tables("results"), first)

    def test_a_damaged_cell_is_done_again(self):
        self.run_study("results")
        expected = self.tables("results")
        cells = sorted((self.folder / "results" / "attractors" / "cells" / "dissimilarity").rglob("*.json"))
        cells[0].write_bytes(cells[0].read_bytes()[:50])
        cells[1].write_text("")
        cells[2].unlink()
        (self.folder / "results" / "attractors" / "trajectories" / "lorenz.h5").unlink()

        self.run_study("results")

        self.assertEqual(self.tables("results"), expected)

    def test_a_cell_with_other_results_is_refused_by_name(self):
        self.run_study("results")
        cell = sorted((self.folder / "results" / "attractors" / "cells" / "dissimilarity").rglob("*.json"))[0]
        whole = cell.read_text()
        head, end = whole.index('"result":') + len('"result":'), len(whole) - 2
        result = json.loads(whole[head:end])
        for changed in (result[:-1], result + result[:1], [], {}, 3, [3], [entry | {"angle_rad": -1} for entry in result],
                        [entry | {"status": "frob"} for entry in result], [entry | {"angle_rad": "0.5"} for entry in result]):
            cell.write_text(whole[:head] + json.dumps(changed, separators=(",", ":")) + "}\n")
            refused = self.run_repal("run", "attractors", "--config", DEMO, "--results", "results", "--quiet")
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(f"{cell.name}: this file was changed since it was written", refused.stderr)

    def test_tables_say_what_was_compared(self):
        result = self.run_study("results")

        self.assertIn("lorenz: within", result.stdout)
        self.assertRegex(result.stdout, r"(?m)\nresults: results/attractors\nreport: results/attractors/report\.html\n\Z")
        rows = self.rows("results", "dissimilarity.csv")
        self.assertEqual(list(rows[0]), ["experiment", "metric", "group", "system_a", "system_b", "angle_rad",
                                         "dissimilarity", "lower_bound_rad", "status", "state_a", "state_b",
                                         "performance_a", "performance_b"])
        lorenz = [row for row in rows if row["experiment"] == "lorenz" and row["metric"] == "dsa"]
        self.assertEqual(len(lorenz), 36 + 9)  # all pairs and the noise floor
        for row in rows:
            self.assertEqual(row["status"], "ok")
            self.assertAlmostEqual(float(row["dissimilarity"]), float(row["angle_rad"]) / (3.141592653589793 / 2), 12)
            self.assertNotEqual(row["system_a"], row["system_b"])  # self pairs never enter a mean
            if row["metric"] == "dsa":
                self.assertLessEqual(float(row["lower_bound_rad"]), float(row["angle_rad"]))
        motifs = {row["group"]: int(row["n"]) for row in self.rows("results", "summary.csv")
                  if row["experiment"] == "motifs" and row["metric"] == "cka"}
        # 24 ordered triples of 4 motifs: each shares all motifs with 5 others and two with the other 18.
        self.assertEqual(motifs["shared=3"], 24 * 5 // 2)
        self.assertEqual(motifs["shared=2"], 24 * 18 // 2)
        self.assertEqual(sum(n for group, n in motifs.items() if group.startswith("same_position")), 24 * 23 // 2)
        self.assertEqual(motifs["noise_floor"], 24)
        levels = [row for row in self.rows("results", "summary.csv")
                  if row["metric"] == "dsa" and row["group"].startswith("mixed")]
        self.assertEqual(len(levels), 8)
        manifest = json.loads((self.folder / "results" / "attractors" / "manifest.json").read_text())
        self.assertEqual(manifest["seed"], 1)
        self.assertIn("run attractors", manifest["command"])

    def test_plan_lists_the_cells(self):
        def states():
            plan = json.loads(self.succeed("plan", "attractors", "--config", DEMO, "--json").stdout)
            return [cell["state"] for cell in plan["items"]]

        self.assertEqual(set(states()), {"missing"})
        self.succeed("run", "attractors", "--config", DEMO, "--array", "0/2")
        self.assertEqual(states().count("done"), (len(states()) + 1) // 2)
        self.assertIn("dissimilarity", self.succeed("plan", "attractors", "--config", DEMO).stdout)

    def test_the_stages_can_be_run_one_by_one(self):
        self.succeed("generate", "attractors", "--config", DEMO)
        self.assertFalse((self.folder / "results" / "attractors" / "summary.csv").exists())
        self.succeed("dissimilarity", "attractors", "--config", DEMO)
        self.assertTrue((self.folder / "results" / "attractors" / "summary.csv").exists())

    def test_initial_points_of_their_own_and_another_integrator(self):
        self.run_study("shared")
        self.run_study("own", "--set", "studies.attractors.simulation.initial_points=own")
        self.run_study("rk4", "--set", "studies.attractors.simulation.integrator=rk4")

        def within(results):
            return {row["metric"]: float(row["mean"]) for row in self.rows(results, "summary.csv")
                    if row["group"] == "within"}
        # Rows that do not correspond make geometry metrics blind for classes; dynamics do not need correspondence.
        self.assertGreater(within("own")["cka"], within("shared")["cka"] + 0.1)
        self.assertNotEqual(within("rk4")["cka"], within("shared")["cka"])


if __name__ == "__main__":
    unittest.main()
