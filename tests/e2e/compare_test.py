"""`repal compare` on files of one's own."""

import csv
import io
import json
import math
import re
import signal
import subprocess
import time
import unittest

import numpy

from program import PROGRAM, SOURCE, ProgramTest

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

    def test_a_full_disk_behind_an_output_is_said_and_one_behind_errors_is_not_missed(self):
        with open("/dev/full", "w") as full:
            for form in ("table", "csv", "json"):
                command = [PROGRAM, "compare", "a.npy", "b.npy", "--metric", "cka", "--format", form]
                result = subprocess.run(command, cwd=self.folder, stdout=full, stderr=subprocess.PIPE, text=True)
                self.assertEqual(result.returncode, 1)
                self.assertIn("standard output cannot be written: No space left on device", result.stderr)
            result = subprocess.run([*command[:-1], "csv"], cwd=self.folder, stdout=subprocess.PIPE, stderr=full, text=True)
            self.assertEqual(result.returncode, 0)
            self.assertIn("cka,", result.stdout)

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


class WhatIsStopped(ProgramTest):
    """Scores are kept as they come."""

    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(2)
        for k in range(16):
            numpy.save(self.folder / f"{k:02d}.npy", random.normal(size=(6, 120, 12)).cumsum(axis=1))
        self.files = sorted(file.name for file in self.folder.glob("*.npy"))
        # A DSA that takes long, after a metric that does not.
        self.command = ["compare", *self.files, "--metric", "cka,dsa", "--set", "dsa.n_delays=4", "--set", "dsa.rank=14",
                        "--jobs", "1"]
        self.part = self.folder / "scores.csv.part"

    def stopped(self, number, *arguments, lines=140):
        """A command that got a signal when it had written so many lines."""
        process = subprocess.Popen([PROGRAM, *self.command, *arguments], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while process.poll() is None:
            if self.part.exists() and self.part.read_bytes().count(b"\n") > lines:
                break
            time.sleep(0.01)
        self.assertIsNone(process.returncode, "it was done before it could be stopped")
        if number == 0:
            return process
        process.send_signal(number)
        output, said = process.communicate()
        self.assertEqual(process.returncode, -number)
        return output, said

    def test_a_killed_comparison_goes_on_and_ends_with_the_same_bytes(self):
        out = ["--out", "scores.csv"]
        self.succeed(*self.command, "--out", "whole.csv")
        self.assertFalse((self.folder / "whole.csv.part").exists())
        self.stopped(signal.SIGKILL, *out)
        self.assertFalse((self.folder / "scores.csv").exists())
        self.refuse([*self.command, *out], "scores.csv.part", "--resume")
        self.refuse([*self.command, *out, "--resume", "--set", "dsa.rank=13"], "scores.csv.part", "other files, options")
        numpy.save(self.folder / "extra.npy", numpy.load(self.folder / "03.npy") + 1)
        self.refuse(["compare", "extra.npy", *self.command[2:], *out, "--resume"], "other files")
        content = self.part.read_bytes()
        self.part.write_bytes(content[:-20])  # in the middle of a line
        _, said = self.stopped(signal.SIGINT, *out, "--resume", lines=content.count(b"\n") + 20)
        self.assertRegex(said, r"\d+ of 240 scores are in scores.csv.part; the same command with --resume")
        self.assertNotIn("cka: comparing", said)
        with self.subTest("two at once"):
            process = self.stopped(0, *out, "--resume", lines=self.part.read_bytes().count(b"\n") + 20)
            self.refuse([*self.command, *out, "--resume"], "another process")
            self.assertEqual(process.communicate()[0], "")
            self.assertEqual(process.returncode, 0)
        self.assertEqual((self.folder / "scores.csv").read_bytes(), (self.folder / "whole.csv").read_bytes())
        self.assertFalse(self.part.exists())
        self.refuse([*self.command, "--resume"], "--out")

    def test_a_table_says_what_is_missing(self):
        slower = [argument.replace("rank=14", "rank=20") for argument in self.command]
        process = subprocess.Popen([PROGRAM, *slower, "--verbose"], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate()
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertRegex(said, r"\d+ of 240 scores are done, the others are missing")
        done = int(re.search(r"(\d+) of 240", said)[1])
        self.assertEqual(len(output.splitlines()), done + 1 if done else 0)

    def test_a_calibration_is_kept_too(self):
        self.command = ["compare", *self.files[:4], "--metric", "cka,dsa", "--set", "dsa.n_delays=4", "--set", "dsa.rank=4",
                        "--calibrate"]
        self.succeed(*self.command, "--out", "whole.csv")
        self.stopped(signal.SIGKILL, "--out", "scores.csv", lines=7)
        self.assertIn(b"calibration", self.part.read_bytes())
        whole = self.part.read_text()
        self.part.write_text(whole + '{"metric":"dsa","calibration":[{"note":""}]}\n')  # of too few pairs
        result = self.succeed(*self.command, "--out", "scores.csv", "--resume")
        self.assertNotIn("cka: intervals", result.stderr)
        self.assertEqual((self.folder / "scores.csv").read_bytes(), (self.folder / "whole.csv").read_bytes())

    def test_a_file_of_somebody_else_is_not_touched(self):
        self.part.write_text("notes of mine")
        self.refuse([*self.command, "--out", "scores.csv"], "scores.csv.part", "in the way")
        self.assertEqual(self.part.read_text(), "notes of mine")


if __name__ == "__main__":
    unittest.main()
