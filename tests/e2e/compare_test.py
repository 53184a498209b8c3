"""`repal compare` on files of one's own."""

import csv
import io
import json
import math
import unittest

import numpy

from program import SOURCE, ProgramTest

DATA = SOURCE / "tests" / "data"


class Compare(ProgramTest):
    def setUp(self):
        super().setUp()
        generator = numpy.random.default_rng(1)
        time = numpy.linspace(0, 6, 80)
        for name in "abc":
            phase = generator.uniform(0, 6, (10, 1, 1))
            speed = generator.uniform(0.5, 2, (1, 1, 4))
            array = numpy.sin(speed * time[None, :, None] + phase) + 0.01 * generator.normal(size=(10, 80, 4))
            numpy.save(self.folder / f"{name}.npy", array)

    def scores(self, *arguments):
        return json.loads(self.succeed("compare", *arguments, "--format", "json").stdout)

    def test_json_has_a_row_for_each_pair_and_metric(self):
        scores = self.scores("a.npy", "b.npy", "c.npy", "--metric", "dsa,cka,procrustes")

        self.assertEqual([(score["metric"], score["a"], score["b"]) for score in scores],
                         [(metric, a, b) for metric in ("dsa", "cka", "procrustes")
                          for a, b in (("a.npy", "b.npy"), ("a.npy", "c.npy"), ("b.npy", "c.npy"))])
        for score in scores:
            self.assertEqual(list(score), ["metric", "a", "b", "angle_rad", "dissimilarity", "lower_bound_rad",
                                           "status", "settings", "trials_a", "trials_b", "read_a", "read_b", "values", "note"])
            self.assertEqual(score["status"], "ok")
            self.assertAlmostEqual(score["dissimilarity"], score["angle_rad"] / (math.pi / 2), 12)

    def test_reference_values(self):
        scores = self.scores(DATA / "lorenz_r10.npy", DATA / "lorenz_r30.npy", "--metric", "cka,procrustes")

        self.assertAlmostEqual(math.cos(scores[0]["angle_rad"]), 0.16747323845245354, 10)
        self.assertAlmostEqual(scores[1]["angle_rad"], 1.166480306075929, 9)

    def test_a_file_is_at_zero_from_itself(self):
        for score in self.scores("a.npy", "a.npy"):
            self.assertEqual(score["angle_rad"], 0)

    def test_formats_and_orders_of_axes_are_the_same_array(self):
        array = numpy.load(self.folder / "a.npy")
        numpy.savez(self.folder / "plain.npz", x=array, other=array[:2])
        numpy.savez_compressed(self.folder / "small.npz", x=array)
        numpy.save(self.folder / "fortran.npy", numpy.asfortranarray(array))
        numpy.save(self.folder / "big.npy", array.astype(">f8"))
        numpy.save(self.folder / "moved.npy", array.transpose(1, 2, 0))

        for location in ("plain.npz:x", "small.npz:x", "fortran.npy", "big.npy"):
            for score in self.scores("a.npy", location):
                self.assertEqual(score["angle_rad"], 0, location)
        moved = self.scores("moved.npy", "moved.npy", "--axes", "time,channel,trial", "--metric", "cka")
        self.assertEqual(moved[0]["angle_rad"], 0)

    def test_csv_table_and_file(self):
        rows = list(csv.DictReader(io.StringIO(
            self.succeed("compare", "a.npy", "b.npy", "--format", "csv").stdout)))
        self.assertEqual(len(rows), 3)
        table = self.succeed("compare", "a.npy", "b.npy").stdout
        self.assertIn("dissimilarity", table.splitlines()[0])
        self.assertEqual(len(table.splitlines()), 4)

        self.succeed("compare", "a.npy", "b.npy", "--out", "scores.json")
        from_file = json.loads((self.folder / "scores.json").read_text())
        self.assertEqual([score["angle_rad"] for score in from_file], [float(row["angle_rad"]) for row in rows])

    def test_options_change_the_result(self):
        default = self.scores("a.npy", "b.npy", "--metric", "dsa", "--set", "dsa.rank=4")
        smaller = self.scores("a.npy", "b.npy", "--metric", "dsa", "--set", "dsa.rank=3")

        self.assertNotEqual(default[0]["angle_rad"], smaller[0]["angle_rad"])

    def test_threads_do_not_change_a_bit(self):
        self.assertEqual(self.scores("a.npy", "b.npy", "c.npy", "--jobs", "1"),
                         self.scores("a.npy", "b.npy", "c.npy", "--jobs", "4"))

    def test_pairs_without_a_value_are_listed_and_give_exit_code_3(self):
        numpy.save(self.folder / "short.npy", numpy.load(self.folder / "a.npy")[:, :70])

        result = self.run_repal("compare", "a.npy", "short.npy", "--format", "json")

        self.assertEqual(result.returncode, 3)
        scores = {score["metric"]: score for score in json.loads(result.stdout)}
        self.assertEqual(scores["dsa"]["status"], "ok")
        for metric in ("cka", "procrustes"):
            self.assertEqual(scores[metric]["status"], "not_applicable")
            self.assertIsNone(scores[metric]["angle_rad"])
        self.assertIn("10 trials x 70 steps x 4 channels", result.stderr)

    def test_a_capped_rank_is_said(self):
        result = self.run_repal("compare", DATA / "lorenz_r0.5.npy", DATA / "lorenz_r30.npy", "--metric", "dsa",
                                "--set", "dsa.rank=50", "--set", "dsa.n_delays=10", "--format", "json")

        self.assertIn("rank 50 is capped to", result.stderr)
        self.assertEqual(json.loads(result.stdout)[0]["status"], "not_applicable")
        self.assertEqual(result.returncode, 3)


if __name__ == "__main__":
    unittest.main()
