"""`repal tune`, and `repal compare` where it chooses by itself: on systems whose dynamics are known."""

import csv
import io
import itertools
import json
import re
import unittest

import numpy

from program import ProgramTest

SPEEDS = (1, 1.1, 2, 4)  # rad/s, at steps of 0.05 s
PAIRS = list(itertools.combinations(range(4), 2))
TRUTH = [0.05 * abs(SPEEDS[a] - SPEEDS[b]) for a, b in PAIRS]


def oscillator(speed, seed, trials=10, steps=200, noise=0.05, step=0.05, channels=8):
    """A rotation of random phase and channels of random weights, with noise."""
    random = numpy.random.default_rng(seed)
    phase = random.uniform(0, 2 * numpy.pi, (trials, 1))
    angle = phase + speed * step * numpy.arange(steps)
    circle = numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=-1)
    return circle @ random.normal(size=(2, channels)) + noise * random.normal(size=(trials, steps, channels))


def found(value, key):
    """All elements of the lists that are named so, at any depth."""
    if isinstance(value, dict):
        return [*(value[key] if key in value else []), *(one for each in value.values() for one in found(each, key))]
    return [one for each in value for one in found(each, key)] if isinstance(value, list) else []


class Known(ProgramTest):
    def setUp(self):
        super().setUp()
        self.files = []
        for i, speed in enumerate(SPEEDS):
            self.files.append(f"{i}.npy")
            numpy.save(self.folder / self.files[-1], oscillator(speed, 10 + i))

    def scores(self, *arguments, code=0):
        result = self.run_repal("compare", *arguments, "--format", "json")
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout), result.stderr


