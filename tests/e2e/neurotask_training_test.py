"""`repal train neurotasks`: the same bytes however it is run, and what must not change does not."""

import contextlib
import csv
import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import time
import unittest
import zlib

import h5py
import numpy

from program import PROGRAM
from small_study import NETWORKS, SmallStudy

RNN = "pair/leaky_rnn_relu_16_0.003_16_orthogonal"


def last_epoch_of(folder):
    """The last epoch of which a training that is not done has a checkpoint."""
    bodies = [record[16:] for record in (folder / "states.part").read_bytes().split(b"repalrec")[1:]]
    with h5py.File(io.BytesIO(bodies[-1])) as state:
        return int(state.attrs["epoch"])


class NeurotaskTraining(SmallStudy):
    def files(self, folder):
        # Hashes: a failing comparison would print the difference of megabytes.
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for pattern in ("networks/**/*.h5", "networks/**/*.csv", "*.csv") for file in folder.glob(pattern)}

    def weights(self, folder, epoch=None):
        """Of the end of training, or of a checkpoint."""
        with h5py.File(folder / "final.h5") as network:
            weights = network["weights"] if epoch is None else network[f"checkpoints/{epoch:04}/weights"]
            return {name: weights[name][:] for name in weights}

    def stop_in_training(self, results, records=3):
        """Kills a run as soon as a network has so many states; its folder."""
        process = subprocess.Popen(
            [PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", results, "--jobs", "1", "-q"],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        networks = self.folder / results / "neurotasks" / "networks"
        found = []
        while process.poll() is None and not found:
            # A file may have become that of a network that has ended.
            with contextlib.suppress(FileNotFoundError):
                found = [file for file in networks.rglob("states.part") if file.read_bytes().count(b"repalrec") >= records]
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        self.assertEqual(process.wait(), -signal.SIGKILL)
        [part] = networks.rglob("states.part")
        return part.parent

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
            for _ in range(30):
                process = subprocess.Popen(
                    [PROGRAM, "run", "neurotasks", "--config", "small.yaml", "--results", "killed", "--jobs", "2", "-q"],
                    cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(moments.uniform(0.03, 0.2))
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            self.assertGreater(kills, 3)
            self.assertEqual(self.files(self.study(results="killed")), expected)

        with self.subTest("killed while networks train"):
            self.stop_in_training("trained")
            networks = self.folder / "trained" / "neurotasks" / "networks"
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
                start = self.weights(folder / "master", 0)
                for other in ("both", "untrained", "pretrained-0"):
                    for name, values in self.weights(folder / other, 0).items():
                        numpy.testing.assert_array_equal(values, start[name])
                pretrained = self.weights(folder / "pretrained-0")
                for group in ("frozen", "unfrozen"):
                    for name, values in self.weights(folder / group, 0).items():
                        numpy.testing.assert_array_equal(values, pretrained[name])

                frozen = self.weights(folder / "frozen")
                both = self.weights(folder / "both")
                for name in ("recurrent", "bias", "readout"):
                    numpy.testing.assert_array_equal(frozen[name], pretrained[name])
                for name in ("recurrent", "bias"):
                    numpy.testing.assert_array_equal(both[name], start[name])
                self.assertTrue((frozen["input"] != pretrained["input"]).any())
                self.assertTrue((both["readout"] != start["readout"]).any())
                for name, values in self.weights(folder / "untrained").items():
                    numpy.testing.assert_array_equal(values, start[name])
        first = self.weights(networks / RNN / "r0" / "master", 0)
        second = self.weights(networks / RNN / "r1" / "master", 0)
        self.assertTrue((first["recurrent"] != second["recurrent"]).any())

    def test_checkpoints_are_before_training_of_every_epoch_and_final_in_one_file(self):
        folder = self.study() / "networks" / RNN / "r0" / "master"
        self.assertEqual(sorted(file.name for file in folder.iterdir()), ["final.h5", "history.csv"])
        for name, values in self.weights(folder, 4).items():
            numpy.testing.assert_array_equal(values, self.weights(folder)[name])
        with h5py.File(folder / "final.h5") as network:
            self.assertEqual(network["weights/input"].shape, (16, 5))
            self.assertEqual(network["weights/recurrent"].shape, (16, 16))
            self.assertEqual(sorted(network["checkpoints"]), [f"{epoch:04}" for epoch in range(5)])
            self.assertEqual(network.attrs["checkpoints"], "0,1,2,3,4")
            self.assertEqual(network["history"].shape, (5, 6))
            self.assertEqual(network.attrs["epoch"], "4")
            self.assertEqual(network.attrs["rules"], "Go,AntiGo")
            history = network["history"][:]
        with open(folder / "history.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["epoch", "updates", "sequences_seen", "loss", "smallest_fraction", "AntiGo"])
        numpy.testing.assert_array_equal(history, [[float(value) for value in row.values()] for row in rows])
        self.assertEqual([row["updates"] for row in rows], ["0", "4", "8", "12", "16"])

    def test_a_damaged_tail_loses_one_epoch(self):
        expected = self.files(self.study(results="whole"))
        for name, damage in (("cut", lambda whole: whole[:-3000]),
                             ("changed", lambda whole: whole[:-3000] + b"\0" * 3000),
                             ("begun", lambda whole: whole + b"repalrec" + b"\1" * 9)):
            with self.subTest(name):
                folder = self.stop_in_training(name)
                part = folder / "states.part"
                part.write_bytes(damage(part.read_bytes()))

                result = self.run_repal("run", "neurotasks", "--config", "small.yaml", "--results", name)

                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stderr, r"states\.part: its last \d+ bytes are damaged")
                self.assertEqual(self.files(self.folder / name / "neurotasks"), expected)
                self.assertFalse(part.exists())

    def test_a_state_of_another_architecture_is_refused(self):
        folder = self.stop_in_training("results")
        part = folder / "states.part"
        # The last record with the weights of another network in it; one may be half there.
        records = [record for record in part.read_bytes().split(b"repalrec")[1:]
                   if len(record) > 16 and len(record) - 16 == struct.unpack("<Q", record[:8])[0]]
        image = self.folder / "last.h5"
        image.write_bytes(records[-1][16:])
        with h5py.File(image, "r+") as network:
            del network["weights/recurrent"]
            network["weights/recurrent"] = numpy.zeros((8, 8), dtype="f4")
        body = image.read_bytes()
        head = b"repalrec" + struct.pack("<QI", len(body), zlib.crc32(body))
        part.write_bytes(b"".join(b"repalrec" + record for record in records) + head + struct.pack("<I", zlib.crc32(head)) + body)

        result = self.run_study()

        self.assertEqual(result.returncode, 2)
        self.assertIn("states.part", result.stderr)
        self.assertIn("another architecture", result.stderr)

    def test_a_training_that_is_still_running_can_be_exported(self):
        whole = self.study(results="whole")
        folder = self.stop_in_training("results", records=4)
        network = folder.relative_to(self.folder / "results" / "neurotasks")
        for place, epoch in ((folder, None), (folder / "states.part", 1), (whole / network, 1), (whole / network / "final.h5", 1)):
            self.succeed("export", place, *([] if epoch is None else ["--epoch", epoch]), "--out", "network.npz")
            exported = numpy.load(self.folder / "network.npz")
            names = [name for name in exported.files if name.startswith("weights/")]
            expected = self.weights(whole / network, epoch if epoch is not None else last_epoch_of(folder))
            self.assertEqual(len(names), 4)
            for name in names:
                numpy.testing.assert_array_equal(exported[name], expected[name.removeprefix("weights/")])
        self.refuse(["export", whole / network, "--epoch", 77, "--out", "n.npz"], "no checkpoint of epoch 77", "there are 0,1,2,3,4")

    def test_a_bit_that_was_changed_on_disk_is_seen(self):
        study = self.study()
        file = study / "networks" / RNN / "r0" / "master" / "final.h5"
        with h5py.File(file) as network:
            place = network["weights/recurrent"].id.get_offset()
        whole = bytearray(file.read_bytes())
        whole[place + 3] ^= 4
        file.write_bytes(whole)
        self.refuse(["export", file, "--out", "n.npz"], "final.h5", "was changed, or damaged")

    def test_another_choice_of_what_is_kept_trains_nothing_again(self):
        study = self.study()
        before = self.files(study)
        self.study("--set", "studies.neurotasks.training.checkpoints={keep: quarters}")
        self.assertEqual({name: value for name, value in self.files(study).items() if name.endswith(".h5")},
                         {name: value for name, value in before.items() if name.endswith(".h5")})

    def test_what_is_kept_of_checkpoints_is_chosen(self):
        option = "studies.neurotasks.training.checkpoints={{keep: {}}}"
        all_of_them = self.study(results="all")
        for keep, epochs in (("quarters", [0, 1, 2, 3, 4]), ("ends", [0, 4])):
            study = self.study("--set", option.format(keep), results=keep)
            network = pathlib.Path("networks") / RNN / "r0" / "master"
            with h5py.File(study / network / "final.h5") as file:
                self.assertEqual(file.attrs["checkpoints"], ",".join(map(str, epochs)))
                self.assertEqual(sorted(file["checkpoints"]), [f"{epoch:04}" for epoch in epochs])
            for name, values in self.weights(study / network, 4).items():
                numpy.testing.assert_array_equal(values, self.weights(all_of_them / network, 4)[name])
        study = self.study("--set", option.format("quarters"), "--set", "studies.neurotasks.training.num_epochs=12",
                           "--set", "studies.neurotasks.training.target_fraction=2", results="long")
        with h5py.File(study / "networks" / RNN / "r0" / "master" / "final.h5") as file:
            self.assertEqual(file.attrs["checkpoints"], "0,3,6,9,12")
        self.refuse(self.command("--set", option.format("halves")), "halves")

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
            self.assertTrue(any(file.is_file() for file in (disk / "neurotasks" / "networks").rglob("*.*")))
            self.assertEqual(list(disk.rglob("*.tmp")), [])
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            self.assertEqual(self.files(self.study(results="disk")), expected)
        finally:
            subprocess.run(["umount", disk], check=True)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a disk needs root")
    def test_a_disk_without_inodes_or_that_may_not_be_written_is_named(self):
        disk = self.folder / "disk"
        disk.mkdir()
        for options, cause in (("nr_inodes=24", "it holds as many files as it can"), ("ro", "Read-only file system")):
            if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", disk], capture_output=True).returncode:
                self.skipTest("this machine does not let root mount a file system")
            try:
                result = self.run_repal(*self.command(results="disk"))
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(cause, result.stderr)
                self.assertEqual(list(disk.rglob("*.tmp")), [])
            finally:
                subprocess.run(["umount", disk], check=True)

    def test_every_checkpoint_has_the_documented_names(self):
        files = list((self.study() / "networks").rglob("*.h5"))
        self.assertEqual(len(files), 24)
        for file in files:
            with h5py.File(file) as network:
                groups = ["weights", *(f"checkpoints/{int(epoch):04}/weights" for epoch in network.attrs["checkpoints"].split(","))]
                names = {f"{group}/{matrix}" for group in groups
                         for matrix in ("input", "recurrent", "bias", "readout")} | {"history"}
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
                weights = self.weights(folder / "r0" / "master", 0)
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
