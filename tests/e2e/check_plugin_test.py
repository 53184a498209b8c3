"""check-plugin: what comes with repal passes, and each way of being wrong is found by the check that is meant for it."""

import json
import unittest

from faulty_plugins import FAULTY_METRIC, FAULTY_TASK, SMALL
from program import BAD_PLUGINS, DEMO, ProgramTest


class CheckPlugin(ProgramTest):
    def failures(self, file, fault, name, *arguments):
        """The checks that fail, by name, with what is said of them."""
        result = self.run_repal("check-plugin", file, "--set", f"{name}.fault={fault}", *arguments)
        lines = [line for line in result.stdout.splitlines() if "FAILED" in line]
        self.assertEqual(result.returncode, 2 if lines else 0, result.stdout + result.stderr)
        return {name.strip(): detail.strip() for name, detail in (line.split("FAILED", 1) for line in lines)}

    def test_everything_shipped_passes(self):
        for plugin in json.loads(self.succeed("plugins", "--json").stdout)["plugins"]:
            with self.subTest(plugin["name"]):
                fewer = {"rsa": "rsa.max_conditions=200", "neighbours": "neighbours.max_samples=200",
                         "stochastic_shape": "stochastic_shape.max_images=20"}.get(plugin["name"])  # in seconds
                text = self.succeed("check-plugin", plugin["file"], *(("--set", fewer) if fewer else ())).stdout
                self.assertIn(f"{plugin['kind']} {plugin['name']} {plugin['version']}", text)
                self.assertRegex(text, r"all \d+ checks passed")
                if plugin["name"] in ("dsa", "eigenvalue_wasserstein"):
                    self.assertRegex(text, "ability: embeddings are kept +passed")
                    self.assertRegex(text, "ability: weighted trials +passed")
                    self.assertRegex(text, "ability: held-out prediction +passed")
                for invariance in plugin.get("invariances", []):
                    self.assertRegex(text, rf"invariance: {invariance} +passed +declared, holds")

    def test_each_fault_of_a_metric_is_found(self):
        cases = {
            "throws_in_prepare": ("compares random systems", "it throws 'prepare throws'"),
            "throws": ("compares random systems", "it throws 'compare throws'"),
            "throws_number": ("compares random systems", "not a std::exception"),
            "nan": ("compares random systems", "the angle nan has the status ok"),
            "negative": ("compares random systems", "is negative"),
            "asymmetric": ("d(a, b) = d(b, a), to the bit", "d(b, a) is"),
            "not_zero": ("d(x, x) = 0", "a system and itself: 0.1 rad"),
            "unsafe": ("same bits in 8 threads", "8 threads give"),
            "random": ("same bits every time", "the same pair gives"),
            "crashes": ("compares random systems", "it crashed: Segmentation fault (signal 11)"),
            "crashes_in_prepare": ("compares random systems", "it crashed: Segmentation fault (signal 11)"),
            "exits": ("compares random systems", "it ended its process, with exit code 0"),
            "triangle": ("triangle inequality", "declared, but violated by"),
            "bound": ("compares random systems", "the lower bound"),
            "batch": ("ability: batches of pairs", "compare_batch()"),
            "harmonise": ("harmonise()", "harmonise() gives back 3 embeddings for 4"),
            "restore": ("ability: embeddings are kept", "with the restored embedding"),
            "permuted": ("ability: permuted trials", "compare_permuted()"),
            "weights": ("ability: weighted trials", "weights 0 and 1:"),
            "gain": ("ability: held-out prediction", "a gain of nan"),
        }
        for fault, (check, said) in cases.items():
            with self.subTest(fault):
                failures = self.failures(FAULTY_METRIC, fault, "faulty")
                self.assertIn(check, failures)
                self.assertIn(said, failures[check])
        self.assertEqual(self.failures(FAULTY_METRIC, "none", "faulty"), {})

    def test_a_declared_invariance_that_does_not_hold(self):
        failures = self.failures(FAULTY_METRIC, "invariance", "faulty")
        self.assertEqual(list(failures), ["invariance: trial_order"])
        self.assertIn("declared, but the angle changes by up to", failures["invariance: trial_order"])

    def test_an_invariance_that_holds_and_is_not_declared_is_noted(self):
        cka = next(plugin["file"] for plugin in json.loads(self.succeed("plugins", "--json").stdout)["plugins"]
                   if plugin["name"] == "cka")
        self.assertRegex(self.succeed("check-plugin", FAULTY_METRIC, "--set", "faulty.fault=none").stdout,
                         r"invariance: translation +passed +not declared; the angle changes by up to")
        self.assertRegex(self.succeed("check-plugin", cka).stdout, r"triangle inequality +(note|passed)")

    def test_an_order_of_features_that_leaves_something_out_is_noted(self):
        self.assertRegex(self.run_repal("check-plugin", FAULTY_METRIC, "--set", "faulty.fault=half_ordered").stdout,
                         r"compares random systems +note +some different systems are equal to it")

    def test_a_plugin_that_hangs_is_ended(self):
        for fault in ("hangs", "hangs_in_prepare"):
            with self.subTest(fault):
                failures = self.failures(FAULTY_METRIC, fault, "faulty", "--plugin-timeout", "3")
                self.assertEqual(failures, {"compares random systems": "it did not answer within 3 s"})

    def test_each_fault_of_a_task_is_found(self):
        cases = {
            "throws": ("shapes of trials", "it throws 'generate throws'"),
            "crashes": ("shapes of trials", "it crashed: Segmentation fault (signal 11)"),
            "columns": ("shapes of trials", "observations have 3 columns, but there are 2 channels"),
            "infinite": ("shapes of trials", "an observation is not finite"),
            "gap": ("periods cover a trial, in order", "the period decision is [6, 10), but the one before ends at 5"),
            "target": ("targets in range", "a target is 2; actions are 0 to 1"),
            "timing": ("timing of tests is fixed", "test trials have"),
            "unseeded": ("same stream, same trial", "the same stream gives two trials"),
            "unsafe": ("same trials in 8 threads", "8 threads draw another trial"),
            "conditions": ("conditions differ", "conditions 0 and 1 have the same values"),
            "ideal_action": ("ideal actions in range", "the ideal action is 5; there are 2"),
        }
        for fault, (check, said) in cases.items():
            with self.subTest(fault):
                failures = self.failures(FAULTY_TASK, fault, "faulty_task")
                self.assertIn(check, failures)
                self.assertIn(said, failures[check])
        self.assertEqual(self.failures(FAULTY_TASK, "none", "faulty_task"), {})
        self.assertEqual(self.failures(FAULTY_TASK, "hangs", "faulty_task", "--plugin-timeout", "3"),
                         {"shapes of trials": "it did not answer within 3 s"})

    def test_a_study_refuses_trials_that_were_not_announced(self):
        (self.folder / "study.yaml").write_text("""
seed: 1
metrics: {cka: {}}
studies:
  neurotasks:
    tasks: {Noise: {task: faulty_task}}
    rulesets: {noise: [Noise]}
    data: {train: 4, validation: 4, test: 4}
    curricula: {noise: {master: {train: [Noise]}}}
    networks: {cell: [leaky_rnn], activation: [relu], n_rnn: [8], learning_rate: [0.01], batch_size: [2],
               initialiser: [orthogonal], replicates: 1}
    training: {num_epochs: 1}
""")
        generate = ["generate", "neurotasks", "--config", "study.yaml", "--quiet", "--plugin-path", BAD_PLUGINS / "faulty"]
        fault = "studies.neurotasks.tasks={Noise: {task: faulty_task, fault: %s}}"
        self.refuse([*generate, "--set", fault % "columns"], "faulty_task", "observations of 10 x 3, but there are 2 channels")
        self.refuse([*generate, "--set", fault % "target"], "faulty_task", "an action that is not 0 to 1")
        self.succeed(*generate)
        self.refuse(["run", "attractors", "--config", DEMO, "--plugin-path", BAD_PLUGINS / "faulty", *SMALL, "--quiet",
                     "--set", "studies.attractors.systems.r50={task: faulty_task, fault: timing}"],
                    "faulty_task", "steps and 2 channels, the first one")

    def test_what_is_no_plugin_or_cannot_be_made(self):
        (self.folder / "text.so").write_text("no ELF")
        self.refuse(["check-plugin", "text.so"], "text.so")
        self.refuse(["check-plugin", "nothing.so"], "nothing.so")
        self.refuse(["check-plugin", BAD_PLUGINS / "wrong_abi.so"], "ABI tag does not match")
        self.refuse(["check-plugin", BAD_PLUGINS / "other_vector_flags.so"], "aligned to 16 bytes")
        self.refuse(["check-plugin", BAD_PLUGINS / "no_factory.so"], "neither repal_metric nor repal_task")
        self.refuse(["check-plugin", BAD_PLUGINS / "throws.so"], "throws when it is asked who it is")
        self.refuse(["check-plugin", FAULTY_METRIC, "--set", "faulty.fault=throws_in_factory"], "the factory throws")
        self.refuse(["check-plugin", FAULTY_METRIC, "--set", "faulty.falt=nan"], "falt", "fault")
        self.refuse(["check-plugin", FAULTY_METRIC, "--set", "cka.fault=nan"], "cka")


if __name__ == "__main__":
    unittest.main()