class Compare(Known):
    def test_without_any_option_the_angles_are_the_differences_of_speed(self):
        scores, said = self.scores(*self.files, "--metric", "dsa")

        for score, truth in zip(scores, TRUTH, strict=True):
            self.assertAlmostEqual(score["angle_rad"], truth, delta=0.001)
            self.assertRegex(score["settings"], r"^n_delays=\d+,rank=2$")
            self.assertEqual((score["trials_a"], score["trials_b"]), (10, 10))
        self.assertIn("chosen from the data of 4 systems", said)
        self.assertNotIn("tell nothing apart", said)

    def test_what_is_given_is_respected_and_numbers_without_meaning_are_called_so(self):
        scores, said = self.scores(*self.files, "--metric", "dsa", "--set", "dsa.n_delays=10", "--set", "dsa.rank=10")

        self.assertIn("halves of one system are as far apart as halves of two", said)
        self.assertIn("repal tune tries settings", said)
        for score in scores:
            self.assertEqual(score["settings"], "n_delays=10,rank=10")

    def test_only_one_of_two_is_given(self):
        scores, _ = self.scores(*self.files, "--metric", "dsa", "--set", "dsa.n_delays=4")

        self.assertEqual({score["settings"] for score in scores}, {"n_delays=4,rank=2"})

    def test_one_plugin_under_two_names(self):
        scores, _ = self.scores("0.npy", "1.npy", "--metric", "dsa,fixed", "--set", "fixed.metric=dsa", "--set",
                                "fixed.n_delays=1", "--set", "fixed.rank=2")

        self.assertEqual([score["metric"] for score in scores], ["dsa", "fixed"])
        self.assertEqual(scores[1]["settings"], "n_delays=1,rank=2")
        self.assertNotEqual(scores[0]["settings"], scores[1]["settings"])

    def test_eigenvalues_take_what_dsa_takes(self):
        scores, _ = self.scores(*self.files, "--metric", "dsa,eigenvalue_wasserstein")

        self.assertEqual(len({score["settings"] for score in scores}), 1)
        # Of two rotations, each eigenvalue moves by the chord of the difference of their angles.
        for score, truth in zip(scores[len(TRUTH):], TRUTH, strict=True):
            self.assertAlmostEqual(score["angle_rad"], numpy.arctan(2 * numpy.sin(truth / 2)), delta=0.002)

    def test_hundreds_of_channels_are_seen_in_components_and_what_these_hold_is_said(self):
        for i, speed in enumerate(SPEEDS):
            numpy.save(self.folder / f"{i}.npy", oscillator(speed, 10 + i, noise=0.3, channels=300))

        scores, said = self.scores(*self.files, "--metric", "dsa,cka")

        self.assertIn("pca.dsa.variance=1 keeps all", said)
        x = numpy.load(self.folder / "0.npy").reshape(-1, 300)
        variances = numpy.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
        self.assertAlmostEqual(scores[0]["variance_kept_a"], variances[:50].sum() / variances.sum(), delta=1e-10)
        for score, truth in zip(scores, TRUTH):
            self.assertAlmostEqual(score["angle_rad"], truth, delta=0.001)
        self.assertNotIn("variance_kept_a", scores[-1])  # of CKA, which sees all channels

    def test_plugins_in_other_processes_choose_the_same(self):
        here, _ = self.scores(*self.files, "--metric", "dsa,eigenvalue_wasserstein")
        self.assertEqual(self.scores(*self.files, "--metric", "dsa,eigenvalue_wasserstein", "--isolate")[0], here)

    def test_neither_the_order_of_files_nor_threads_change_a_number(self):
        def by_pair(*arguments):
            return {frozenset((score["a"], score["b"])): score["angle_rad"] for score in self.scores(*arguments)[0]}

        expected = by_pair(*self.files, "--metric", "dsa", "--jobs", "1")
        self.assertEqual(by_pair(*reversed(self.files), "--metric", "dsa", "--jobs", "3"), expected)

    def test_where_nothing_is_predicted_there_is_no_number(self):
        random = numpy.random.default_rng(3)
        for name in ("x.npy", "y.npy"):
            numpy.save(self.folder / name, random.normal(size=(10, 100, 5)))

        scores, said = self.scores("x.npy", "y.npy", "--metric", "dsa", code=3)

        self.assertEqual([score["status"] for score in scores], ["not_applicable"])
        self.assertIsNone(scores[0]["angle_rad"])
        self.assertIn("--set dsa.n_delays=N --set dsa.rank=N", said)
        self.scores("x.npy", "y.npy", "--metric", "dsa", "--set", "dsa.n_delays=1", "--set", "dsa.rank=2")

    def test_any_scale_gives_the_same_angle(self):
        for exponent in (-300, -160, 155, 300):
            numpy.save(self.folder / "scaled.npy", numpy.load(self.folder / "1.npy") * 10.0**exponent)
            for score in self.scores("1.npy", "scaled.npy", "--metric", "dsa,eigenvalue_wasserstein,cka,procrustes")[0]:
                self.assertLess(score["angle_rad"], 1e-9, (score["metric"], exponent))

    def test_an_offset_is_taken_off_when_that_is_asked_for(self):
        for name in self.files:
            numpy.save(self.folder / name, numpy.load(self.folder / name) + 3)
        scores, said = self.scores(*self.files, "--metric", "dsa", "--set", "dsa.centre=mean")
        for score, truth in zip(scores, TRUTH, strict=True):
            self.assertAlmostEqual(score["angle_rad"], truth, delta=0.002)
            self.assertTrue(score["settings"].endswith(",centre=mean"), score["settings"])
        self.assertIn("--set dsa.centre=mean (in config.yaml centre: mean) takes it off", self.scores(*self.files, "--metric", "dsa")[1])


def autoregressive(decay, seed, trials=20, steps=200):
    """One number that forgets what it was, in six channels of random weights, with noise."""
    random = numpy.random.default_rng(seed)
    x = numpy.zeros((trials, steps))
    for t in range(1, steps):
        x[:, t] = decay * x[:, t - 1] + random.normal(size=trials)
    return x[..., None] * random.normal(size=6) + 0.3 * random.normal(size=(trials, steps, 6))


