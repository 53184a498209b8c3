"""Loading of plugins: what fits is used, what does not is refused with its cause, and the others still load."""

import csv
import json
import os
import shutil
import unittest

from program import BAD_PLUGINS, DEMO, ProgramTest


class Plugins(ProgramTest):
    def plugins(self, *arguments, **keywords):
        return json.loads(self.succeed("plugins", "--json", *arguments, **keywords).stdout)

    def refused(self, *arguments, **keywords):
        return {os.path.basename(entry["file"]): entry["cause"] for entry in self.plugins(*arguments, **keywords)["refused"]}

    def test_everything_shipped_is_described(self):
        plugins = {plugin["name"]: plugin for plugin in self.plugins()["plugins"]}

        self.assertEqual(set(plugins), {"cca", "cka", "dsa", "eigenvalue_wasserstein", "input_dsa", "matching",
                                        "neighbours", "predictivity", "procrustes", "rsa", "sgot", "stochastic_shape",
                                        "line", "lorenz", "go_nogo", "perceptual_decision_making", "reaching"})
        for plugin in plugins.values():
            for field in ("kind", "version", "source", "summary", "file"):
                self.assertTrue(plugin[field], (plugin["name"], field))
        options = {option["name"]: option for option in plugins["dsa"]["options"]}
        self.assertEqual(options["delay_interval"]["unit"], "steps")
        self.assertEqual(options["rank"]["type"], "whole number")
        self.assertEqual(options["rank"]["default"], "auto")
        self.assertEqual(options["delay_interval"]["default"], 1)
        self.assertEqual(plugins["cka"]["corresponding"], ["rows"])
        self.assertEqual(plugins["cka"]["invariances"], ["translation", "orthogonal", "scaling"])
        for option in ("n_delays", "delay_interval", "rank", "rank_tolerance", "min_transition_share"):
            self.assertIn(options[option], plugins["eigenvalue_wasserstein"]["options"])
        self.assertEqual([value["name"] for value in plugins["cka"]["values"]], ["cka", "cka_debiased"])
        text = self.succeed("plugins").stdout
        families = [line for line in text.splitlines() if line.startswith("metrics: ") or line == "tasks"]
        self.assertEqual(families, ["metrics: geometry", "metrics: representational", "metrics: predictive",
                                    "metrics: single_channel", "metrics: dynamics", "tasks"])
        for name in plugins:
            self.assertIn(name, text)

    def test_bad_plugins_are_refused_with_the_cause_and_the_others_load(self):
        refused = self.refused("--plugin-path", BAD_PLUGINS)

        self.assertIn("ABI tag does not match", refused["wrong_abi.so"])
        self.assertIn("neither repal_metric nor repal_task", refused["no_factory.so"])
        self.assertIn("its metric has the name '../<img src=x>'; a name is of lower-case letters",
                      refused["hostile_name.so"])
        self.assertIn("this plugin throws when it is asked who it is", refused["throws.so"])
        if (BAD_PLUGINS / "throws_at_load.so").exists():  # not under ThreadSanitizer
            self.assertIn("throws while it is loaded", refused["throws_at_load.so"])
        self.assertIn("aligned to 16 bytes", refused["other_vector_flags.so"])
        names = [plugin["name"] for plugin in self.plugins("--plugin-path", BAD_PLUGINS)["plugins"]]
        self.assertEqual(names.count("cka"), 1)
        self.assertIn("dsa", names)

    def test_not_a_shared_object(self):
        (self.folder / "text.so").write_text("no ELF")
        self.assertIn("text.so", self.refused("--plugin-path", self.folder))

    def test_a_name_that_is_there_already(self):
        cka = next(plugin["file"] for plugin in self.plugins()["plugins"] if plugin["name"] == "cka")
        shutil.copy(cka, self.folder / "copy.so")

        plugins = self.plugins("--plugin-path", self.folder)

        self.assertEqual([entry["cause"] for entry in plugins["refused"]],
                         [f"there is a metric 'cka' already, in {self.folder / 'copy.so'}"])
        loaded = next(plugin for plugin in plugins["plugins"] if plugin["name"] == "cka")
        self.assertEqual(loaded["file"], str(self.folder / "copy.so"))  # the path that was given comes first

    def test_the_environment_names_folders_too(self):
        environment = {**os.environ, "REPAL_PLUGIN_PATH": f"/nowhere:{BAD_PLUGINS}"}
        self.assertIn("wrong_abi.so", self.refused(env=environment))

    def test_a_folder_that_is_not_there_is_refused_and_one_that_is_named_twice_counts_once(self):
        self.refuse(["plugins", "--plugin-path", "nowhere"], "nowhere")
        folder = os.path.dirname(self.plugins()["plugins"][0]["file"])
        self.assertEqual(self.refused("--plugin-path", folder), {})

    def test_a_metric_that_throws_or_returns_nan_fails_its_pairs_only(self):
        result = self.run_repal("run", "attractors", "--config", DEMO, "--plugin-path", BAD_PLUGINS / "unreliable",
                                "--set", "metrics.unreliable={}", "--set", "studies.attractors.experiments.motifs.length=1",
                                "--quiet")

        self.assertEqual(result.returncode, 3, result.stderr)
        failures = (self.folder / "results" / "attractors" / "failures.csv").read_text()
        self.assertIn("unreliable", failures)
        self.assertIn("this metric throws for some pairs", failures)
        self.assertIn("the metric returned the angle nan", failures)
        self.assertNotIn("procrustes", failures)
        with open(self.folder / "results" / "attractors" / "dissimilarity.csv", newline="") as file:
            for row in csv.DictReader(file):
                self.assertNotIn("nan", [value for name, value in row.items() if name != "note"])


if __name__ == "__main__":
    unittest.main()
