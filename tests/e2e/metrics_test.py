"""What metrics report beside their angles, over time, and of inputs and conditions."""

import csv
import io
import json
import math
import unittest

import numpy

from program import ProgramTest


class Metrics(ProgramTest):
    def setUp(self):
        super().setUp()
        generator = numpy.random.default_rng(4)
        latents = numpy.cumsum(generator.normal(size=(12, 30, 3)), axis=1)
        for name in "abc":
            array = latents @ generator.normal(size=(3, 5)) + generator.normal(size=(12, 30, 5))
            numpy.save(self.folder / f"{name}.npy", array)

    def refuse_all(self, arguments, *fragments):
        """Where a file is wrong for several systems, each is named."""
        result = self.run_repal(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr)
        for fragment in fragments:
            self.assertIn(fragment, result.stderr)

    def scores(self, *arguments):
        return json.loads(self.succeed("compare", *arguments, "--format", "json").stdout)

    def test_values_stand_in_columns_of_their_metric(self):
        self.succeed("compare", "a.npy", "b.npy", "--metric", "cka,procrustes,cca,predictivity", "--out", "scores.csv")

        rows = list(csv.DictReader(io.StringIO((self.folder / "scores.csv").read_text())))
        by_metric = {row["metric"]: row for row in rows}
        cka = by_metric["cka"]
        self.assertAlmostEqual(float(cka["cka.cka"]), math.cos(float(cka["angle_rad"])), 12)
        self.assertLess(float(cka["cka.cka_debiased"]), float(cka["cka.cka"]))
        self.assertEqual(cka["procrustes.nbs"], "")
        self.assertAlmostEqual(float(by_metric["procrustes"]["procrustes.nbs"]),
                               math.cos(float(by_metric["procrustes"]["angle_rad"])), 12)
        self.assertIn("predictivity.r2_a_to_b", rows[0])

    def test_directed_values_are_exchanged_with_the_files(self):
        forth, = self.scores("a.npy", "b.npy", "--metric", "predictivity")
        back, = self.scores("b.npy", "a.npy", "--metric", "predictivity")

        self.assertEqual(forth["angle_rad"], back["angle_rad"])
        self.assertNotEqual(forth["values"]["r2_a_to_b"], forth["values"]["r2_b_to_a"])
        for name in ("r2", "r2_channel_mean", "pearson_mean", "pearson_median"):
            if name == "r2":
                self.assertEqual(forth["values"]["r2"], back["values"]["r2"])
            self.assertEqual(forth["values"][f"{name}_a_to_b"], back["values"][f"{name}_b_to_a"])
        self.assertEqual(self.scores("a.npy", "b.npy", "--metric", "predictivity", "--isolate"), [forth])

    def test_over_time_gives_a_curve_and_its_mean(self):
        score, = self.scores("a.npy", "b.npy", "--metric", "cka", "--set", "cka.estimator=debiased", "--over-time", "1")

        curve = score["curves"]["angle_rad"]
        self.assertEqual(len(curve), 30)
        self.assertAlmostEqual(score["angle_rad"], sum(curve) / 30, 12)
        self.assertEqual(score["values"]["windows"], 30)
        self.assertIn("over_time=1:1", score["settings"])
        single, = self.scores("a.npy[:,7:9]", "b.npy[:,7:9]", "--metric", "cka", "--set", "cka.estimator=debiased")
        pair, = self.scores("a.npy", "b.npy", "--metric", "cka", "--set", "cka.estimator=debiased", "--over-time", "2:1")
        self.assertAlmostEqual(pair["curves"]["angle_rad"][7], single["angle_rad"], 12)

    def test_across_is_a_map_that_the_page_draws(self):
        score, = self.scores("a.npy", "b.npy", "--metric", "procrustes", "--over-time", "10", "--across", "--report", "page.html")

        across = score["curves"]["across_rad"]
        self.assertEqual([len(row) for row in across], [3, 3, 3])
        self.assertEqual([across[i][i] for i in range(3)], score["curves"]["angle_rad"])
        self.assertEqual(score["curves"]["first_step"], [0, 10, 20])
        page = (self.folder / "page.html").read_text()
        self.assertIn("first steps of windows of a.npy (rows) and b.npy", page)
        self.assertIn("Values that the field reports", page)

    def test_windows_that_cannot_be_are_refused(self):
        too_long = self.run_repal("compare", "a.npy", "b.npy", "--metric", "cka", "--over-time", "31")
        self.assertEqual(too_long.returncode, 3)
        self.assertIn("windows of 31 steps, and trials have 30", too_long.stderr)
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "cka", "--over-time", "x"], "--over-time", "no window of time")
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "cka", "--over-time", "5:0"], "--over-time", "WINDOW:STRIDE")
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "dsa", "--over-time", "5"], "--over-time", "n_delays")
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "cka", "--across"], "--over-time")

    def test_conditions_say_which_trials_are_repeats(self):
        conditions = numpy.repeat([3, 1, 2], 4)
        generator = numpy.random.default_rng(5)
        means = generator.normal(size=(4, 1, 5))
        for name in "xy":
            numpy.save(self.folder / f"{name}.npy", means[conditions] + 0.3 * generator.normal(size=(12, 6, 5)))
        numpy.save(self.folder / "conditions.npy", conditions)
        crossnobis = ["x.npy", "y.npy", "--metric", "rsa", "--set", "rsa.distance=crossnobis", "--set",
                      "rsa.conditions=trial_means", "--set", "rsa.comparison=cosine"]

        by_labels, = self.scores(*crossnobis, "--conditions", "conditions.npy")
        by_blocks, = self.scores(*crossnobis, "--set", "rsa.repeats=4")

        self.assertAlmostEqual(by_labels["angle_rad"], by_blocks["angle_rad"], delta=0.02)  # these pair repeats
        order = generator.permutation(12)
        numpy.save(self.folder / "shuffled.npy", numpy.load(self.folder / "y.npy")[order])
        numpy.save(self.folder / "labels.npy", conditions[order])
        shuffled, = self.scores("x.npy", "shuffled.npy", *crossnobis[2:], "--conditions", "conditions.npy,labels.npy")
        self.assertAlmostEqual(shuffled["angle_rad"], by_labels["angle_rad"], 12)
        self.assertLess(by_labels["angle_rad"], 0.3)
        calibrated, = self.scores(*crossnobis, "--conditions", "conditions.npy", "--calibrate")
        self.assertIn("not calibrated", calibrated["note"])
        self.assertIsNone(calibrated["floor_rad"])
        without = self.run_repal("compare", *crossnobis)
        self.assertEqual(without.returncode, 3)
        self.assertIn("--conditions, or repeats, says which repeat which", without.stdout + without.stderr)
        numpy.save(self.folder / "few.npy", conditions[:11])
        self.refuse_all(["compare", *crossnobis, "--conditions", "few.npy"], "few.npy", "11 conditions", "12 trials")
        numpy.save(self.folder / "half.npy", conditions + 0.5)
        self.refuse_all(["compare", *crossnobis, "--conditions", "half.npy"], "half.npy", "whole number")

    def test_stimuli_are_trials_of_one_step(self):
        generator = numpy.random.default_rng(7)
        # In the order of their classes, each with a dimension of its own.
        latents = numpy.kron(numpy.eye(5), generator.normal(size=(20, 1)) + 3)
        for name in ("p", "q"):
            layer = latents @ generator.normal(size=(5, 30)) + 0.3 * generator.normal(size=(100, 30))
            numpy.save(self.folder / f"{name}.npy", layer)
            numpy.save(self.folder / f"{name}3.npy", layer[:, None])

        named, = self.scores("p.npy@stimulus,unit", "q.npy@stimulus,unit", "--metric", "predictivity")
        three, = self.scores("p3.npy", "q3.npy", "--metric", "predictivity")
        blocks, = self.scores("p.npy", "q.npy", "--metric", "predictivity")

        self.assertEqual(named["trials_a"], 100)
        self.assertEqual(named["angle_rad"], three["angle_rad"])
        self.assertLess(named["angle_rad"], blocks["angle_rad"])  # blocks of time are whole classes
        dsa = self.run_repal("compare", "p3.npy", "q3.npy", "--metric", "dsa")
        self.assertEqual(dsa.returncode, 3, dsa.stderr)

    def test_conditions_of_a_table_and_what_no_metric_looks_at(self):
        (self.folder / "c.csv").write_text("trial,condition\n" + "".join(f"{k},{k % 3}\n" for k in range(12)))
        arguments = ["a.npy", "b.npy", "--metric", "rsa", "--set", "rsa.distance=crossnobis", "--set", "rsa.conditions=trials"]

        score, = self.scores(*arguments, "--conditions", "c.csv")
        self.assertEqual(score["status"], "ok")
        self.assertTrue(score["read_a"].endswith(", conditions of c.csv (3)"), score["read_a"])
        unused = self.run_repal("compare", "a.npy", "b.npy", "--metric", "cka", "--conditions", "c.csv")
        self.assertIn("no metric looks at them", unused.stderr)
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "cka", "--conditions", ""], "--conditions", "empty")
        both = self.run_repal("compare", *arguments, "--conditions", "c.csv", "--set", "rsa.repeats=4")
        self.assertEqual(both.returncode, 3)
        self.assertIn("one of both", both.stdout + both.stderr)

    def test_inputs_follow_the_names_of_trials(self):
        generator = numpy.random.default_rng(8)
        readout = numpy.linalg.qr(generator.normal(size=(6, 2)))[0].T
        inputs = generator.normal(size=(10, 80, 2))
        self.driven("plain", readout, inputs)
        numpy.save(self.folder / "u.npy", inputs)
        y = numpy.load(self.folder / "plain.npy")

        def write(name, array, order):
            columns = ",".join(f"c{i}" for i in range(array.shape[2]))
            lines = [f"trial,step,{columns}"] + [f"{k},{t}," + ",".join(repr(float(v)) for v in array[k, t])
                                                 for k in order for t in range(80)]
            (self.folder / name).write_text("\n".join(lines) + "\n")

        write("y.csv", y, range(10))
        write("u_turned.csv", inputs, reversed(range(10)))
        arguments = ["--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set", "input_dsa.n_delays=4"]
        score, = self.scores("plain.npy", "y.csv", *arguments, "--inputs", "u.npy,u_turned.csv")
        self.assertLess(score["values"]["joint_rad"], 1e-6)

    def test_conditions_follow_the_names_of_trials(self):
        generator = numpy.random.default_rng(9)
        means = generator.normal(size=(3, 1, 5))
        conditions = numpy.repeat([0, 1, 2], 4)
        system = means[conditions] + 0.1 * generator.normal(size=(12, 6, 5))
        numpy.save(self.folder / "plain.npy", system)
        numpy.save(self.folder / "plain_c.npy", conditions)
        columns = ",".join(f"c{i}" for i in range(5))
        order = generator.permutation(12)
        lines = [f"trial,step,{columns}"] + [f"{100 + k},{t}," + ",".join(repr(float(v)) for v in system[k, t])
                                             for k in order for t in range(6)]
        (self.folder / "named.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "named_c.csv").write_text("trial,condition\n" + "".join(f"{100 + k},{conditions[k]}\n" for k in range(12)))

        score, = self.scores("plain.npy", "named.csv", "--metric", "stochastic_shape", "--conditions",
                             "plain_c.npy,named_c.csv")

        self.assertLess(score["angle_rad"], 1e-6)
        (self.folder / "other_c.csv").write_text("trial,condition\n" + "".join(f"{k},{k % 3}\n" for k in range(12)))
        self.refuse_all(["compare", "plain.npy", "named.csv", "--metric", "stochastic_shape", "--conditions",
                         "plain_c.npy,other_c.csv"], "other_c.csv", "it has no trial")

    def test_files_beside_systems_are_locations(self):
        generator = numpy.random.default_rng(10)
        readout = numpy.linalg.qr(generator.normal(size=(6, 2)))[0].T
        inputs = generator.normal(size=(10, 80, 2))
        self.driven("one_way", readout, inputs)
        self.driven("other_way", readout[:, ::-1], inputs)
        numpy.save(self.folder / "u.npy", inputs)
        numpy.save(self.folder / "wide.npy", numpy.concatenate([inputs, inputs + 1], axis=2))
        arguments = ["one_way.npy", "other_way.npy", "--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set",
                     "input_dsa.n_delays=4"]

        plain, = self.scores(*arguments, "--inputs", "u.npy")
        sliced, = self.scores(*arguments, "--inputs", "wide.npy[:,:,0:2],u.npy@trial,time,channel")
        self.assertEqual(sliced["angle_rad"], plain["angle_rad"])
        for empty in ("u.npy,", ",u.npy", "u.npy,,u.npy", ""):
            self.refuse(["compare", *arguments, "--inputs", empty], "--inputs", "the name of a file is empty")

    def test_values_that_depend_on_the_number_of_samples_have_p_but_no_interval(self):
        """Of neighbours k is fixed, and of predictivity folds are, so that leaving samples out tells nothing."""
        for metric in ("neighbours", "predictivity"):
            score, = self.scores("a.npy", "b.npy", "--metric", metric, "--calibrate")

            self.assertIsNone(score["low_rad"])
            self.assertLess(score["p_relate"], 0.05)
            self.assertIn("no interval", score["note"])

    def test_what_a_metric_looks_at_is_what_is_calibrated(self):
        """Some of many samples: the numbers are those of a file that holds no others."""
        random = numpy.random.default_rng(8)
        x = [random.standard_normal((20, 30, 12)) @ random.standard_normal((12, 12)) for _ in range(2)]
        y = [one + 0.5 * random.standard_normal(one.shape) for one in (x[0], x[0])]
        # A square grid of 225 of 600 samples, and 8 of 20 trials: the middles of equal parts.
        trials = [(2 * k + 1) * 20 // 30 for k in range(15)]
        steps = [(2 * t + 1) * 30 // 30 for t in range(15)]
        some = [(2 * k + 1) * 20 // 16 for k in range(8)]
        for i, one in enumerate(y):
            numpy.save(self.folder / f"{i}.npy", one)
            numpy.save(self.folder / f"grid{i}.npy", one[trials][:, steps])
            numpy.save(self.folder / f"some{i}.npy", one[some])
        for metric, few, options in (("cka", "grid", ["kernel=rbf", "max_samples=225"]), ("cka", "grid", ["kernel=distance", "max_samples=225"]),
                                     ("rsa", "grid", ["max_conditions=225"]), ("rsa", "some", ["conditions=trial_means", "max_conditions=8"])):
            with self.subTest(metric=metric, options=options):
                settings = [f"--set={metric}.{option}" for option in options]
                found, expected = (json.loads(self.succeed("compare", f"{name}0.npy", f"{name}1.npy", "--metric", metric, *settings, "--calibrate",
                                                           "--format", "json").stdout)[0] for name in ("", few))
                for name in ("angle_rad", "corrected_rad", "low_rad", "high_rad"):
                    self.assertEqual(found[name], expected[name], name)
                self.assertIsNotNone(found["low_rad"])

    def test_scores_are_no_page(self):
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "cka", "--out", "z.html"], "--out z.html", "--report")

    def driven(self, name, readout, inputs, turn=0.3):
        generator = numpy.random.default_rng(sum(map(ord, name)))
        a = 0.95 * numpy.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        state = numpy.zeros((len(inputs), 2))
        steps = []
        for t in range(inputs.shape[1]):
            steps.append(state @ readout + 0.01 * generator.normal(size=(len(inputs), readout.shape[1])))
            state = state @ a.T + inputs[:, t]
        numpy.save(self.folder / f"{name}.npy", numpy.stack(steps, axis=1))

    def test_inputs_of_all_or_of_each_or_in_a_sheet(self):
        generator = numpy.random.default_rng(6)
        readout = numpy.linalg.qr(generator.normal(size=(6, 2)))[0].T
        one, two = generator.normal(size=(2, 10, 80, 2))
        self.driven("same", readout, one)
        self.driven("turned", readout[:, ::-1], one)
        self.driven("other", readout, two, turn=0.6)
        numpy.save(self.folder / "one.npy", one)
        numpy.save(self.folder / "two.npy", two)
        arguments = ["--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set", "input_dsa.n_delays=4"]

        alike, = self.scores("same.npy", "turned.npy", *arguments, "--inputs", "one.npy")
        apart, = self.scores("same.npy", "other.npy", *arguments, "--inputs", "one.npy,two.npy")
        self.assertEqual(apart["read_b"], "10 trials x 80 steps x 6 channels, inputs of two.npy (2)")

        self.assertLess(alike["values"]["state_rad"], 0.02)
        self.assertGreater(apart["values"]["state_rad"], 0.1)
        self.assertLess(apart["values"]["input_rad"], 0.1)
        (self.folder / "sheet.csv").write_text("file,inputs\nsame.npy,one.npy\nother.npy,two.npy\n")
        in_sheet, = self.scores("sheet.csv", *arguments)
        self.assertEqual(in_sheet["angle_rad"], apart["angle_rad"])
        self.refuse(["compare", "sheet.csv", *arguments, "--inputs", "one.npy"], "--inputs", "sheet")
        numpy.save(self.folder / "short.npy", one[:, :79])
        self.refuse_all(["compare", "same.npy", "turned.npy", *arguments, "--inputs", "short.npy"], "short.npy", "79 steps", "80 steps")
        self.refuse(["compare", "same.npy", "turned.npy", *arguments, "--inputs", "one.npy,one.npy,one.npy"], "3 files for 2")
        without = self.run_repal("compare", "same.npy", "turned.npy", *arguments)
        self.assertEqual(without.returncode, 3)
        self.assertIn("--inputs", without.stdout + without.stderr)


class WhatCorresponds(ProgramTest):
    """Trials, labels, inputs and time steps stay together whatever is left out of them, and files beside a pair change
    nothing of it."""

    def setUp(self):
        super().setUp()
        self.random = numpy.random.default_rng(5)

    def save(self, name, values):
        numpy.save(self.folder / f"{name}.npy", values)
        return f"{name}.npy"

    def scores(self, *arguments):
        return json.loads(self.succeed("compare", *arguments, "--format", "json").stdout)

    def angles(self, *arguments):
        return [score["angle_rad"] for score in self.scores(*arguments)]

    def test_a_common_time_step_leaves_labels_and_blocks_of_repeats(self):
        labels = numpy.arange(24) // 6
        means = self.random.normal(size=(4, 16, 3)).cumsum(axis=1)
        a = self.save("a", means[labels] + 0.6 * self.random.normal(size=(24, 16, 3)))
        b = self.save("b", means[labels][:, ::-1] + 0.6 * self.random.normal(size=(24, 16, 3)))
        c = self.save("c", means[labels][:, ::2] + 0.6 * self.random.normal(size=(24, 8, 3)))
        self.save("labels", labels)
        half_a = self.save("half_a", numpy.load(self.folder / a)[:, ::2])
        half_b = self.save("half_b", numpy.load(self.folder / b)[:, ::2])
        crossnobis = ["--metric", "rsa", "--set", "rsa.distance=crossnobis", "--set", "rsa.conditions=trials"]
        for options in (["--metric", "stochastic_shape", "--conditions", "labels.npy"],
                        ["--metric", "stochastic_shape", "--set", "stochastic_shape.repeats=6"],
                        [*crossnobis, "--conditions", "labels.npy"], [*crossnobis, "--set", "rsa.repeats=6"]):
            thinned = self.angles(a, b, c, "--dt", "0.01,0.01,0.02", *options)
            self.assertEqual(thinned, self.angles(half_a, half_b, c, *options), options)

    def test_inputs_are_those_of_the_trials_that_are_left(self):
        inputs = self.random.normal(size=(14, 60, 2))
        rotation = numpy.array([[0.8, -0.3], [0.3, 0.8]])
        c = self.random.normal(size=(2, 4))
        state, steps = numpy.zeros((14, 2)), []
        for t in range(60):
            steps.append(state @ c)
            state = state @ rotation.T + inputs[:, t]
        values = numpy.stack(steps, axis=1) + 0.01 * self.random.normal(size=(14, 60, 4))
        b, v = self.save("b", values[:, :, ::-1]), self.save("v", inputs)
        settings = ["--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set", "input_dsa.n_delays=3"]
        missing = values.copy()
        missing[4] = numpy.nan
        kept = numpy.delete(numpy.arange(14), 4)
        right = self.angles(self.save("kept", values[kept]), b, "--inputs",
                            f"{self.save('inputs_kept', inputs[kept])},{v}", *settings)
        a = self.save("a", missing)
        self.assertEqual(self.angles(a, b, "--inputs", f"{v},{v}", *settings), right)
        inputs[4] = numpy.nan
        self.assertEqual(self.angles(a, b, "--inputs", f"{self.save('u', inputs)},{v}", *settings), right)
        inputs[9] = numpy.nan
        self.refuse(["-q", "compare", a, b, "--inputs", f"{self.save('u', inputs)},{v}", *settings],
                    "its trial 9 (counted from 0) is missing")

    def test_labels_are_those_of_the_trials_that_are_left(self):
        labels = numpy.array([0, 0, 1, 0, 1, 1, 2, 2, 0, 2, 1, 2])
        means = 2 * self.random.normal(size=(3, 3, 2))
        values = means[labels] + self.random.normal(size=(12, 3, 2))
        b = self.save("b", values[:, ::-1])
        self.save("labels", labels)
        kept = numpy.delete(numpy.arange(12), 4)
        options = ["--metric", "stochastic_shape", "--set", "stochastic_shape.shrinkage=0.3", "--conditions"]
        right = self.angles(self.save("kept", values[kept]), b, *options, f"{self.save('of_kept', labels[kept])},labels.npy")
        values[4] = numpy.nan
        a = self.save("a", values)
        self.assertEqual(self.angles(a, b, *options, "labels.npy,labels.npy"), right)
        without_last = labels.astype(float)
        without_last[-1] = numpy.nan
        for some in (without_last, labels[:-1]):
            self.refuse(["-q", "compare", a, b, *options, f"{self.save('some', some)},labels.npy"],
                        "11 conditions, and a.npy has 12 trials")
        without_first = labels.astype(float)
        without_first[0] = numpy.nan
        self.refuse(["-q", "compare", a, b, "--gaps", "split", *options, f"{self.save('some', without_first)},labels.npy"],
                    "labels of it are nan")

    def test_what_no_metric_looks_at_draws_nothing(self):
        def turning(turn):
            phases = self.random.uniform(0, 6, size=(12, 1)) + turn * numpy.arange(60)
            axes = self.random.normal(size=(2, 4))
            return numpy.stack([numpy.cos(phases), numpy.sin(phases)], axis=2) @ axes + 0.3 * self.random.normal(size=(12, 60, 4))

        a, b = self.save("a", turning(0.2)), self.save("b", turning(0.3))
        self.save("u", self.random.normal(size=(12, 60, 2)))
        self.save("labels", numpy.arange(12) % 3)
        calibrated = ("--metric", "dsa", "--calibrate", "-q")
        alone = self.scores(a, b, *calibrated)
        self.assertEqual(self.scores(a, b, *calibrated, "--conditions", "labels.npy")[0]["floor_rad"], alone[0]["floor_rad"])
        with_inputs = self.scores(a, b, *calibrated, "--inputs", "u.npy")[0]
        for value in ("angle_rad", "settings", "low_rad", "floor_rad", "p_differ"):
            self.assertEqual(with_inputs[value], alone[0][value], value)

    def write_named(self, name, values, order):
        with open(self.folder / name, "w") as file:
            print("trial,time,x,y", file=file)
            for trial in order:
                for t, row in enumerate(values[trial]):
                    print(trial, t, *row, sep=",", file=file)
        return name

    def test_a_third_file_changes_no_pair(self):
        x, y = (self.random.normal(size=(12, 10, 2)).cumsum(axis=1) for _ in range(2))
        rising = range(12)
        a, b = self.write_named("a.csv", x, rising), self.write_named("b.csv", y, rising)
        mixed = self.write_named("mixed.csv", y, self.random.permutation(12))
        unnamed = self.save("unnamed", x)
        for metric in ("cka", "predictivity"):
            alone, = self.angles(a, b, "--metric", metric)
            self.assertEqual(self.angles(a, mixed, "--metric", metric), [alone])
            self.assertEqual(self.angles(a, b, mixed, "--metric", metric)[0], alone)
            self.assertEqual(self.angles(self.save("x", x), self.save("y", y), "--metric", metric), [alone])
        result = self.run_repal("-q", "compare", a, mixed, unnamed, "--metric", "cka", "--format", "json")
        scores = json.loads(result.stdout)
        self.assertEqual([score["status"] for score in scores], ["ok", "ok", "not_applicable"])
        self.assertIn("nothing tells which are the same", result.stderr)

    def test_labels_in_another_order_are_warned_of(self):
        values, labels = self.random.normal(size=(12, 10, 3)), numpy.arange(12) // 4
        order = self.random.permutation(12)
        a, b = self.save("a", values), self.save("b", values[order])
        self.save("of_a", labels)
        self.save("of_b", labels[order])
        result = self.succeed("compare", a, b, "--metric", "cka", "--conditions", "of_a.npy,of_b.npy")
        self.assertIn("sort the trials of both by their labels", result.stderr)
        result = self.succeed("compare", a, b, "--metric", "cka", "--conditions", "of_a.npy")
        self.assertNotIn("sort the trials", result.stderr)

    def test_axes_in_another_order_may_be_those_of_either(self):
        self.save("time_first", self.random.normal(size=(60, 20, 8)))
        self.save("trial_first", self.random.normal(size=(20, 60, 8)))
        result = self.run_repal("compare", "time_first.npy", "trial_first.npy", "--metric", "eigenvalue_wasserstein",
                                "--set", "eigenvalue_wasserstein.rank=2", "--set", "eigenvalue_wasserstein.n_delays=1")
        for name in ("time_first", "trial_first"):
            self.assertIn(f"{name}.npy@time,trial,channel", result.stderr)


class WhatNumbersRestOn(ProgramTest):
    """What is to be known of a system stands beside the numbers of its pairs."""

    def driven(self, name, inputs, b):
        random = numpy.random.default_rng(len(name) + 5)
        a = numpy.diag([0.9, 0.6]) + numpy.array([[0, -0.2], [0.2, 0]])
        c = numpy.linalg.qr(random.normal(size=(6, 6)))[0][:, :2]
        state = numpy.zeros((len(inputs), 2))
        values = numpy.zeros((*inputs.shape[:2], 6))
        for t in range(inputs.shape[1]):
            values[:, t] = state @ c.T + 0.02 * random.normal(size=(len(inputs), 6))
            state = state @ a.T + inputs[:, t] @ b.T
        numpy.save(self.folder / f"{name}.npy", values)

    def scores(self, *arguments):
        return json.loads(self.succeed("compare", *arguments, "--format", "json").stdout)

    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(8)
        for name in "ab":
            numpy.save(self.folder / f"{name}.npy", random.normal(size=(12, 30, 5)))
        self.inputs = random.normal(size=(20, 80, 2))
        numpy.save(self.folder / "u.npy", self.inputs)
        self.driven("x", self.inputs, random.normal(size=(2, 2)))
        self.driven("yy", self.inputs, random.normal(size=(2, 2)))

    settings = ("--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set", "input_dsa.n_delays=3")

    def test_notes_have_the_warnings_of_systems(self):
        numpy.save(self.folder / "wrong.npy", numpy.random.default_rng(9).normal(size=(20, 80, 2)))
        score, = self.scores("x.npy", "yy.npy", "--inputs", "wrong.npy", *self.settings, "-q")
        for name in ("x.npy", "yy.npy"):
            self.assertRegex(score["note"], f"{name}: inputs tell . % of what the activity before leaves open")
        score, = self.scores("x.npy", "yy.npy", "--inputs", "u.npy", *self.settings)
        self.assertNotIn("inputs tell", score.get("note") or "")

    def test_units_of_inputs_are_warned_of(self):
        numpy.save(self.folder / "v.npy", self.inputs * [1, 1e-3])
        score, = self.scores("x.npy", "yy.npy", "--inputs", "v.npy", *self.settings)
        self.assertIn("comparable units", score["note"])

    def test_inputs_that_tell_each_other_give_no_b(self):
        numpy.save(self.folder / "twice.npy", self.inputs[:, :, [0, 0]])
        result = self.run_repal("compare", "x.npy", "yy.npy", "--inputs", "twice.npy", *self.settings, "--set",
                                "input_dsa.fit=regression")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("the inputs vary in 1 of 2 directions", result.stderr)

    def test_options_that_do_nothing(self):
        self.refuse(["compare", "a.npy", "b.npy", "--metric", "stochastic_shape", "--set",
                     "stochastic_shape.distribution=energy", "--set", "stochastic_shape.means=0.2"], "do nothing")
        self.refuse(["compare", "x.npy", "yy.npy", "--inputs", "u.npy", *self.settings, "--set",
                     "input_dsa.compare=state", "--set", "input_dsa.horizon=4"], "does nothing")

    def test_drift_over_trials_is_noted(self):
        random = numpy.random.default_rng(0)
        for name in ("up", "down"):
            drift = numpy.cumsum(random.normal(size=(20, 1, 4)), axis=0)
            numpy.save(self.folder / f"{name}.npy", drift + 0.3 * random.normal(size=(20, 8, 4)))
        score, = self.scores("up.npy", "down.npy", "--metric", "cka", "--calibrate", "--family-wise")
        self.assertIn("if they drift, p_relate is too small", score["note"])
        self.assertGreaterEqual(score["p_relate_adjusted"], score["p_relate"])
        score, = self.scores("a.npy", "b.npy", "--metric", "cka", "--calibrate")
        self.assertNotIn("drift", score.get("note") or "")

    def test_baselines_that_differ_are_warned_of(self):
        shifted = numpy.load(self.folder / "x.npy")
        numpy.save(self.folder / "shifted.npy", shifted + 0.4 * shifted.std())
        result = self.succeed("compare", "x.npy", "shifted.npy", "--metric", "dsa")
        self.assertIn("baselines are compared with the dynamics", result.stderr)

    def test_right_inputs_tell_what_is_left_open(self):
        random = numpy.random.default_rng(3)
        state, steps = numpy.zeros((20, 2)), []
        for t in range(80):
            steps.append(state)
            state = 0.99 * state + 0.05 * self.inputs[:, t]
        numpy.save(self.folder / "slow.npy", numpy.stack(steps, axis=1))
        numpy.save(self.folder / "wrong.npy", random.normal(size=(20, 80, 2)))
        for fit in ("subspace", "regression"):
            options = ("--metric", "input_dsa", "--set", "input_dsa.rank=2", "--set", "input_dsa.n_delays=2", "--set",
                       f"input_dsa.fit={fit}", "--set", "input_dsa.coordinates=data")
            score, = self.scores("slow.npy", "slow.npy[1:]", "--inputs", "u.npy,u.npy[1:]", *options)
            self.assertNotIn("inputs tell", score.get("note") or "", fit)
            score, = self.scores("x.npy", "yy.npy", "--inputs", "wrong.npy", *options)
            self.assertIn("inputs tell", score["note"], fit)

    def test_slow_drift_of_many_channels_is_noted(self):
        random = numpy.random.default_rng(4)
        for name in ("one", "other"):
            drift = 0.3 * numpy.linspace(-1, 1, 40)[:, None, None] * random.normal(size=(1, 1, 30))
            numpy.save(self.folder / f"{name}.npy", drift + random.normal(size=(40, 10, 30)))
        score, = self.scores("one.npy", "other.npy", "--metric", "cka", "--calibrate")
        self.assertIn("if they drift, p_relate is too small", score["note"])
        said = self.succeed("-q", "compare", "one.npy", "other.npy", "--metric", "cka", "--calibrate").stdout
        self.assertIn("cka, one.npy and other.npy: trials of both", said)

    def test_baselines_are_warned_of_with_any_settings_and_of_any_system(self):
        x = numpy.load(self.folder / "x.npy")
        given = ("--metric", "dsa", "--set", "dsa.rank=2", "--set", "dsa.n_delays=2")
        numpy.save(self.folder / "far.npy", x + 5 * x.std())
        result = self.succeed("compare", "x.npy", "far.npy", *given, "--format", "json")
        self.assertIn("far.npy: the mean of the samples holds more than half", result.stderr)
        self.assertIn("baselines differ", json.loads(result.stdout)[0]["note"])
        for i in range(14):
            numpy.save(self.folder / f"s{i:02}.npy", x + 0.05 * numpy.random.default_rng(i).normal(size=x.shape))
        result = self.succeed("compare", *[f"s{i:02}.npy" for i in range(14)], "far.npy", "--metric",
                              "eigenvalue_wasserstein")
        self.assertIn("far.npy: the mean of the samples holds more than half", result.stderr)

    def test_responses_that_decay_at_once_have_dynamics(self):
        for name, turn in (("slow", 0.3), ("fast", 0.8)):
            random = numpy.random.default_rng(len(name))
            step = 0.75 * numpy.array([[numpy.cos(turn), -numpy.sin(turn)], [numpy.sin(turn), numpy.cos(turn)]])
            state, values = 3 * random.normal(size=(20, 2)), []
            for _ in range(100):
                values.append(state)
                state = state @ step.T
            axes = numpy.linalg.qr(random.normal(size=(8, 2)))[0]
            numpy.save(self.folder / f"{name}.npy",
                       numpy.stack(values, axis=1) @ axes.T + 0.03 * random.normal(size=(20, 100, 8)))
        score, = self.scores("slow.npy", "fast.npy", "--metric", "dsa", "--set", "dsa.n_delays=1")
        # The true operators turn by .3 and .8.
        self.assertAlmostEqual(score["angle_rad"], 0.5, delta=0.03)
        result = self.run_repal("compare", "slow.npy", "fast.npy", "--metric", "dsa")
        if result.returncode == 3:
            self.assertIn("with fewer (n_delays) what trials do before counts, too", result.stderr)

    def test_words_that_mislead(self):
        self.refuse(["compare", "a.npy", "b.npy", "-m", "cka", "--set", "cka.estimator=unbiased"], "did you mean 'debiased'?")
        self.refuse(["compare", "a.npy", "b.npy", "-m", "cka", "--set", "cka.kernel=rbf", "cka.bandwidth=2"],
                    "cka.bandwidth=2", "--set, before each")
        self.refuse(["compare", "a.npy", "b.npy", "-m", "cka", "--set", "rsa.distance=cosine"], "add --metric rsa")
        self.refuse(["compare", "a.npy", "b.npy", "-m", "cka", "--report", "page.pdf"], "name a .html")
        self.refuse(["compare", "a.npy", "b.npy", "-m", "cka", "--out", "scores.xlsx"], "name a .csv")
        self.refuse(["compare", "a.npy", "b.npy", "-m", "procrustes", "--set", "procrustes.scaled=false"], "does nothing")
        dead = numpy.load(self.folder / "a.npy")
        dead[4] = 1
        numpy.save(self.folder / "dead.npy", dead)
        result = self.run_repal("compare", "a.npy", "dead.npy", "-m", "rsa", "--set", "rsa.conditions=trials")
        self.assertIn("that of trial 4 (counted from 0); leave it out", result.stderr)
        result = self.run_repal("tune", "a.npy", "b.npy", "-m", "cka", "--set", "cka.estimator=biased,debiased")
        self.assertNotIn("try the leading components", result.stdout)

    def test_the_value_of_procrustes_is_that_of_its_angle(self):
        score, = self.scores("a.npy", "b.npy", "--metric", "procrustes", "--set", "procrustes.alpha=0.3")
        self.assertAlmostEqual(score["values"]["cosine"], numpy.cos(score["angle_rad"]), delta=1e-12)
        plain, = self.scores("a.npy", "b.npy", "--metric", "procrustes")
        self.assertEqual(score["values"]["nbs"], plain["values"]["nbs"])

    def test_noise_has_no_dynamics(self):
        random = numpy.random.default_rng(2)
        for name in ("w1", "w2"):
            numpy.save(self.folder / f"{name}.npy", random.normal(size=(20, 50, 6)))
        result = self.run_repal("compare", "w1.npy", "w2.npy", "--metric", "eigenvalue_wasserstein")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("no dynamics are seen", result.stderr)


if __name__ == "__main__":
    unittest.main()
