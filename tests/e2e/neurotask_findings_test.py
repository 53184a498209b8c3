"""What the tables of `repal run neurotasks` say of the comparisons."""

import itertools
import json
import unittest

import numpy

from program import with_hash
from small_study import COMPARING, STUDY, SmallStudy


class NeurotaskFindings(SmallStudy):
    config = COMPARING

    def test_tests_between_groups_use_every_pair_of_networks_once(self):
        study = self.study("--set", f"{STUDY}.networks.learning_rate=[0.003, 0.001, 0.01]", "--set",
                           f"{STUDY}.comparisons={{groups: {{}}}}")
        values = {}
        for row in self.rows(study, "dissimilarity"):
            if row["metric"] == "cka" and "master | " in row["group"] and row["group"] != "master | master":
                group = row["group"].split(" | ")[1]
                setting, replicate = row["system_a"].split("/")[1:3]
                self.assertEqual((setting, replicate), tuple(row["system_b"].split("/")[1:3]))
                values[group, setting, replicate] = float(row["dissimilarity"])
        tests = [row for row in self.rows(study, "tests") if row["metric"] == "cka"]
        self.assertEqual([(row["group_a"], row["group_b"]) for row in tests],
                         [("untrained", "frozen"), ("untrained", "unfrozen"), ("frozen", "unfrozen")])
        settings = sorted({setting for _, setting, _ in values})
        self.assertEqual(len(settings), 6)
        for row in tests:
            differences = numpy.array([numpy.mean([values[row["group_a"], setting, replicate] -
                                                   values[row["group_b"], setting, replicate]
                                                   for replicate in ("r0", "r1")]) for setting in settings])
            signs = numpy.array(list(itertools.product((1, -1), repeat=6)))
            p = (abs(signs @ differences) >= abs(differences.sum()) * (1 - 1e-12)).mean()
            self.assertEqual((row["unit"], row["n"]), ("setting", "6"))
            self.assertAlmostEqual(float(row["mean_difference"]), differences.mean(), 12)
            deviation = differences.std(ddof=1)
            self.assertAlmostEqual(float(row["t"]), differences.mean() / deviation * numpy.sqrt(6), 9)
            self.assertAlmostEqual(float(row["effect_size"]), differences.mean() / deviation, 9)
            self.assertAlmostEqual(float(row["p"]), p, 12)
        p = sorted(float(row["p"]) for row in tests)
        adjusted = sorted(float(row["p_adjusted"]) for row in tests)
        numpy.testing.assert_allclose(adjusted, [min(p[j] * 3 / (j + 1) for j in range(i, 3)) for i in range(3)])

    def test_files_that_somebody_changed_are_named_or_left_out(self):
        study = self.study("--set", f"{STUDY}.comparisons={{checks: {{}}}}")
        manifest = study / "manifest.json"
        written = json.loads(manifest.read_text())
        for machine in ({}, None, "mine"):
            manifest.write_text(json.dumps({**written, "machine": machine}))
            self.succeed("report", "neurotasks")

        for stage, changed in (("train", {}), ("train", {"epochs": "six"}), ("generate", {}), ("generate", [])):
            cell = next(file for file in sorted((study / "cells" / stage).rglob("*.json"))
                        if '"state":"done"' in file.read_text())
            before = cell.read_text()
            begin = before.index('"result":') + len('"result":')
            cell.write_text(with_hash(before[:begin] + json.dumps(changed)))
            self.refuse(["report", "neurotasks"], str(cell.relative_to(study)), "this file was changed")
            cell.write_text(before)

    def test_tests_that_cannot_be_made_are_listed(self):
        study = self.study("--set", f"{STUDY}.networks.learning_rate=1000000", "--set", f"{STUDY}.networks.activation=relu",
                           "--set", f"{STUDY}.comparisons={{groups: {{}}}}", code=3)
        tests = [row for row in self.rows(study, "tests") if row["metric"] == "cka"]
        self.assertEqual(len(tests), 3)
        for row in tests:
            self.assertEqual((row["n"], row["p"], row["p_adjusted"]), ("0", "", ""))

    def test_regressions_leave_out_what_has_no_share_and_self_pairs(self):
        rows = [row for row in self.rows(self.study(), "regressions") if row["metric"] == "dsa"]
        self.assertEqual([row["predictor"] for row in rows], ["pretraining_share", "performance_difference"])
        # master and untrained have no pretraining: their share is not defined
        self.assertEqual((rows[0]["n"], rows[0]["n_excluded"]), ("20", "4"))
        self.assertEqual((rows[1]["n"], rows[1]["n_excluded"]), ("24", "0"))
        for row in rows:
            # Without one of the groups that pretrain there is no share to regress on.
            self.assertEqual((row["ci_low"] == "", row["ci_high"] == ""), (row is rows[0],) * 2)
            self.assertTrue(0 < float(row["p"]) <= 1)

    def test_the_map_has_all_networks_of_the_chosen_groups(self):
        study = self.study()
        networks = self.rows(study, "map")
        self.assertEqual(len(networks), 3 * 12)
        for row in self.rows(study, "maps"):
            self.assertEqual((row["networks"], row["excluded"]), ("12", "0"))
            self.assertAlmostEqual(float(row["chance"]), 3 / 11)
            of_metric = [other for other in networks if other["metric"] == row["metric"]]
            groups = {other["network"]: other["group"] for other in of_metric}
            right = numpy.mean([groups[other["nearest"]] == other["group"] for other in of_metric])
            self.assertAlmostEqual(float(row["nearest_neighbour_accuracy"]), right)
            self.assertTrue(0 < float(row["p"]) <= 1)
            self.assertAlmostEqual(sum(float(other["x"]) for other in of_metric), 0)

    def test_tables_of_another_configuration_do_not_stay(self):
        study = self.study()
        self.assertTrue((study / "tests.csv").exists())
        self.study("--set", f"{STUDY}.comparisons={{}}")
        self.assertEqual({file.name for file in study.glob("*.csv")}, {"data.csv", "networks.csv", "learned.csv", "failures.csv"})
        self.study("--array", "0/3", "--set", f"{STUDY}.training.num_epochs=7")
        self.assertEqual(list(study.glob("*.csv")) + list(study.glob("manifest.json")), [])
        self.assertIn("num_epochs: 7", (study / "config.yaml").read_text())


if __name__ == "__main__":
    unittest.main()
