"""`repal train neurotasks`: the same bytes however it is run, and what must not change does not."""

import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import h5py
import numpy

from program import PROGRAM
from small_study import NETWORKS, SmallStudy

RNN = "pair/leaky_rnn_relu_16_0.003_16_orthogonal"


class NeurotaskTraining(SmallStudy):
    def files(self, folder):
        # Hashes: a failing comparison would print the difference of megabytes.
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for pattern in ("networks/**/*.h5", "networks/**/*.csv", "*.csv") for file in folder.glob(pattern)}

    def weights(self, file):
        with h5py.File(file) as network:
            return {name: network["weights"][name][:] for name in network["weights"]}

    def test_jobs_shards_and_kills_do_not_change_a_bit(self):
        expected = self.files(self.study("--jobs", "1", results="one"))
        self.assertEqual(sum(name.endswith("final.h5") for name in expected), 2 * 2 * 6)

        with self.subTest("four jobs"):
            self.assertEqual(self.files(self.study("--jobs", "4", results="four")), expected)

        with self.subTest("three shards, in any order"):
            for shard in (2, 0, 1):
                result = self.run_study("--array", f"{shard}/3", results="shards")
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
            self.assertEqual(self.files(self.study(results="killed")), expected)

        with self.subTest("killed while networks train"):
            process = subprocess.Popen(
                [PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", "trained", "--jobs", "1", "-q"],
                cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            networks = self.folder / "trained" / "neurotasks" / "networks"
            while process.poll() is None and not any(networks.rglob("checkpoint_0002.h5")):
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            self.assertEqual(process.wait(), -signal.SIGKILL)
            self.assertLess(len(list(networks.rglob("final.h5"))), 24)
            self.assertEqual(self.files(self.study(results="trained")), expected)

        with self.subTest("two processes at once"):
            processes = [subprocess.Popen([PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", "both", "-q"],
                                          cwd=self.folder, stdout=subprocess.DEVNULL) for _ in range(2)]
            for process in processes:
                self.assertEqual(process.wait(), 0)
            self.assertEqual(self.files(self.folder / "both" / "neurotasks"), expected)

    def test_groups_of_a_replicate_share_their_start_and_frozen_parameters_stay(self):
        networks = self.study() / "networks"
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
        folder = self.study() / "networks" / RNN / "r0" / "master"
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
        expected = self.files(self.study())
        folder = self.folder / "results" / "neurotasks" / "networks" / RNN / "r0" / "master"
        (folder / "final.h5").unlink()
        (folder / "checkpoint_0004.h5").write_bytes((folder / "checkpoint_0004.h5").read_bytes()[:3000])

        result = self.run_repal("run", "neurotasks", "--config", "small.yaml")

        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("checkpoint_0004.h5", result.stderr)
        self.assertIn("it is left out", result.stderr)
        self.assertEqual(self.files(self.folder / "results" / "neurotasks"), expected)

    def test_a_checkpoint_of_another_architecture_is_refused(self):
        self.study()
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
        self.assertIn("items have failed", result.stderr)

    def test_files_of_another_configuration_or_damaged_ones_are_made_again(self):
        """As after a kill between a result and the note that it is done, and as after a bad copy."""
        study = self.study()
        expected = self.files(study)
        other = self.study("--set", "seed=4", results="other")
        master = f"networks/{RNN}/r0/master"
        cell = study / "cells" / "train" / RNN / "r0" / "master.json"

        def is_made_again(*states):
            plan = json.loads(self.succeed("plan", "neurotasks", "--config", "small.yaml", "--json").stdout)["items"]
            missing = {entry["item"] for entry in plan if entry["state"] == "missing"}
            self.assertEqual(missing, set(states))
            self.assertEqual(self.files(self.study()), expected)

        for file, name in (("data/Go-train.h5", "Go-train"), (f"{master}/final.h5", f"{RNN}/r0/master")):
            shutil.copy(other / file, study / file)
            is_made_again(name)
            (study / file).write_bytes((study / file).read_bytes()[:3000])
            is_made_again(name)
            (study / file).unlink()
            is_made_again(name)
        for text in ('{"key": 3}', '{"key": ', "[]", "{}", ""):
            cell.write_text(text)
            is_made_again(f"{RNN}/r0/master")

    def test_a_folder_holds_one_training(self):
        self.study("--set", "studies.neurotasks.training.num_epochs=6")
        result = self.run_repal("run", "neurotasks", "--config", "small.yaml")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("files of another configuration are replaced", result.stderr)
        self.assertEqual(self.files(self.folder / "results" / "neurotasks"), self.files(self.study(results="new")))

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_disk_stops_training_and_loses_nothing(self):
        expected = self.files(self.study())
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True).returncode:
            self.skipTest("this machine does not let root mount a file system")
        try:
            result = self.run_repal(*self.command(results="disk"), env={**os.environ, "SLURMD_NODENAME": "c12"})
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("No space left on device (on node c12)", result.stderr)
            self.assertTrue(any((disk / "neurotasks" / "networks").rglob("*.h5")))
            self.assertEqual(list(disk.rglob("*.tmp")), [])
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            self.assertEqual(self.files(self.study(results="disk")), expected)
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_every_checkpoint_has_the_documented_names(self):
        names = {f"{group}/{matrix}" for group in ("weights", "adam/first_moment", "adam/second_moment")
                 for matrix in ("input", "recurrent", "bias", "readout")} | {"history"}
        files = list((self.study() / "networks").rglob("*.h5"))
        self.assertGreater(len(files), 100)
        for file in files:
            with h5py.File(file) as network:
                found = set()
                network.visititems(lambda name, item: found.add(name) if isinstance(item, h5py.Dataset) else None)
                self.assertEqual(found, names)
                self.assertLessEqual({"key", "epoch", "cell", "activation", "decay", "step_ms", "rules", "learned",
                                      "has_ended", "seed", "program"}, set(network.attrs))

    def test_initialisers_are_their_definitions(self):
        names = ["kaiming", "xavier", "orthogonal", "diag", "randortho", "randgauss"]
        networks = self.study("--set", f"{NETWORKS}.initialiser=[{', '.join(names)}]", "--set", f"{NETWORKS}.n_rnn=64",
                                "--set", f"{NETWORKS}.replicates=1", "--group", "master", "--set",
                                "studies.neurotasks.training.num_epochs=1") / "networks"
        drawn = {}
        for name in names:
            for cell, gates in (("leaky_rnn", 1), ("leaky_gru", 3)):
                folder = networks / RNN.replace("_16_0.003", "_64_0.003").replace("orthogonal", name).replace("leaky_rnn", cell)
                weights = self.weights(folder / "r0" / "master" / "checkpoint_0000.h5")
                drawn[name, cell] = [(weights["input"][gate * 64:(gate + 1) * 64], weights["recurrent"][gate * 64:(gate + 1) * 64])
                                     for gate in range(gates)]
                bound = 1 / numpy.sqrt(5)
                self.assertLessEqual(abs(weights["bias"]).max(), bound)
                self.assertGreater(abs(weights["bias"]).max(), 0.8 * bound)
                self.assertLessEqual(abs(weights["readout"]).max(), 1 / 8)

        def is_uniform(values, bound):
            self.assertLessEqual(abs(values).max(), bound * 1.000001)  # float
            self.assertLess(abs(values.std() / (bound / numpy.sqrt(3)) - 1), 4 / numpy.sqrt(values.size))

        def is_orthogonal(values):
            numpy.testing.assert_allclose(values.T @ values, numpy.eye(values.shape[1]), atol=1e-6)  # float

        for cell in ("leaky_rnn", "leaky_gru"):
            for inputs, recurrent in drawn["kaiming", cell]:
                is_uniform(inputs, 1 / numpy.sqrt(5))
                is_uniform(recurrent, 1 / 8)
            for inputs, recurrent in drawn["xavier", cell]:
                is_uniform(inputs, numpy.sqrt(6 / 69))
                is_uniform(recurrent, numpy.sqrt(6 / 128))
            for inputs, recurrent in drawn["orthogonal", cell]:
                is_orthogonal(inputs)
                is_orthogonal(recurrent)
            for inputs, recurrent in drawn["diag", cell]:
                numpy.testing.assert_array_equal(inputs, numpy.eye(64, 5))
                numpy.testing.assert_array_equal(recurrent, numpy.eye(64))
            for inputs, recurrent in drawn["randortho", cell]:
                is_uniform(inputs, 1 / numpy.sqrt(5))
                is_orthogonal(recurrent)
            for inputs, recurrent in drawn["randgauss", cell]:
                for values in (inputs, recurrent):
                    self.assertLess(abs(values.mean()), 0.4 / numpy.sqrt(values.size))
                    self.assertLess(abs(values.std() / 0.1 - 1), 3 / numpy.sqrt(values.size))
        recurrent = [gate[1].tobytes() for name, gates in drawn.items() for gate in gates if name[0] != "diag"]
        self.assertEqual(len(set(recurrent)), 5 * 4)

    def test_plan_and_selection(self):
        def cells(*arguments):
            plan = self.succeed("plan", "neurotasks", "--config", "small.yaml", "--stage", "train", "--json", *arguments)
            return json.loads(plan.stdout)["items"]

        everything = cells()
        self.assertEqual(len(everything), 2 * 2 * 6)
        self.assertTrue(all(cell["gflop"] > 0 for cell in everything if "untrained" not in cell["item"]))
        self.assertEqual(len(cells("--group", "master,untrained")), 8)
        self.assertEqual(len(cells("--group", "frozen,unfrozen")), 8 + 4)  # and what they go on from
        self.assertEqual(len(cells("--group", "master", "--where", "cell=leaky_gru,n_rnn=16")), 2)
        self.assertEqual(len(cells("--group", "master", "--where", "cell=leaky_gru,cell=leaky_rnn")), 4)
        self.assertEqual(self.run_study("--group", "master", command="generate").returncode, 0)
        self.assertEqual({file.name for file in (self.folder / "results" / "neurotasks" / "data").iterdir()},
                         {f"AntiGo-{split}.h5" for split in ("train", "validation", "test", "retest")})
        self.assertEqual(self.run_study("--group", "frozen", "--where", "cell=leaky_rnn", command="train").returncode, 0)
        states = {cell["item"]: cell["state"] for cell in cells()}
        self.assertEqual({name for name, state in states.items() if state == "done"},
                         {f"{RNN}/{replicate}/{group}" for replicate in ("r0", "r1") for group in ("frozen", "pretrained-0")})
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--group", "mastr"], "did you mean 'master'?")
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--where", "n_rn=16"], "did you mean 'n_rnn'?")
        self.refuse(["plan", "neurotasks", "--config", "small.yaml", "--where", "n_rnn=17"], "there is no '17'")

    def test_bad_input_is_refused(self):
        def refuse(override, *fragments):
            self.refuse(["run", "neurotasks", "--config", "small.yaml", "--set", override], *fragments)

        groups = "studies.neurotasks.curricula"
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
        refuse(f"{NETWORKS}.n_rnn=[16, 16]", "twice")
        refuse(f"{NETWORKS}.learning_rate=[0.001, 1e-3]", "twice")
        refuse("studies.neurotasks={tasks: {'Go/..': {task: go_nogo}}, rulesets: {pair: ['Go/..']}, data: {train: 1, "
               "validation: 1, test: 1}, networks: {}}", "not a name")
        refuse("studies.neurotasks.training.num_epochs=3000000000", "outside")
        refuse("studies.neurotasks.training.checkpoint_every=4294967296", "outside")
        refuse(f"{groups}.pair={{'../escape': {{}}}}", "not a name")
        refuse("studies.neurotasks.training.num_epoch=3", "did you mean 'num_epochs'?")


if __name__ == "__main__":
    unittest.main()
