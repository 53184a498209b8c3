"""`repal generate neurotasks`: the data of the tasks beside their definitions."""

import csv
import hashlib
import unittest

import h5py
import numpy

from program import DEMO, GO_NOGO, PDM, REACHING, ProgramTest

DATA = "studies.neurotasks.data"


class NeurotaskData(ProgramTest):
    def generate(self, *overrides, results="results", config=DEMO, arguments=()):
        overrides = ("studies.neurotasks.curricula={}", "studies.neurotasks.networks.batch_size=1", *overrides)
        settings = [word for override in overrides for word in ("--set", override)]
        self.succeed("generate", "neurotasks", "--config", config, "--results", results, "--quiet", *settings,
                     *arguments)
        return self.folder / results / "neurotasks" / "data"

    def load(self, folder, task, split):
        with h5py.File(folder / f"{task}-{split}.h5") as file:
            arrays = {}
            file.visititems(lambda name, item: arrays.update({name: item[:]}) if isinstance(item, h5py.Dataset) else None)
            return arrays, dict(file.attrs)

    def only(self, *tasks):
        return f"studies.neurotasks.rulesets={{all: [{', '.join(tasks)}]}}"

    def windows(self, arrays, attributes, trial):
        names = attributes["periods"].split(",")
        return {name: (first, end) for name, first, end in
                zip(names, arrays["trial/period_first_step"][trial], arrays["trial/period_end_step"][trial]) if first >= 0}

    def test_test_trials_have_the_published_windows(self):
        folder = self.generate()
        short = {"fixation": (0, 10), "stimulus": (10, 210), "decision": (210, 220)}
        long = {"fixation": (0, 25), "stimulus": (25, 225), "delay": (225, 325), "decision": (325, 350)}
        reaching = {"stimulus": (0, 200), "decision": (200, 210)}
        reaching_long = {"stimulus": (0, 200), "delay": (200, 300), "decision": (300, 325)}
        for tasks, expected in ((PDM[:2] + GO_NOGO[:2], short), (PDM[2:] + GO_NOGO[2:], long),
                                (REACHING[:2], reaching), (REACHING[2:], reaching_long)):
            for task in tasks:
                arrays, attributes = self.load(folder, task, "test")
                for trial in range(100):
                    self.assertEqual(self.windows(arrays, attributes, trial), expected, task)

    def test_training_durations_are_drawn_from_the_published_ones(self):
        folder = self.generate()
        for task, delays in ((PDM[0], set()), (GO_NOGO[2], {25, 50, 75})):
            arrays, attributes = self.load(folder, task, "train")
            drawn = {}
            for trial in range(400):
                for name, (first, end) in self.windows(arrays, attributes, trial).items():
                    drawn.setdefault(name, set()).add(end - first)
            self.assertEqual(drawn["fixation"], {5, 10, 15})
            self.assertEqual(drawn["stimulus"], {150, 200, 250})
            self.assertEqual(drawn.get("delay", set()), delays)
            self.assertEqual(drawn["decision"], {5, 10, 15})

        for task, delays in ((REACHING[0], set()), (REACHING[2], {25, 50, 75})):
            arrays, attributes = self.load(folder, task, "train")
            drawn = {}
            for trial in range(400):
                for name, (first, end) in self.windows(arrays, attributes, trial).items():
                    drawn.setdefault(name, set()).add(end - first)
            self.assertEqual(drawn["stimulus"], {150, 200, 250})
            self.assertEqual(drawn.get("delay", set()), delays)

    def test_perceptual_decision_making_is_its_definition(self):
        folder = self.generate(self.only(*PDM), f"{DATA}.test=2000")
        for task in PDM:
            anti = task.startswith("Anti")
            arrays, attributes = self.load(folder, task, "test")
            fixation = self.windows(arrays, attributes, 0).get("fixation")
            stimulus = self.windows(arrays, attributes, 0)["stimulus"]
            decision = self.windows(arrays, attributes, 0)["decision"]
            observations = arrays["observations"].astype(float)
            side, coherence = arrays["trial/condition"].T
            self.assertEqual(set(coherence), {0, 6.4, 12.8, 25.6, 51.2})

            on = numpy.zeros(observations.shape[1])
            on[:decision[0]] = 1
            numpy.testing.assert_array_equal(observations[:, :, 0], numpy.tile(on, (2000, 1)))
            self.assertEqual(abs(observations[:, fixation[0]:fixation[1], 1:]).max(), 0)
            self.assertEqual(abs(observations[:, stimulus[1]:, 1:]).max(), 0)

            evidence = observations[:, stimulus[0]:stimulus[1], 1:]
            sign = numpy.where(side[:, None] == [1, 2], 1, -1)
            noise = evidence - (1 + sign * coherence[:, None] / 100)[:, None, :] / 2
            sigma = 1 / numpy.sqrt(20)
            standard_error = sigma / numpy.sqrt(noise.size)
            self.assertLess(abs(noise.mean()), 5 * standard_error)
            self.assertLess(abs(noise.std() - sigma), 5 * standard_error)

            answer = numpy.where(side == 1, 2, 1) if anti else side
            targets = arrays["target_actions"]
            numpy.testing.assert_array_equal(targets[:, decision[0]:], numpy.tile(answer[:, None], decision[1] - decision[0]))
            self.assertEqual(targets[:, :decision[0]].max(), 0)

    def test_anti_is_the_opposite_in_every_trial(self):
        folder = self.generate(self.only(*PDM, *GO_NOGO, *REACHING))
        for pro, anti in ((PDM[0], PDM[1]), (PDM[2], PDM[3]), (GO_NOGO[0], GO_NOGO[1]), (GO_NOGO[2], GO_NOGO[3])):
            for task, opposite in ((pro, False), (anti, True)):
                arrays, attributes = self.load(folder, task, "train")
                stimulus = arrays["trial/condition"][:, 0].astype(int)
                choices = (1, 2) if task in PDM else (0, 1)
                for trial in range(400):
                    first, end = self.windows(arrays, attributes, trial)["decision"]
                    expected = sum(choices) - stimulus[trial] if opposite else stimulus[trial]
                    self.assertEqual(set(arrays["target_actions"][trial, first:end]), {expected}, task)
        for task in REACHING:
            arrays, attributes = self.load(folder, task, "train")
            for trial in range(400):
                position = arrays["trial/condition"][trial, 0]
                windows = self.windows(arrays, attributes, trial)
                target = 1 - position if task.startswith("Anti") else position
                first, end = windows["decision"]
                numpy.testing.assert_allclose(arrays["target_outputs"][trial, first:end], [[1, target]] * (end - first),
                                              rtol=1e-6)
                numpy.testing.assert_array_equal(arrays["target_outputs"][trial, :first], [[-1, -0.5]] * first)
                first, end = windows["stimulus"]
                numpy.testing.assert_allclose(arrays["observations"][trial, first:end], [[0, position]] * (end - first),
                                              rtol=1e-6)

    def test_noisy_sequences_are_all_distinct_and_splits_share_none(self):
        folder = self.generate(self.only(*PDM), f"{DATA}.train=1000", f"{DATA}.validation=500", f"{DATA}.test=500")
        seen = set()
        for task in PDM:
            for split in ("train", "validation", "test"):
                seen.update(hashlib.sha256(sequence.tobytes()).hexdigest()
                            for sequence in self.load(folder, task, split)[0]["observations"])
        self.assertEqual(len(seen), 4 * 2000)

    def test_a_retest_has_the_conditions_of_the_test_and_noise_of_its_own(self):
        for balanced in ("true", "false"):
            folder = self.generate(self.only(PDM[0], GO_NOGO[0]), f"{DATA}.balanced={balanced}", results=balanced)
            test, retest = (self.load(folder, PDM[0], split)[0] for split in ("test", "retest"))
            numpy.testing.assert_array_equal(test["trial/condition"], retest["trial/condition"])
            self.assertLess(abs(numpy.corrcoef((test["observations"] - retest["observations"])[:, 10:210, 1].ravel(),
                                               test["observations"][:, 10:210, 1].ravel())[0, 1] - 2**-0.5), 0.1)
            self.assertTrue((test["observations"] != retest["observations"])[:, 10:210, 1:].all())
            test, retest = (self.load(folder, GO_NOGO[0], split)[0] for split in ("test", "retest"))
            numpy.testing.assert_array_equal(test["observations"], retest["observations"])

    def test_packed_and_reaching_sequences_are_all_distinct_and_splits_share_none(self):
        folder = self.generate(self.only(PDM[0], *REACHING), f"{DATA}.packing=sequence", f"{DATA}.sequence_steps=700",
                               f"{DATA}.train=500", f"{DATA}.validation=500", f"{DATA}.test=500")
        for task in (PDM[0], *REACHING):
            seen = [hashlib.sha256(sequence.tobytes()).hexdigest() for split in ("train", "validation", "test")
                    for sequence in self.load(folder, task, split)[0]["observations"]]
            self.assertEqual(len(set(seen)), 1500, task)

    def test_ideal_observer_of_validation_data_is_stored_with_them(self):
        for packing in ("trial", "sequence"):
            folder = self.generate(self.only(*PDM), f"{DATA}.packing={packing}", f"{DATA}.sequence_steps=900",
                                   f"{DATA}.validation=1000", results=packing)
            for task in PDM:
                arrays, attributes = self.load(folder, task, "validation")
                right, whole, trials = 0, 0, 0
                for trial, sequence in enumerate(arrays["trial/sequence"]):
                    windows = self.windows(arrays, attributes, trial)
                    if arrays["trial/ideal_action"][trial] < 0:
                        continue
                    evidence = arrays["observations"][sequence, slice(*windows["stimulus"]), 1:].astype(float).sum(axis=0)
                    side = 1 if evidence[0] > evidence[1] else 2
                    answer = 3 - side if task.startswith("Anti") else side
                    # Decision steps, of which performance is a share, too.
                    targets = arrays["target_actions"][sequence, slice(*windows["decision"])]
                    trials += 1
                    whole += len(targets)
                    right += (answer == targets).sum()
                self.assertGreaterEqual(trials, 1000)
                # sums of floats may tie, at most in one trial here
                self.assertAlmostEqual(float(attributes["ideal_accuracy"]), right / whole, delta=2.01 / trials)
                self.assertAlmostEqual(right / whole, 0.9, delta=5 * 0.3 / numpy.sqrt(trials))

    def test_ideal_observer_of_many_trials(self):
        folder = self.generate(self.only(PDM[0], GO_NOGO[1]), f"{DATA}.test=20000", f"{DATA}.train=1",
                               f"{DATA}.validation=1")

        # coherence 0 is unanswerable: 0.8 of the trials are nearly always right, 0.2 half of the time
        self.assertAlmostEqual(float(self.load(folder, PDM[0], "test")[1]["ideal_accuracy"]), 0.899, delta=0.005)
        self.assertEqual(float(self.load(folder, GO_NOGO[1], "test")[1]["ideal_accuracy"]), 1)
        arrays, attributes = self.load(folder, PDM[0], "test")
        evidence = arrays["observations"].sum(axis=1)
        right = numpy.where(evidence[:, 1] > evidence[:, 2], 1, 2) == arrays["trial/condition"][:, 0]
        steps = numpy.diff([self.windows(arrays, attributes, trial)["decision"] for trial in range(len(right))])[:, 0]
        with open(folder.parent / "data.csv", newline="") as file:
            row = next(row for row in csv.DictReader(file) if row["task"] == PDM[0] and row["split"] == "test")
        self.assertAlmostEqual(float(row["ideal_accuracy"]), numpy.average(right, weights=steps), delta=1e-3)  # sums of floats may tie

    def test_conditions_are_balanced_unless_that_is_switched_off(self):
        balanced, _ = self.load(self.generate(self.only(PDM[0])), PDM[0], "train")
        drawn, _ = self.load(self.generate(self.only(PDM[0]), f"{DATA}.balanced=false", results="drawn"), PDM[0], "train")

        counts = numpy.unique(balanced["trial/condition"], axis=0, return_counts=True)[1]
        self.assertEqual(list(counts), [40] * 10)
        self.assertGreater(numpy.unique(drawn["trial/condition"], axis=0, return_counts=True)[1].std(), 0)

    def test_weights_of_each_sequence_sum_to_one(self):
        masked, attributes = self.load(self.generate(self.only(PDM[0])), PDM[0], "train")
        plain, _ = self.load(self.generate(self.only(PDM[0]), f"{DATA}.loss_mask=none", results="plain"), PDM[0], "train")

        for trial in range(400):
            first, end = self.windows(masked, attributes, trial)["decision"]
            self.assertAlmostEqual(masked["weights"][trial, first:end].sum(), 0.5, 5)
            self.assertAlmostEqual(masked["weights"][trial, :first].sum(), 0.5, 5)
            self.assertEqual(masked["weights"][trial, end:].sum(), 0)
            numpy.testing.assert_allclose(plain["weights"][trial, :end], 1 / end, rtol=1e-6)

    def test_packed_sequences_are_full_of_consecutive_trials(self):
        folder = self.generate(self.only(PDM[3]), f"{DATA}.packing=sequence", f"{DATA}.sequence_steps=400")
        arrays, attributes = self.load(folder, PDM[3], "train")
        self.assertEqual(arrays["observations"].shape, (400, 400, 3))
        self.assertEqual(set(arrays["sequence_steps"]), {400})
        ends = {}
        for trial, sequence in enumerate(arrays["trial/sequence"]):
            first, end = arrays["trial/first_step"][trial], arrays["trial/end_step"][trial]
            self.assertEqual(first, ends.get(sequence, 0))
            ends[sequence] = end
            is_whole = "decision" in self.windows(arrays, attributes, trial) and end < 400
            if is_whole:
                self.assertGreaterEqual(arrays["trial/ideal_action"][trial], 0)
        self.assertEqual(set(ends.values()), {400})
        tests, _ = self.load(folder, PDM[3], "test")
        self.assertEqual(tests["observations"].shape, (100, 350, 3))

    def test_the_same_bytes_for_any_number_of_threads_and_shards(self):
        one = self.generate(results="one", arguments=("--jobs", "1"))
        four = self.generate(results="four", arguments=("--jobs", "4"))
        for shard in (1, 2, 0):
            shards = self.generate(results="shards", arguments=("--array", f"{shard}/3"))

        files = sorted(one.glob("*.h5"))
        self.assertEqual(len(files), 48)
        for file in files:
            for other in (four, shards):
                self.assertEqual(file.read_bytes(), (other / file.name).read_bytes(), file.name)
        for other in (four, shards):
            self.assertEqual((one.parent / "data.csv").read_bytes(), (other.parent / "data.csv").read_bytes())

    def test_a_trial_does_not_depend_on_how_many_there_are(self):
        few, _ = self.load(self.generate(self.only(PDM[0])), PDM[0], "train")
        many, _ = self.load(self.generate(self.only(PDM[0]), f"{DATA}.train=500", results="many"), PDM[0], "train")

        numpy.testing.assert_array_equal(many["observations"][:400], few["observations"])
        numpy.testing.assert_array_equal(many["trial/condition"][:400], few["trial/condition"])

    def test_timing_coherences_step_and_noise_can_be_changed(self):
        tasks = "studies.neurotasks.tasks"
        folder = self.generate(
            self.only(PDM[0]), f"{tasks}.{PDM[0]}={{task: perceptual_decision_making, dt: 10, sigma: 0, "
            "coherences: [100], stimulus: [50, 70], test_stimulus: 200}")
        arrays, attributes = self.load(folder, PDM[0], "train")

        self.assertEqual(attributes["step_ms"], "10")
        lengths = {end - first for first, end in
                   (self.windows(arrays, attributes, trial)["stimulus"] for trial in range(400))}
        self.assertEqual(lengths, {5, 7})
        self.assertEqual(set(numpy.unique(arrays["observations"])), {0, 1})
        self.assertEqual(self.windows(*self.load(folder, PDM[0], "test"), 0)["stimulus"], (20, 40))

    def test_bad_input_is_refused(self):
        def refuse(override, *fragments):
            self.refuse(["generate", "neurotasks", "--config", DEMO, "--set", "studies.neurotasks.curricula={}", "--set",
                         override], *fragments)

        refuse(self.only("GoNogT"), "unknown task 'GoNogT'", "did you mean 'GoNogoT'?")
        refuse("studies.neurotasks.rulesets={all: []}", "rulesets.all", "at least 1")
        refuse("studies.neurotasks.rulesets={}", "there is no ruleset")
        refuse("studies.neurotasks.tasks.GoNogoT={task: lorenz}", "there is nothing to be learned")
        refuse("studies.neurotasks.tasks.GoNogoT={task: go_nogo, anti: maybe}", "expected true or false")
        refuse("studies.neurotasks.tasks.GoNogoT={task: go_nogo, dt: -1}", "outside")
        refuse("studies.neurotasks.tasks.GoNogoT={task: go_nogo, stimulus: [100, many]}", "expected a number, got 'many'")
        refuse("studies.neurotasks.tasks.GoNogoT={task: go_nogo, stimulus: [10]}", "below one step of 20 ms")
        refuse("studies.neurotasks.tasks.GoNogoT={task: go_nogo, test_delay: [1, 2]}", "expected one duration")
        refuse(f"studies.neurotasks.tasks.{PDM[0]}={{task: perceptual_decision_making, coherences: []}}", "no condition")
        refuse(f"studies.neurotasks.tasks.{PDM[0]}={{task: perceptual_decision_making, coherences: [101]}}", "outside")
        refuse(f"{DATA}.packing=sequnce", "did you mean 'sequence'?")
        refuse(f"{DATA}.train=0", "outside")
        refuse(f"{DATA}.trian=10", "did you mean 'train'?")


if __name__ == "__main__":
    unittest.main()
