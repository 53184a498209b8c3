"""`repal run neurotasks`: what is compared of trained networks, and how it stands failures and interruptions."""

import csv
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import h5py
import numpy

from program import PROGRAM, SOURCE, sum_again, with_hash
from small_study import COMPARING, STUDY, SmallStudy

sys.path.append(str(SOURCE / "examples"))
from forward import forward  # noqa: E402

TABLES = ["checks", "data", "dissimilarity", "failures", "map", "maps", "networks", "regressions", "summary", "tests"]
METRICS = ["dsa", "cka", "procrustes"]
RNN = "pair/leaky_rnn_tanh_16_0.003_16_orthogonal"
GRU = RNN.replace("leaky_rnn", "leaky_gru")


class NeurotaskComparisons(SmallStudy):
    config = COMPARING

    def hashes(self, study):
        return {table: hashlib.sha256((study / f"{table}.csv").read_bytes()).hexdigest() for table in TABLES}

    def test_every_comparison_is_there_once(self):
        rows = self.rows(self.finished(), "dissimilarity")
        count = {}
        for row in rows:
            self.assertEqual(row["status"], "ok", row)
            key = (row["experiment"], row["metric"])
            count[key] = count.get(key, 0) + 1
        expected = {
            "checks": 5,
            "groups": 4 * 6 + 2 * 4 + 16,  # in 4 replicates of settings; replicates of 2 x 4 groups; the retest
            "settings": 66 - 4 * 3 - 2 * 3,  # all pairs of 12 networks but those of `groups`
            "learning": 4 * 4 * 4,
            "within_learning": 4 * 3 * 6,
        }
        self.assertEqual(count, {(f"pair/{name}", metric): n for name, n in expected.items() for metric in METRICS})

        pairs = [(row["metric"], frozenset((row["system_a"], row["system_b"]))) for row in rows
                 if row["experiment"] in ("pair/groups", "pair/settings")]
        self.assertEqual(len(set(pairs)), len(pairs))
        mapped = {pair for metric, pair in pairs if metric == "cka" and not any(
            word in name for name in pair for word in ("retest", "unfrozen"))}
        self.assertEqual(len(mapped), 66)

    def test_no_difference_is_zero_and_changes_are_seen(self):
        study = self.finished()
        for row in self.rows(study, "dissimilarity"):
            if row["experiment"] == "pair/learning" and row["group"].startswith("master"):
                self.assertEqual(row["system_a"], row["system_b"])
                self.assertEqual(float(row["angle_rad"]), 0)
        checks = {(row["metric"], row["check"]): row for row in self.rows(study, "checks")}
        self.assertEqual(len(checks), 15)
        for metric in METRICS:
            value = {check: float(checks[metric, check]["dissimilarity"]) for check in
                     ("itself", "permuted_units", "rotated_units", "shuffled_time", "noise_floor")}
            self.assertEqual(value["itself"], 0)
            self.assertLess(value["permuted_units"], 1e-6)
            self.assertLess(value["rotated_units"], 1e-6)
            self.assertGreater(value["noise_floor"], 1e-3)
            self.assertGreater(value["shuffled_time"], value["noise_floor"])
            for check in ("itself", "permuted_units", "rotated_units", "shuffled_time"):
                self.assertEqual(checks[metric, check]["holds"], "yes")

    def exported(self, study, network, data):
        """Steps of the stimulus behind the skipped ones, of the first 20 trials, by the forward pass in NumPy."""
        self.succeed("export", study / "networks" / network / "final.h5", "--data", study / "data" / f"Anti-{data}.h5",
                     "--out", "network.npz")
        states, outputs = forward(numpy.load(self.folder / "network.npz"), numpy.load(self.folder / "network.npz")["inputs"])
        with h5py.File(study / "data" / f"Anti-{data}.h5") as file:
            stimulus = file.attrs["periods"].split(",").index("stimulus")
            decision = file.attrs["periods"].split(",").index("decision")
            first, end = file["trial/period_first_step"][0], file["trial/period_end_step"][0]
            right = [outputs[trial, step].argmax() == file["target_actions"][trial, step] for trial in range(20)
                     for step in range(first[decision], end[decision])]
        self.assertEqual(end[stimulus] - first[stimulus], 25)
        return states[:20, first[stimulus] + 3:end[stimulus]], numpy.mean(right)

    def test_values_are_those_of_numpy_from_the_exported_networks(self):
        def cka(x, y):
            x, y = (values.reshape(-1, values.shape[2]) - values.mean(axis=(0, 1)) for values in (x, y))
            return numpy.arccos((numpy.linalg.norm(y.T @ x)**2 / numpy.linalg.norm(x.T @ x) / numpy.linalg.norm(y.T @ y)))

        def procrustes(x, y):
            x, y = (values.reshape(-1, values.shape[2]) - values.mean(axis=(0, 1)) for values in (x, y))
            return numpy.arccos(numpy.linalg.norm(x.T @ y, "nuc") / numpy.linalg.norm(x) / numpy.linalg.norm(y))

        def components(x):
            centred = x - x.mean(axis=(0, 1))
            return centred @ numpy.linalg.svd(centred.reshape(-1, x.shape[2]), full_matrices=False)[2][:5].T

        study = self.finished()
        rows = {(row["metric"], row["system_a"], row["system_b"]): row for row in self.rows(study, "dissimilarity")
                if row["experiment"] in ("pair/groups", "pair/settings")}
        for a, b, data in ((f"{RNN}/r0/master", f"{RNN}/r0/frozen", "test"), (f"{RNN}/r0/master", f"{GRU}/r1/untrained", "test"),
                           (f"{GRU}/r0/master", f"{GRU}/r0/master", "retest")):
            (x, performance_a), (y, performance_b) = self.exported(study, a, "test"), self.exported(study, b, data)
            names = (a, b if data == "test" else f"{b} retest")
            # states of single precision, and a forward pass in another order
            self.assertAlmostEqual(float(rows["cka", *names]["angle_rad"]), cka(x, y), delta=1e-4)
            self.assertAlmostEqual(float(rows["procrustes", *names]["angle_rad"]), procrustes(x, y), delta=1e-4)
            self.assertAlmostEqual(float(rows["cka", *names]["performance_a"]), performance_a, delta=1e-12)
            self.assertAlmostEqual(float(rows["cka", *names]["performance_b"]), performance_b, delta=1e-12)
            numpy.save(self.folder / "x.npy", components(x))
            numpy.save(self.folder / "y.npy", components(y))
            options = [word for option in ("n_delays=4", "delay_interval=2", "rank=8", "common_rank=true")
                       for word in ("--set", f"dsa.{option}")]
            compared = json.loads(self.succeed("compare", "x.npy", "y.npy", "--metric", "dsa", *options, "--format",
                                               "json").stdout)
            self.assertAlmostEqual(float(rows["dsa", *names]["angle_rad"]), compared[0]["angle_rad"], delta=1e-3)

    def test_one_setting_is_chosen_for_all_networks_of_a_ruleset(self):
        study = self.study("--set", "metrics={dsa: {}, given: {metric: dsa, n_delays: 4, rank: 3}}")
        tried = self.rows(study, "tune")
        self.assertEqual({(row["set"], row["metric"]) for row in tried}, {("pair", "dsa"), ("pair", "given")})
        chosen = next(row for row in tried if row["metric"] == "dsa" and row["chosen"] == "yes")
        for row in self.rows(study, "dissimilarity"):
            if row["metric"] == "dsa":
                self.assertEqual(row["settings"],
                                 f"n_delays={chosen['n_delays']},rank={chosen['rank']},pca.components=5")
            else:
                self.assertEqual(row["settings"], "n_delays=4,rank=3,pca.components=5")
            # One rank for all: what a network does not bear has no value, and no pair has a smaller rank.
            if row["status"] == "ok":
                self.assertEqual(row[row["metric"] + ".rank"], chosen["rank"] if row["metric"] == "dsa" else "3")
        self.assertIn("Delays and rank", (study / "report.html").read_text())

        # Shards choose the same, and so does a later run of the comparisons alone.
        for shard in (1, 0):
            self.study("--array", f"{shard}/2", "--set", "metrics={dsa: {}, given: {metric: dsa, n_delays: 4, rank: 3}}",
                       results="shards")
        self.study("--set", "metrics={dsa: {}, given: {metric: dsa, n_delays: 4, rank: 3}}", results="shards")
        for table in ("tune", "dissimilarity", "summary"):
            self.assertEqual((self.folder / "shards" / "neurotasks" / f"{table}.csv").read_bytes(),
                             (study / f"{table}.csv").read_bytes())

    def test_a_rank_that_one_network_does_not_bear_costs_its_pairs_only(self):
        study = self.study("--set", "metrics={dsa: {n_delays: 1, rank: 5}}", "--set", f"{STUDY}.networks.activation=relu",
                           "--set", f"{STUDY}.comparisons={{groups: {{}}}}")
        rows = self.rows(study, "dissimilarity")
        refused = [row for row in rows if row["status"] == "not_applicable"]
        for row in refused:
            self.assertIn("determine no more than rank", row["note"])
        self.assertEqual({row["dsa.rank"] for row in rows if row["status"] == "ok"} | {"5"}, {"5"})

    def test_where_nothing_can_be_chosen_that_is_said(self):
        # Of a few steps of ten trials nothing can be predicted.
        result = self.run_study("--set", "metrics={dsa: {}}", "--set", f"{STUDY}.comparisons={{groups: {{}}}}",
                                "--set", f"{STUDY}.trajectories.skip_ms=460", "--set", f"{STUDY}.trajectories.trials=10")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("dsa has no settings for the networks of pair", result.stderr)
        self.assertIn("--set metrics.dsa.rank=N", result.stderr)

    def test_what_was_learned_is_said_less_chance(self):
        study = self.study("--set", f"{STUDY}.comparisons={{groups: {{}}}}", "--set", f"{STUDY}.training.trained_fraction=0.5")
        data = {row["task"]: row for row in self.rows(study, "data") if row["split"] == "validation"}
        for row in data.values():  # left and right about equally often, in 32 trials
            self.assertAlmostEqual(float(row["chance_performance"]), 0.5, delta=0.1)
        learned = self.rows(study, "learned")
        networks = {row["network"]: row for row in self.rows(study, "networks")}
        for row in learned:
            chance, ideal = (float(data[row["task"]][name]) for name in ("chance_performance", "ideal_accuracy"))
            self.assertAlmostEqual(float(row["corrected"]), (float(row["performance"]) - chance) / (ideal - chance), delta=1e-9)
        self.assertEqual({row["group"] for row in learned if row["task"] == "Pro"},
                         {row["group"] for row in networks.values() if row["group"].startswith("pretrained")})
        good = {row["network"] for row in learned if float(row["corrected"]) >= 0.5}
        for name, row in networks.items():
            if row["group"] == "untrained":
                self.assertEqual(row["trained"], "")
            elif row["group"] == "master" or row["group"].startswith("pretrained"):
                self.assertEqual(row["trained"], "yes" if name in good else "no")
            else:  # the pretrained network of its replicate, too
                parent = next(other for other in good | set(networks) if other.startswith(name.rsplit("/", 1)[0] + "/pretrained"))
                self.assertEqual(row["trained"], "yes" if name in good and parent in good else "no", name)
        trained = {name for name, row in networks.items() if row["trained"] != "no"}
        pairs = [row for row in self.rows(study, "dissimilarity") if row["metric"] == "cka" and
                 row["system_a"] in trained and row["system_b"].removesuffix(" retest") in trained]
        counts = {row["group"]: int(row["n"]) for row in self.rows(study, "summary_trained") if row["metric"] == "cka"}
        self.assertEqual(sum(counts.values()), len(pairs))
        self.assertLess(len(pairs), len([row for row in self.rows(study, "dissimilarity") if row["metric"] == "cka"]))

    def test_states_over_learning_are_matched_by_fraction_performance_or_samples(self):
        study = self.finished()

        def history(network):
            with open(study / "networks" / network / "history.csv", newline="") as file:
                return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

        def nearest(records, key, wanted):
            return int(min(records, key=lambda record: (abs(record[key] - wanted), record["epoch"]))["epoch"])

        for match in ("fraction", "performance", "samples"):
            rows = self.rows(self.study("--set", f"{STUDY}.comparisons.learning.match={match}"), "dissimilarity")
            seen = 0
            for row in rows:
                if row["experiment"] != "pair/learning" or row["metric"] != "cka":
                    continue
                group, fraction = row["group"].split(" at ")
                point = round(3 * float(fraction))
                network = row["system_b"].split(" at ")[0]
                own, master = history(network), history(network.replace(group, "master"))
                reference = nearest(master, "updates", point / 3 * master[-1]["updates"])
                self.assertEqual(row["state_a"], f"epoch {reference}")
                if group == "untrained":
                    expected = 0
                elif point in (0, 3) or match == "fraction" or group == "master":
                    expected = nearest(own, "updates", point / 3 * own[-1]["updates"])
                elif match == "performance":
                    expected = nearest(own, "Anti", master[reference]["Anti"])
                else:
                    expected = nearest(own, "sequences_seen", master[reference]["sequences_seen"])
                self.assertEqual(row["state_b"], f"epoch {expected}", (match, row))
                seen += 1
            self.assertEqual(seen, 64)

    def test_jobs_shards_and_kills_do_not_change_a_byte(self):
        expected = self.hashes(self.study("--jobs", "1", results="one"))
        self.assertEqual(self.hashes(self.study("--jobs", "4", results="four")), expected)

        with self.subTest("shards, which wait for each other's networks"):
            for _ in range(2):
                for shard in (2, 0, 1):
                    study = self.study("--array", f"{shard}/3", results="shards")
            self.assertEqual(self.hashes(study), expected)

        with self.subTest("killed at random moments of the comparisons"):
            self.succeed(*self.command(results="killed", command="train"), "--quiet")
            moments = random.Random(4)
            cells = self.folder / "killed" / "neurotasks" / "cells" / "dissimilarity"
            kills = 0
            for _ in range(6):
                before = len(list(cells.rglob("*.json")))
                process = subprocess.Popen([PROGRAM, *self.command(results="killed"), "--quiet"], cwd=self.folder,
                                           stdout=subprocess.DEVNULL)
                while process.poll() is None and len(list(cells.rglob("*.json"))) <= before:
                    time.sleep(0.001)
                time.sleep(moments.uniform(0, 0.02))
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
            self.assertGreater(kills, 2)
            self.assertEqual(self.hashes(self.study(results="killed")), expected)

        with self.subTest("two processes at once"):
            processes = [subprocess.Popen([PROGRAM, *self.command(results="both"), "--quiet"], cwd=self.folder,
                                          stdout=subprocess.DEVNULL) for _ in range(2)]
            for process in processes:
                self.assertEqual(process.wait(), 0)
            self.assertEqual(self.hashes(self.folder / "both" / "neurotasks"), expected)

    def test_a_failed_network_fails_its_comparisons_only(self):
        rates = f"{STUDY}.networks.learning_rate=[0.003, 1000000]"
        one = f"{STUDY}.networks.replicates=1"
        study = self.study("--set", rates, "--set", one, "--set", f"{STUDY}.networks.activation=relu", code=3)

        failures = self.rows(study, "failures")
        self.assertTrue(any(row["experiment"] == "train" and "the loss is" in row["detail"] for row in failures))
        failed = {row["network"] for row in self.rows(study, "networks") if row["status"] == "failed"}
        self.assertGreater(len(failed), 0)
        for row in self.rows(study, "dissimilarity"):
            names = [row[side].split(" at ")[0].removesuffix(" retest") for side in ("system_a", "system_b")]
            self.assertEqual(row["status"] == "failed", any(name in failed for name in names), row)
            if row["status"] == "failed":
                self.assertEqual(row["angle_rad"], "")
        for row in failures:
            if row["experiment"] != "train":
                self.assertIn("failed: ", row["detail"])
        excluded = {row["network"] for row in self.rows(study, "map") if row["excluded_because"]}
        self.assertEqual(excluded, {name for name in failed if name.split("/")[-1] in ("master", "untrained", "frozen")})

    def test_only_what_failed_is_done_again(self):
        study = self.finished()
        expected = self.hashes(study)
        cells = study / "cells"
        # A network that failed, and comparisons made while it had.
        cell = cells / "train" / RNN / "r0" / "frozen.json"
        content = json.loads(cell.read_text())
        failed = {"key": content["key"], "state": "failed", "result": {"cause": "a power cut"}}
        cell.write_text(with_hash(json.dumps(failed, separators=(",", ":"))[:-1]))
        (study / "networks" / RNN / "r0" / "frozen" / "final.h5").unlink()
        for file in (cells / "dissimilarity").rglob("*.json"):
            file.unlink()
        result = self.run_repal(*self.command(command="dissimilarity"))
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("1 of 20 networks failed", result.stderr)
        self.assertIn("a power cut", (study / "failures.csv").read_text())
        failed = {file for file in cells.rglob("*.json") if json.loads(file.read_text())["state"] == "failed"}
        self.assertGreater(len(failed), 3)
        times = {file: file.stat().st_mtime_ns for file in cells.rglob("*.json")}

        self.assertEqual(self.hashes(self.study()), expected)

        self.assertEqual({file for file, written in times.items() if file.stat().st_mtime_ns != written}, failed)

    def test_short_trainings_are_not_compared_with_themselves(self):
        study = self.study("--set", f"{STUDY}.training.num_epochs=1", "--set",
                           f"{STUDY}.comparisons={{within_learning: {{states: 4, parts: 2}}}}")
        rows = [row for row in self.rows(study, "dissimilarity") if row["metric"] == "cka"]
        self.assertEqual(len(rows), 72)
        self.assertEqual(sum(row["status"] == "ok" for row in rows), 12)  # one pair of states each
        for row in rows:
            self.assertIn(row["status"], ("ok", "not_applicable"))
            if row["status"] == "ok":
                self.assertEqual((row["state_a"], row["state_b"]), ("epoch 0", "epoch 1"))
        self.assertEqual({row["detail"] for row in self.rows(study, "failures")},
                         {"both are epoch 0", "both are epoch 1", "epoch 0 and epoch 1 are compared already"})

    def test_groups_that_learn_alike_are_networks_of_their_own(self):
        groups = "{pair: {master: {train: [Anti]}, again: {train: [Anti]}, backwards: {train: [Anti, Pro]}, forwards: {train: [Pro, Anti]}}}"
        study = self.study("--set", f"{STUDY}.curricula={groups}", "--set", f"{STUDY}.comparisons={{groups: {{}}}}")
        rows = [row for row in self.rows(study, "dissimilarity") if row["metric"] == "cka" and "retest" not in row["system_b"]]
        self.assertEqual({row["group"] for row in rows} & {"master | again", "backwards | forwards"},
                         {"master | again", "backwards | forwards"})
        for row in rows:
            self.assertGreater(float(row["angle_rad"]), 1e-6, row)

    def test_embeddings_that_were_changed_on_disk_are_made_again(self):
        study = self.finished()
        expected = (study / "dissimilarity.csv").read_bytes()
        for file in (study / "embeddings").iterdir():
            with h5py.File(file, "r+") as kept:
                del kept["gram"]
                kept["gram"] = numpy.zeros((2, 3))
            sum_again(file)
        for file in (study / "cells" / "dissimilarity").rglob("*.json"):
            file.unlink()
        self.study()
        self.assertEqual((study / "dissimilarity.csv").read_bytes(), expected)
        for file in (study / "embeddings").iterdir():
            with h5py.File(file) as kept:
                self.assertEqual(kept["gram"].shape, kept["cross"].shape)

    def test_a_missing_checkpoint_fails_its_comparisons_only(self):
        study = self.finished()
        final = study / "networks" / RNN / "r0" / "master" / "final.h5"
        with h5py.File(final, "r+") as network:
            del network["checkpoints/0002"]
        sum_again(final)
        for file in (study / "cells" / "dissimilarity").rglob("*.json"):
            file.unlink()

        # What DSA can restore needs no checkpoint.
        self.study(code=3)
        self.assertEqual({row["metric"] for row in self.rows(study, "dissimilarity") if row["status"] == "failed"},
                         {"cka", "procrustes"})

        shutil.rmtree(study / "embeddings")
        for file in (study / "cells" / "dissimilarity").rglob("*.json"):
            file.unlink()
        self.study(code=3)
        for row in self.rows(study, "dissimilarity"):
            is_of_it = any(row[side] == f"{RNN}/r0/master at 0.333" for side in ("system_a", "system_b"))
            self.assertEqual(row["status"], "failed" if is_of_it else "ok", row)
        self.assertIn("final.h5: it has no checkpoint of epoch 2", (study / "failures.csv").read_text())

    def test_settings_are_not_chosen_by_those_networks_that_can_be_read(self):
        study = self.finished()
        expected = self.hashes(study)
        tuned = (study / "tune.csv").read_bytes()
        kept = {file: file.read_bytes() for file in (study / "networks").rglob("final.h5")}
        for file, content in kept.items():
            with h5py.File(file) as network:
                weights = next(network[name] for name in network if isinstance(network[name], h5py.Group) and name == "weights")
                at = next(iter(weights.values())).id.get_offset()
            file.write_bytes(content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1:])
        for folder in ("cells/dissimilarity", "cells/tune", "embeddings"):
            shutil.rmtree(study / folder)
        result = self.run_repal(*self.command())
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertRegex(result.stderr, r"networks/pair/.*/final\.h5: ")
        self.assertEqual(list((study / "cells").glob("tune/**/*.json")), [])
        for file, content in kept.items():
            file.write_bytes(content)
        self.study()
        self.assertEqual((study / "tune.csv").read_bytes(), tuned)
        self.assertEqual(self.hashes(study), expected)

    def test_one_metric_alone_can_be_chosen(self):
        study = self.study("--set", "metrics={cka: {}}", "--set", f"{STUDY}.comparisons={{groups: {{}}}}")
        self.assertEqual({row["metric"] for row in self.rows(study, "dissimilarity")}, {"cka"})

    def test_comparisons_wait_for_networks(self):
        result = self.run_repal(*self.command("--group", "master"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("wait for networks", result.stderr)
        self.assertIn("other items are missing", result.stdout)

    def test_bad_input_is_refused(self):
        def refuse(override, *fragments):
            self.refuse([*self.command(), "--set", f"{STUDY}.{override}"], *fragments)

        refuse("comparisons.reference=mastr", "no reference group 'mastr'", "did you mean 'master'?")
        refuse("comparisons.group={}", "did you mean 'groups'?")
        refuse("comparisons.settings={groups: [masters]}", "did you mean 'master'?")
        refuse("comparisons.settings={groups: []}", "at least 1")
        refuse("comparisons={settings: {groups: [master]}}", "so that is needed, too")
        refuse("comparisons.learning={points: 1}", "outside")
        refuse("comparisons.learning={match: sample}", "did you mean 'samples'?")
        refuse("comparisons.within_learning={states: 3, parts: 4}", "outside")
        refuse("trajectories.tasks={pair: Ant}", "did you mean 'Anti'?")
        refuse("trajectories.tasks={par: Anti}", "did you mean 'pair'?")
        refuse("trajectories.period=stimulis", "did you mean 'stimulus'?")
        refuse("trajectories.trials=31", "only 30 test trials")
        refuse("trajectories.skip_ms=480", "leaves less than two steps")
        refuse("trajectories.pca={dsb: {components: 3}}", "did you mean 'dsa'?")
        refuse("trajectories.pca={dsa: {components: 3, variance: 0.9}}", "either components or variance")
        refuse("trajectories.pca={dsa: {variance: 1.5}}", "outside")
        refuse("bootstrap.resamples=0", "outside")


if __name__ == "__main__":
    unittest.main()
