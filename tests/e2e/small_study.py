"""The second study at a size of seconds."""

import csv
import pathlib
import shutil
import tempfile

from program import ProgramTest

# Tasks without noise, three ways to pretrain, frozen parameters, noise in the units.
LEARNING = """
seed: 3
metrics: {cka: {}}
studies:
  neurotasks:
    tasks:
      Go: {task: go_nogo, stimulus: [200, 300], test_stimulus: 200}
      AntiGo: {task: go_nogo, anti: true, stimulus: [200, 300], test_stimulus: 200}
      Reach: {task: reaching, stimulus: [200], test_stimulus: 200}
    rulesets: {pair: [Go, AntiGo], reach: [Reach]}
    data: {train: 64, validation: 32, test: 8, packing: trial}
    curricula:
      pair:
        master: {train: [AntiGo]}
        frozen: {pretrain: [Go], train: [AntiGo], trainable: input}
        unfrozen: {pretrain: [Go], train: [AntiGo]}
        both: {train: [Go, AntiGo], trainable: [input, readout]}
        untrained: {}
    networks:
      cell: [leaky_rnn, leaky_gru]
      activation: [relu]
      n_rnn: [16]
      learning_rate: [0.003]
      batch_size: [16]
      initialiser: [orthogonal]
      replicates: 2
    training: {num_epochs: 4, target_fraction: 2, sigma_rec: 0.01, l2_weight: 0.001}
"""

# A noisy task, and every comparison.
COMPARING = """
seed: 3
metrics:
  dsa: {n_delays: 4, delay_interval: 2, rank: 8, common_rank: true}
  cka: {}
  procrustes: {}
studies:
  neurotasks:
    tasks:
      Pro: {task: perceptual_decision_making, stimulus: [400, 600], test_stimulus: 500}
      Anti: {task: perceptual_decision_making, anti: true, stimulus: [400, 600], test_stimulus: 500}
    rulesets: {pair: [Pro, Anti]}
    data: {train: 64, validation: 32, test: 30, packing: trial}
    curricula:
      pair:
        master: {train: [Anti]}
        untrained: {}
        frozen: {pretrain: [Pro], train: [Anti], trainable: input}
        unfrozen: {pretrain: [Pro], train: [Anti]}
    networks:
      cell: [leaky_rnn, leaky_gru]
      activation: [tanh]
      n_rnn: [16]
      learning_rate: [0.003]
      batch_size: [16]
      initialiser: [orthogonal]
      replicates: 2
    training: {num_epochs: 6, target_fraction: 2}
    trajectories: {trials: 20, period: stimulus, skip_ms: 60, pca: {dsa: {components: 5}}}
    comparisons:
      reference: master
      checks: {}
      groups: {}
      settings: {groups: [master, untrained, frozen]}
      learning: {points: 4}
      within_learning: {states: 4, parts: 2}
    bootstrap: {resamples: 200}
"""

STUDY = "studies.neurotasks"
NETWORKS = f"{STUDY}.networks"


class SmallStudy(ProgramTest):
    config = LEARNING
    once = None

    def setUp(self):
        super().setUp()
        (self.folder / "small.yaml").write_text(self.config)

    def command(self, *arguments, results="results", command="run"):
        return [command, "neurotasks", "--config", "small.yaml", "--results", results, *arguments]

    def run_study(self, *arguments, results="results", command="run"):
        return self.run_repal(*self.command(*arguments, results=results, command=command), "--quiet")

    def study(self, *arguments, results="results", code=0):
        result = self.run_study(*arguments, results=results)
        self.assertEqual(result.returncode, code, result.stderr)
        return self.folder / results / "neurotasks"

    def finished(self):
        """The study as it is configured, computed once for all tests of the class."""
        study = self.folder / "results" / "neurotasks"
        if self.once is None:
            type(self).once = pathlib.Path(tempfile.mkdtemp(prefix="repal-e2e-")) / "neurotasks"
            self.addClassCleanup(shutil.rmtree, self.once.parent, ignore_errors=True)
            shutil.copytree(self.study(), self.once, copy_function=shutil.copy2)
        else:
            shutil.copytree(self.once, study, copy_function=shutil.copy2)
        return study

    def rows(self, study, table):
        with open(study / f"{table}.csv", newline="") as file:
            return list(csv.DictReader(file))