class WhatIsWrongIsSaid(Known):
    """Numbers beside which a careful reader wants to know more."""

    def test_rank_one_of_dsa_is_no_number(self):
        for name, decay in (("short.npy", 0.6), ("long.npy", 0.97)):
            numpy.save(self.folder / name, autoregressive(decay, 1))
        for score in self.scores("short.npy", "long.npy", "--metric", "dsa")[0]:
            self.assertRegex(score["settings"], "rank=([2-9]|[0-9]{2})")
        self.refuse(["compare", *self.files, "--metric", "dsa", "--set", "dsa.rank=1"], "dsa.rank", "1", "2")
        # What has one dimension only, or is brought to that of another, has no angle either.
        numpy.save(self.folder / "one.npy", numpy.full((10, 200, 1), 3.0) + 1e-12)
        scores, said = self.scores("0.npy", "1.npy", "one.npy", "--metric", "dsa", "--set", "dsa.n_delays=2", "--set",
                                   "dsa.rank=2", "--set", "dsa.common_rank=true", code=3)
        self.assertEqual({score["status"] for score in scores}, {"not_applicable"})
        self.assertIn("eigenvalue_wasserstein compares them", said)

    def test_a_common_rank_is_that_of_intervals_floors_and_p_too(self):
        # Two dimensions without noise: no more than rank 2.
        angle = 0.3 * numpy.arange(200) + numpy.arange(10)[:, None]
        numpy.save(self.folder / "flat.npy", numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=-1))
        files = ["0.npy", "2.npy", "flat.npy", "--metric", "dsa", "--set", "dsa.n_delays=2", "--calibrate"]
        common, _ = self.scores(*files, "--set", "dsa.rank=4", "--set", "dsa.common_rank=true")
        plain, _ = self.scores(*files, "--set", "dsa.rank=2")

        self.assertEqual(common[0]["values"]["rank"], 2)
        for name in ("angle_rad", "corrected_rad", "low_rad", "high_rad", "floor_rad", "p_differ"):
            self.assertAlmostEqual(common[0][name], plain[0][name], delta=1e-9, msg=name)

    def test_noise_among_systems_is_named_and_chooses_nothing(self):
        random = numpy.random.default_rng(7)
        for name in ("n0.npy", "n1.npy", "n2.npy"):
            numpy.save(self.folder / name, random.normal(size=(10, 200, 8)))
        scores, said = self.scores(*self.files, "n0.npy", "n1.npy", "n2.npy", "--metric", "dsa")

        self.assertIn("3 of 7 systems are predicted no better", said)
        self.assertIn("chosen from the data of 4 systems", said)
        for score in scores:
            noise = [name for name in (score["a"], score["b"]) if name.startswith("n")]
            self.assertEqual(sum(f"{name}: nothing is predicted" in score["note"] for name in noise), len(noise))
            if not noise:
                self.assertNotIn("nothing is predicted", score["note"])
                self.assertAlmostEqual(score["angle_rad"], TRUTH[PAIRS.index((int(score["a"][0]), int(score["b"][0])))],
                                       delta=0.001)
        self.assertIn("n0.npy: no setting predicts it", self.succeed("tune", "0.npy", "n0.npy").stdout)

    def test_what_is_said_on_the_terminal_is_in_the_page_and_the_notes(self):
        arguments = ["compare", "0.npy", "1.npy", "--metric", "dsa", "--set", "dsa.n_delays=10", "--set", "dsa.rank=10",
                     "--report", "page.html"]
        said = self.succeed(*arguments, "--out", "scores.csv").stderr

        self.assertIn("Either the systems are alike, or other settings are needed", said)
        self.assertIn("Either the systems are alike, or other settings are needed", (self.folder / "page.html").read_text())
        self.assertIn("halves of one system are as far apart as halves of two", (self.folder / "scores.csv").read_text())

    def test_one_channel_in_other_units_is_named(self):
        x = numpy.load(self.folder / "1.npy")
        x[..., 3] *= 100
        numpy.save(self.folder / "1.npy", x)
        said = self.succeed("tune", *self.files).stdout
        self.assertRegex(said, r"1\.npy: channel 4 of 8 holds \d+ % of the variance")

    def test_few_trials_are_said_beside_the_table(self):
        for i in (0, 1):
            numpy.save(self.folder / f"few{i}.npy", oscillator(1 + i, i, trials=3))
        self.assertIn("intervals and p need 4 trials",
                      self.succeed("compare", "few0.npy", "few1.npy", "--metric", "dsa", "--calibrate").stdout)

    def test_no_interval_is_beyond_what_an_angle_can_be(self):
        random = numpy.random.default_rng(5)
        for name in ("x.npy", "y.npy"):
            numpy.save(self.folder / name, random.normal(size=(5, 20, 3)))
        for score in self.scores("x.npy", "y.npy", "--metric", "cka,procrustes", "--calibrate")[0]:
            for name in ("corrected_rad", "high_rad", "chance_rad"):
                self.assertLessEqual(score[name], numpy.pi / 2)

    def test_outputs_replace_no_recording_and_are_tried_first(self):
        before = (self.folder / "1.npy").read_bytes()
        numpy.savez(self.folder / "both.npz", x=oscillator(1, 1))
        for command in (["compare", "0.npy", "1.npy", "both.npz:x", "--metric", "dsa"], ["tune", "0.npy", "1.npy", "both.npz:x"]):
            self.refuse([*command, "--out", "./1.npy"], "--out ./1.npy", "is read")
            self.refuse([*command, "--report", "both.npz"], "--report both.npz", "is read")
            self.refuse([*command, "--out", "2.npy"], "--out 2.npy", "name of a recording")
            self.refuse([*command, "--out", "same.html", "--report", "same.html"], "--report names this file, too")
            self.refuse([*command, "--out", "/proc/nothing.csv"], "cannot be written")
        self.assertEqual((self.folder / "1.npy").read_bytes(), before)
        self.assertFalse((self.folder / "same.html").exists())

    def test_tune_knows_named_metrics_and_refuses_what_is_said_twice(self):
        named = self.succeed("tune", *self.files, "--metric", "z", "--set", "z={metric: dsa}", "--out", "z.csv").stdout
        self.assertIn("--set z.rank=2", named)
        self.succeed("tune", "0.npy", "--metric", "z", "--set", "z.metric=dsa", "--set", "z.rank=2,3", "--set", "z.n_delays=2",
                     "--out", "z.csv")
        self.assertEqual(len((self.folder / "z.csv").read_text().splitlines()), 3)
        for twice in (["dsa.rank=2,4", "dsa.rank=3"], ["dsa.rank=3", "dsa.rank=2,4"], ["dsa.rank=2,4", "dsa.rank=3,5"]):
            self.refuse(["tune", "0.npy", "--set", twice[0], "--set", twice[1]], "rank is given twice")
        self.refuse(["tune", "0.npy", "--set", "dsa.rank=2,,4"], "a value is missing")

    def test_the_order_of_files_changes_no_bit_of_a_calibration(self):
        def numbers(*files):
            return {frozenset((s["a"], s["b"])): [s[name] for name in ("corrected_rad", "low_rad", "high_rad", "floor_rad",
                                                                       "p_differ")]
                    for s in self.scores(*files, "--metric", "dsa", "--calibrate")[0]}
        self.assertEqual(numbers(*self.files), numbers(*reversed(self.files)))


