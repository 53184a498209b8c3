"""An installed tree finds its library and its plugins, wherever it is moved."""

import json
import os
import subprocess
import unittest

import numpy

from program import SOURCE, ProgramTest


class Install(ProgramTest):
    def test_an_installed_tree_works_and_can_be_moved(self):
        subprocess.run(["cmake", "--install", os.environ["REPAL_BUILD"], "--prefix", self.folder / "installed"],
                       check=True, capture_output=True)
        moved = (self.folder / "installed").rename(self.folder / "moved")
        numpy.save(self.folder / "x.npy", numpy.sin(
            0.3 * numpy.arange(30)[:, None] + numpy.arange(3) + numpy.random.default_rng(1).uniform(0, 6, (8, 1, 1))))
        program = moved / "bin" / "repal"

        listed = subprocess.run([program, "plugins", "--json"], cwd=self.folder, check=True, capture_output=True)
        compared = subprocess.run([program, "compare", "x.npy", "x.npy", "--format", "json"], cwd=self.folder,
                                  check=True, capture_output=True)

        subprocess.run([program, "compare", "x.npy", "x.npy", "--report", "page.html"], cwd=self.folder, check=True,
                       capture_output=True)
        self.assertIn("plotly.js v4.1.1", (self.folder / "page.html").read_text())

        plugins = json.loads(listed.stdout)
        self.assertEqual({plugin["name"] for plugin in plugins["plugins"]},
                         {"cca", "cka", "dsa", "eigenvalue_wasserstein", "input_dsa", "matching", "neighbours", "predictivity",
                          "procrustes", "rsa", "sgot", "stochastic_shape", "line", "lorenz", "go_nogo",
                          "perceptual_decision_making", "reaching"})
        for plugin in plugins["plugins"]:
            self.assertEqual(os.path.dirname(plugin["file"]), str(moved / "lib" / "repal"))
        self.assertEqual([score["angle_rad"] for score in json.loads(compared.stdout)], [0, 0, 0])
        self.assertEqual((moved / "share" / "repal" / "config.yaml").read_bytes(), (SOURCE / "config.yaml").read_bytes())


if __name__ == "__main__":
    unittest.main()
