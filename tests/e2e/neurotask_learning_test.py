"""Both cells learn each of the twelve tasks: 0.95 of the ideal observer, which for reaching is a mean error of 0.05."""

import csv
import unittest

from program import DEMO, GO_NOGO, PDM, REACHING, ProgramTest


class NeurotaskLearning(ProgramTest):
    def test_every_task_is_learned_by_both_cells(self):
        settings = ["studies.neurotasks.data={train: 1000, validation: 300, test: 1, packing: trial}",
                    "studies.neurotasks.networks.replicates=1", "studies.neurotasks.comparisons={}",
                    "studies.neurotasks.training={num_epochs: 60, target_fraction: 0.95, gradient_clip: 1, "
                    "checkpoint_every: 60}"]
        for ruleset, tasks in (("PDM", PDM), ("GoNogo", GO_NOGO), ("Reaching", REACHING)):
            groups = ", ".join(f"{task}: {{train: [{task}]}}" for task in tasks)
            settings.append(f"studies.neurotasks.curricula.{ruleset}={{{groups}}}")
        self.succeed("run", "neurotasks", "--config", DEMO, *[word for text in settings for word in ("--set", text)])

        with open(self.folder / "results" / "neurotasks" / "networks.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), 24)
        for row in rows:
            with self.subTest(row["network"]):
                self.assertIn("_64_", row["setting"])
                self.assertGreaterEqual(float(row["smallest_fraction"]), 0.95)

    def test_the_demo_reaches_its_target(self):
        self.succeed("run", "neurotasks", "--config", DEMO)

        with open(self.folder / "results" / "neurotasks" / "networks.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["smallest_fraction"]]
        self.assertGreater(len(rows), 3)
        for row in rows:
            with self.subTest(row["network"]):
                self.assertGreaterEqual(float(row["smallest_fraction"]), 0.95)


if __name__ == "__main__":
    unittest.main()