class OneTrial(ProgramTest):
    def test_of_few_steps_has_no_p_and_ends(self):
        random = numpy.random.default_rng(1)
        for steps in (2, 3, 9):
            for name in "ab":
                numpy.save(self.folder / f"{name}.npy", random.normal(size=(1, steps, 2)))
            result = self.run_repal("compare", "a.npy", "b.npy", "--metric", "cka", "--calibrate", "--format", "json")
            score = json.loads(result.stdout)[0]
            self.assertIsNone(score["low_rad"])
            if score["p_relate"] is None:
                self.assertIn("too short for a p", score["note"])
            self.assertNotIn("intervals and p need", score["note"])


class Tune(Known):
    def rows(self):
        return list(csv.DictReader(io.StringIO((self.folder / "tune.csv").read_text())))

    def test_the_rank_is_found_and_said_with_the_line_to_paste(self):
        printed = self.succeed("tune", *self.files, "--out", "tune.csv", "--report", "tune.html").stdout

        rows = self.rows()
        chosen = [row for row in rows if row["chosen"] == "yes"]
        self.assertEqual(len(rows), 45)
        self.assertEqual([row["rank"] for row in chosen], ["2"])
        self.assertGreater(float(chosen[0]["separation"]), 50)
        self.assertIn(f"--set dsa.n_delays={chosen[0]['n_delays']} --set dsa.rank=2", printed)
        self.assertIn("times as far apart as halves of one", printed)
        # One direction too many hardly changes the prediction and ruins the comparison.
        beside = next(row for row in rows if row["rank"] == "3" and row["n_delays"] == chosen[0]["n_delays"])
        self.assertLess(float(beside["separation"]), 2)
        self.assertGreater(float(beside["gain"]), 0.9 * float(chosen[0]["gain"]))
        page = (self.folder / "tune.html").read_text()
        self.assertIn("held-out gain", page)
        # The mode of each rotation, in rad a step.
        scripts = [json.loads(script) for script in re.findall(r'<script type="application/json">(.*?)</script>', page)]
        modes = next(script for script in scripts if "frequency (rad/step)" in json.dumps(script))
        series = [one for one in found(modes, "series") if one.get("name") in self.files]
        for one, speed in zip(series, SPEEDS, strict=True):
            self.assertAlmostEqual(one["y"][0], 0.05 * speed, delta=0.001)
            self.assertAlmostEqual(one["x"][0], 0, delta=0.001)
        # The same of half of the trials: all are modes of the other half.
        by_residual = [one for one in found(modes, "series") if one.get("name", "").startswith("residual")]
        self.assertEqual([len(one["x"]) for one in by_residual], [len(self.files)])
        self.assertIn("by residual", json.dumps(modes))

    def test_one_system_and_one_long_trial(self):
        self.assertIn("--set dsa.rank=2", self.succeed("tune", "0.npy").stdout)
        numpy.save(self.folder / "long.npy", oscillator(1, 5, trials=1, steps=2000)[0])
        self.assertIn("--set dsa.rank=2", self.succeed("tune", "long.npy").stdout)

    def test_the_order_of_files_changes_no_byte(self):
        self.succeed("tune", *self.files, "--out", "forth.csv")
        self.succeed("tune", *reversed(self.files), "--out", "back.csv", "--jobs", "1")

        self.assertEqual((self.folder / "forth.csv").read_bytes(), (self.folder / "back.csv").read_bytes())

    def test_axes_can_be_named(self):
        self.succeed("tune", *self.files, "--set", "dsa.rank=2,3", "--set", "dsa.n_delays=4", "--out", "tune.csv")

        rows = self.rows()
        self.assertEqual([(row["n_delays"], row["rank"]) for row in rows], [("4", "2"), ("4", "3")])

    def test_what_is_shown_beside_the_choice(self):
        printed = self.succeed("tune", *self.files, "--verbose", "--out", "tune.csv", "--report", "tune.html").stdout
        chosen = next(row for row in self.rows() if row["chosen"] == "yes")
        self.assertGreater(float(chosen["reliability"]), 0.99)
        # The delays beside tell the same order of pairs; a third direction is noise, whose order is chance.
        self.assertLess(float(chosen["stability"]), 1)
        self.succeed("tune", *self.files, "--set", "dsa.rank=2", "--set", "dsa.n_delays=10,20", "--out", "two.csv")
        two = list(csv.DictReader(io.StringIO((self.folder / "two.csv").read_text())))
        self.assertEqual([float(row["stability"]) for row in two if row["chosen"] == "yes"], [1])
        self.assertIn("that noise does not explain: 2.", printed)
        self.assertRegex(printed, r"3\.npy +10 +200 +8 +\d\.\d+ +2 +0\.\d\d")
        self.assertIn("rank above noise", (self.folder / "tune.html").read_text())

    def test_options_of_a_metric_that_compares_samples(self):
        # What all channels have in common at a moment hides the patterns from all but the correlation.
        random = numpy.random.default_rng(2)
        for i in range(5):
            x = random.normal(size=(1, 30, 12)) + 0.2 * random.normal(size=(12, 30, 12)) + 5 * random.normal(size=(12, 30, 1))
            numpy.save(self.folder / f"{i}.npy", x)
        files = [f"{i}.npy" for i in range(5)]
        printed = self.succeed("tune", *files, "--metric", "rsa", "--set", "rsa.distance=squared_euclidean,correlation",
                               "--out", "tune.csv", "--report", "tune.html").stdout
        rows = self.rows()
        self.assertEqual([row["distance"] for row in rows if row["chosen"] == "yes"], ["correlation"])
        self.assertLess(float(rows[0]["reliability"]), float(rows[1]["reliability"]))
        self.assertRegex(printed, r"correlate by 0\.\d\d .*\n?.*In the trials that did not choose it is 0\.\d\d")
        self.assertIn("in the trials that did not choose", rows[1]["note"])
        self.assertIn("--set rsa.distance=correlation", printed)
        result = self.run_repal("tune", *files[:3], "--metric", "rsa", "--set", "rsa.distance=cosine,correlation")
        self.assertEqual(result.returncode, 3)
        self.assertIn("needs 4 systems", result.stdout)

    def test_what_cannot_be_tuned_says_why(self):
        random = numpy.random.default_rng(3)
        numpy.save(self.folder / "noise.npy", random.normal(size=(10, 100, 5)))
        result = self.run_repal("tune", "noise.npy")
        self.assertEqual(result.returncode, 3)
        self.assertIn("Nothing can be recommended: no setting predicts", result.stdout)
        self.assertIn("try the leading components, e.g. --set pca.dsa.components=5", result.stdout)
        numpy.save(self.folder / "short.npy", random.normal(size=(1, 6, 5)))
        self.refuse(["tune", "short.npy"], "short.npy", "one trial of 6 steps")
        self.refuse(["tune", "0.npy", "--metric", "cka"], "--metric cka", "it has no option that is chosen from data")
        self.refuse(["tune", "0.npy", "--set", "dsa.rank=2,x"], "dsa.rank", "whole number")


