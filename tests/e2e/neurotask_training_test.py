"""`repal train neurotasks`: the same bytes however it is run, and what must not change does not."""

import csv
import hashlib
import json
import random
import signal
import subprocess
import sys
import time
import unittest

import h5py
import numpy

from program import PROGRAM, SOURCE, ProgramTest

sys.path.append(str(SOURCE / "examples"))
from forward import forward  # noqa: E402

CONFIG = """
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
    groups:
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
NETWORKS = "studies.neurotasks.networks"
RNN = "pair/leaky_rnn_relu_16_0.003_16_orthogonal"


class NeurotaskTraining(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "small.yaml").write_text(CONFIG)

    def run_study(self, *arguments, results="results", command="run"):
        return self.run_repal(command, "neurotasks", "--config", "small.yaml", "--results", results, "--quiet", *arguments)

    def trained(self, *arguments, results="results"):
        result = self.run_study(*arguments, results=results)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.folder / results / "neurotasks"

    def files(self, folder):
        # Hashes: a failing comparison would print the difference of megabytes.
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for pattern in ("networks/**/*.h5", "networks/**/*.csv", "*.csv") for file in folder.glob(pattern)}

    def weights(self, file):
        with h5py.File(file) as network:
            return {name: network["weights"][name][:] for name in network["weights"]}

    def test_jobs_shards_and_kills_do_not_change_a_bit(self):
        expected = self.files(self.trained("--jobs", "1", results="one"))
        self.assertEqual(sum(name.endswith("final.h5") for name in expected), 2 * 2 * 6)

        with self.subTest("four jobs"):
            self.assertEqual(self.files(self.trained("--jobs", "4", results="four")), expected)

        with self.subTest("three shards, in any order"):
            self.run_study(results="shards", command="generate")
            for shard in (2, 0, 1):
                result = self.run_study("--array", f"{shard}/3", results="shards", command="train")
                self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(self.files(self.folder / "shards" / "neurotasks"), expected)

        with self.subTest("killed at random moments and resumed"):
            moments = random.Random(2)
            kills = 0
            for _ in range(6):
                process = subprocess.Popen(
                    [PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", "killed", "--jobs", "2", "-q"],
                    cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(moments.uniform(0.05, 0.3))
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            self.assertGreater(kills, 0)
            self.assertEqual(self.files(self.trained(results="killed")), expected)

        with self.subTest("two processes at once"):
            processes = [subprocess.Popen([PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", "both", "-q"],
                                          cwd=self.folder, stdout=subprocess.DEVNULL) for _ in range(2)]
            for process in processes:
                self.assertEqual(process.wait(), 0)
            self.assertEqual(self.files(self.folder / "both" / "neurotasks"), expected)

    def test_groups_of_a_replicate_share_their_start_and_frozen_parameters_stay(self):
        networks = self.trained() / "networks"
        for cell in ("leaky_rnn", "leaky_gru"):
            for replicate in ("r0", "r1"):
                folder = networks / RNN.replace("leaky_rnn", cell) / replicate
                start = self.weights(folder / "master" / "checkpoint_0000.h5")
                for other in ("both", "untrained", "pretrained-0"):
                    for name, values in self.weights(folder / other / "checkpoint_0000.h5").items():
                        numpy.testing.assert_array_equal(values, start[name])
                pretrained = self.weights(folder / "pretrained-0" / "final.h5")
                for group in ("frozen", "unfrozen"):
                    for name, values in self.weights(folder / group / "checkpoint_0000.h5").items():
                        numpy.testing.assert_array_equal(values, pretrained[name])

                frozen = self.weights(folder / "frozen" / "final.h5")
                both = self.weights(folder / "both" / "final.h5")
                for name in ("recurrent", "bias", "readout"):
                    numpy.testing.assert_array_equal(frozen[name], pretrained[name])
                for name in ("recurrent", "bias"):
                    numpy.testing.assert_array_equal(both[name], start[name])
                self.assertTrue((frozen["input"] != pretrained["input"]).any())
                self.assertTrue((both["readout"] != start["readout"]).any())
                for name, values in self.weights(folder / "untrained" / "final.h5").items():
                    numpy.testing.assert_array_equal(values, start[name])
        first = self.weights(networks / RNN / "r0" / "master" / "checkpoint_0000.h5")
        second = self.weights(networks / RNN / "r1" / "master" / "checkpoint_0000.h5")
        self.assertTrue((first["recurrent"] != second["recurrent"]).any())

    def test_checkpoints_are_before_training_of_every_epoch_and_final(self):
        folder = self.trained() / "networks" / RNN / "r0" / "master"
        self.assertEqual(sorted(file.name for file in folder.iterdir()),
                         [f"checkpoint_{epoch:04}.h5" for epoch in range(5)] + ["final.h5", "history.csv"])
        with h5py.File(folder / "final.h5") as network:
            self.assertEqual(network["weights/input"].shape, (16, 5))
            self.assertEqual(network["weights/recurrent"].shape, (16, 16))
            self.assertEqual(network["adam/first_moment/readout"].shape, (2, 16))
            self.assertEqual(network["history"].shape, (5, 6))
            self.assertEqual(network.attrs["epoch"], "4")
            self.assertEqual(network.attrs["rules"], "Go,AntiGo")
            history = network["history"][:]
        with open(folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["epoch", "updates", "sequences_seen", "loss", "smallest_fraction", "AntiGo"])
        numpy.testing.assert_array_equal(history, [[float(value) for value in row.values()] for row in rows])
        self.assertEqual([row["updates"] for row in rows], ["0", "4", "8", "12", "16"])

    def test_a_truncated_checkpoint_is_replaced_by_the_one_before(self):
        expected = self.files(self.trained())
        folder = self.folder / "results" / "neurotasks" / "networks" / RNN / "r0" / "master"
        (folder / "final.h5").unlink()
        (folder / "checkpoint_0004.h5").write_bytes((folder / "checkpoint_0004.h5").read_bytes()[:3000])

        result = self.run_repal("run", "neurotasks", "--config", "small.yaml")

        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("checkpoint_0004.h5", result.stderr)
        self.assertIn("it is left out", result.stderr)
        self.assertEqual(self.files(self.folder / "results" / "neurotasks"), expected)

    def test_a_checkpoint_of_another_architecture_is_refused(self):
        self.trained()
        folder = self.folder / "results" / "neurotasks" / "networks" / RNN / "r0" / "master"
        (folder / "final.h5").unlink()
        with h5py.File(folder / "checkpoint_0004.h5", "r+") as network:
            del network["weights/recurrent"]
            network["weights/recurrent"] = numpy.zeros((8, 8), dtype="f4")

        result = self.run_study()

        self.assertEqual(result.returncode, 2)
        self.assertIn("checkpoint_0004.h5", result.stderr)
        self.assertIn("another architecture", result.stderr)

    def test_a_loss_that_is_not_a_number_ends_that_network_only(self):
        result = self.run_study("--set", f"{NETWORKS}.learning_rate=[0.003, 1000000]", "--set", f"{NETWORKS}.replicates=1")

        self.assertEqual(result.returncode, 3, result.stderr)
        with open(self.folder / "results" / "neurotasks" / "networks.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        failed = [row for row in rows if row["status"] == "failed"]
        self.assertGreater(len(failed), 0)
        self.assertTrue(all("_1000000_" in row["network"] for row in failed))
        self.assertTrue(all(row["status"] == "ok" for row in rows if "_0.003_" in row["network"]))
        self.assertIn("the loss is", (self.folder / "results" / "neurotasks" / "failures.csv").read_text())

    def test_a_network_that_ends_not_finite_has_failed_even_in_a_part(self):
        self.run_study(command="generate")
        result = self.run_study("--set", f"{NETWORKS}.learning_rate=1000000", "--set", f"{NETWORKS}.batch_size=64",
                                "--group", "master", command="train")
        self.assertEqual(result.returncode, 3, result.stdout)
        self.assertIn("cells have failed", result.stderr)

    def test_data_of_another_configuration_are_not_used(self):
        self.trained("--group", "untrained")
        data = self.folder / "results" / "neurotasks" / "data" / "Go-train.h5"
        with h5py.File(data, "r+") as file:
            file.attrs["key"] = "another"
        result = self.run_study("--set", "studies.neurotasks.training.num_epochs=3")
        self.assertEqual(result.returncode, 2)
        self.assertIn("another configuration", result.stderr)

    def test_an_exported_network_has_the_same_states_in_numpy(self):
        for activation in ("relu", "leaky_relu", "softplus", "tanh"):
            study = self.trained("--set", f"{NETWORKS}.activation={activation}", "--set", f"{NETWORKS}.replicates=1",
                                 "--set", f"{NETWORKS}.cell=[leaky_rnn, leaky_gru, leaky_gru_legacy]", results=activation)
            finals = sorted(study.glob("networks/pair/*/r0/both/final.h5"))
            self.assertEqual(len(finals), 3)
            for final in finals:
                self.succeed("export", final, "--data", study / "data" / "AntiGo-test.h5", "--out", "network.npz")
                exported = numpy.load(self.folder / "network.npz")
                states, outputs = forward(exported, exported["inputs"])
                self.assertEqual(states.shape, (8, 30, 16))
                numpy.testing.assert_allclose(exported["states"], states, atol=1e-5)
                numpy.testing.assert_allclose(exported["outputs"], outputs, atol=1e-5)
                numpy.testing.assert_array_equal(exported["inputs"][:, :, 3:], numpy.tile([0, 1], (8, 30, 1)))
        self.refuse(["export", final, "--data", study / "data" / "Reach-test.h5", "--out", "n.npz"], "no rule for the task")
        self.refuse(["export", study / "data" / "Reach-test.h5", "--out", "n.npz"], "Reach-test.h5")

    def test_plan_and_selection(self):
        def cells(*arguments):
            plan = self.succeed("plan", "neurotasks", "--config", "small.yaml", "--stage", "train", "--json", *arguments)
            return json.loads(plan.stdout)

        everything = cells()
        self.assertEqual(len(everything), 2 * 2 * 6)
        self.assertTrue(all(cell["gflop"] > 0 for cell in everything if "untrained" not in cell["cell"]))
        self.assertEqual(len(cells("--group", "master,frozen")), 8)
        self.assertEqual(len(cells("--group", "master", "--where", "cell=leaky_gru,n_rnn=16")), 2)
        self.run_study(command="generate")
        self.assertEqual(self.run_study("--group", "frozen", "--where", "cell=leaky_rnn", command="train").returncode, 0)
        states = {cell["cell"]: cell["state"] for cell in cells()}
        self.assertEqual({name for name, state in states.items() if state == "done"},
                         {f"{RNN}/{replicate}/{group}" for replicate in ("r0", "r1") for group in ("frozen", "pretrained-0")})
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--group", "mastr"], "did you mean 'master'?")
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--where", "n_rn=16"], "did you mean 'n_rnn'?")
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--where", "n_rnn=17"], "there is no '17'")
        self.refuse(["train", "neurotasks", "--config", "small.yaml", "--results", "none"], "generate neurotasks")

    def test_bad_input_is_refused(self):
        def refuse(override, *fragments):
            self.refuse(["run", "neurotasks", "--config", "small.yaml", "--set", override], *fragments)

        groups = "studies.neurotasks.groups"
        refuse(f"{groups}.pair.master={{train: [Reach]}}", "the task 'Reach' is not in the ruleset")
        refuse(f"{groups}.pair.master={{train: [AntiG]}}", "did you mean 'AntiGo'?")
        refuse(f"{groups}.pair.master={{train: [Go, Go]}}", "twice")
        refuse(f"{groups}.pair.master={{trian: [Go]}}", "did you mean 'train'?")
        refuse(f"{groups}.pair.master={{train: [Go], trainable: [inputs]}}", "did you mean 'input'?")
        refuse(f"{groups}.par={{}}", "did you mean 'pair'?")
        refuse("studies.neurotasks.rulesets={pair: []}", "at least 1")
        refuse("studies.neurotasks.rulesets={pair: [Go, AntiGo, Reach]}", "one network cannot learn both")
        refuse(f"{NETWORKS}.batch_size=65", "larger than the 64 training sequences")
        refuse(f"{NETWORKS}.learning_rate=-0.1", "outside")
        refuse(f"{NETWORKS}.activation=reul", "did you mean 'relu'?")
        refuse(f"{NETWORKS}.initialiser=nonsense", "initialiser")
        refuse("studies.neurotasks.training.num_epochs=3000000000", "outside")
        refuse("studies.neurotasks.training.checkpoint_every=4294967296", "outside")
        refuse(f"{groups}.pair={{'../escape': {{}}}}", "not a name")
        refuse("studies.neurotasks.training.num_epoch=3", "did you mean 'num_epochs'?")


if __name__ == "__main__":
    unittest.main()