class Calibrate(Known):
    def setUp(self):
        super().setUp()
        # Two recordings of one system, through the same channels.
        both = oscillator(1, 99, trials=20)
        numpy.save(self.folder / "0.npy", both[:10])
        numpy.save(self.folder / "again.npy", both[10:])

    def test_dynamics_that_are_equal_are_not_told_apart_and_others_are(self):
        scores, _ = self.scores("0.npy", "again.npy", "1.npy", "--metric", "dsa", "--calibrate")
        by_pair = {(score["a"], score["b"]): score for score in scores}

        same = by_pair["0.npy", "again.npy"]
        self.assertGreater(same["p_differ"], 0.05)
        self.assertLess(same["low_rad"], 1e-3)
        other = by_pair["0.npy", "1.npy"]
        self.assertLess(other["p_differ"], 0.05)
        self.assertLessEqual(other["low_rad"], 0.005 + 1e-3)
        self.assertGreaterEqual(other["high_rad"], 0.005 - 1e-3)
        self.assertLess(other["floor_rad"], 0.002)
        # Larger in the mean; of 20 draws both are sure to a sixth (1 / sqrt(40)) at best.
        self.assertGreater(other["floor_channels_rad"], 0.6 * other["floor_rad"])
        self.assertIsNone(other["p_relate"])

    def test_samples_of_a_shared_course_are_related_and_others_are_not(self):
        random = numpy.random.default_rng(8)
        course = numpy.cumsum(random.normal(size=(12, 60, 4)), axis=1)
        numpy.save(self.folder / "x.npy", course + 0.1 * random.normal(size=course.shape))
        numpy.save(self.folder / "y.npy", course @ random.normal(size=(4, 6)))
        numpy.save(self.folder / "z.npy", numpy.cumsum(random.normal(size=(12, 60, 4)), axis=1))

        scores, _ = self.scores("x.npy", "y.npy", "z.npy", "--metric", "cka", "--calibrate")
        by_pair = {(score["a"], score["b"]): score for score in scores}

        self.assertEqual(by_pair["x.npy", "y.npy"]["p_relate"], 0.001)
        self.assertGreater(by_pair["x.npy", "z.npy"]["p_relate"], 0.05)
        self.assertGreater(by_pair["x.npy", "z.npy"]["angle_rad"], by_pair["x.npy", "z.npy"]["chance_rad"])
        self.assertIsNone(by_pair["x.npy", "z.npy"]["p_differ"])

    def test_family_wise_the_largest_of_all_pairs_is_asked_for(self):
        random = numpy.random.default_rng(8)
        course = numpy.cumsum(random.normal(size=(12, 60, 4)), axis=1)
        numpy.save(self.folder / "x.npy", course)
        numpy.save(self.folder / "y.npy", course + 3 * random.normal(size=course.shape))
        for i in range(4):
            numpy.save(self.folder / f"{i}.npy", numpy.cumsum(random.normal(size=(12, 60, 4)), axis=1))
        files = ["x.npy", "y.npy", *self.files]
        plain, _ = self.scores(*files, "--metric", "cka", "--calibrate")
        family_wise, _ = self.scores(*files, "--metric", "cka", "--calibrate", "--family-wise")

        self.assertEqual(family_wise[0]["p_relate_adjusted"], 0.001)
        unlike = [score["p_relate_adjusted"] for score in family_wise[1:]]
        self.assertGreater(min(unlike), 0.05)
        for one, other in zip(plain, family_wise, strict=True):
            self.assertEqual(one["p_relate"], other["p_relate"])
            self.assertGreaterEqual(other["p_relate_adjusted"], one["p_relate"])
        self.refuse(["compare", *files, "--family-wise"], "--family-wise", "--calibrate")
        back, _ = self.scores(*reversed(files), "--metric", "cka", "--calibrate", "--family-wise", "--jobs", "1")
        by_pair = {frozenset((s["a"], s["b"])): s["p_relate_adjusted"] for s in back}
        self.assertEqual({frozenset((s["a"], s["b"])): s["p_relate_adjusted"] for s in family_wise}, by_pair)

    def test_the_same_bytes_for_any_threads_and_order(self):
        def by_pair(files, jobs):
            scores = self.scores(*files, "--metric", "dsa,cka", "--calibrate", "--jobs", jobs)[0]
            return {(score["metric"], frozenset((score.pop("a"), score.pop("b")))): score for score in scores}

        files = ["0.npy", "again.npy", "2.npy"]
        self.assertEqual(by_pair(files, 1), by_pair(files[::-1], 3))

    def test_too_few_trials_are_said(self):
        for name in ("few.npy", "less.npy"):
            numpy.save(self.folder / name, numpy.load(self.folder / "0.npy")[:3])
        scores, _ = self.scores("few.npy", "less.npy", "--metric", "dsa,cka", "--set", "dsa.n_delays=4", "--set",
                                "dsa.rank=2", "--calibrate")
        for score in scores:
            self.assertIsNone(score["low_rad"])
            self.assertIn("need 4", score["note"])


if __name__ == "__main__":
    unittest.main()
