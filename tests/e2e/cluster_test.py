"""What jobs of a cluster need of the program: it stops when told, shares work, keeps to its allocation, names its node."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from program import DEMO, PROGRAM, SOURCE, ProgramTest
from small_study import COMPARING, NETWORKS, SmallStudy

STUDY = "studies.neurotasks"
SCRIPTS = SOURCE.resolve() / "sbatch"
# One epoch of a network takes longer than a signal needs.
LONG = ("--set", f"{STUDY}.data={{train: 2000, validation: 32, test: 8, packing: trial}}",
        "--set", f"{STUDY}.training={{num_epochs: 2, target_fraction: 2, sigma_rec: 0.01}}",
        "--set", f"{NETWORKS}.n_rnn=[64]", "--set", f"{NETWORKS}.cell=[leaky_rnn]", "--set", f"{NETWORKS}.replicates=1")


class Jobs(SmallStudy):
    def start(self, *arguments, results="results", command="run", **keywords):
        process = subprocess.Popen([PROGRAM, *self.command(*arguments, results=results, command=command)],
                                   cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, condition, what):
        until = time.monotonic() + 120
        while not condition():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.01)

    def results_of(self, study):
        """All that a study promises to be the same, however it is run."""
        files = [*study.glob("*.csv"), *study.rglob("*.h5"), *study.glob("networks/**/*.csv"),
                 *study.glob("cells/**/*.json")]
        return {str(file.relative_to(study)): file.read_bytes() for file in files}

    def assert_same_results(self, study, expected):
        found = self.results_of(study)
        self.assertEqual(found.keys(), expected.keys())
        self.assertEqual([name for name in found if found[name] != expected[name]], [])

    def costs(self, study):
        lines = [json.loads(line) for file in study.glob("costs/*.jsonl") for line in file.read_text().splitlines()]
        return [(line["stage"], line["cell"]) for line in lines if "stage" in line]


class Stopping(Jobs):
    def test_training_that_is_told_to_stop_keeps_the_epoch_it_is_in(self):
        expected = self.results_of(self.study(*LONG, results="whole"))
        for number, command in ((signal.SIGUSR1, "run"), (signal.SIGTERM, "train"), (signal.SIGINT, "run")):
            with self.subTest(number.name):
                results = number.name
                study = self.folder / results / "neurotasks"
                if command == "train":
                    self.start(*LONG, results=results, command="generate").communicate(timeout=60)
                process = self.start(*LONG, "--jobs", "1", results=results, command=command)
                self.wait_for(lambda: any((study / "networks").rglob("states.part")), "training begins")
                time.sleep(0.1)
                process.send_signal(number)
                _, errors = process.communicate(timeout=60)

                self.assertEqual(process.returncode, -number, errors)
                self.assertIn("what is done is kept", errors)
                kept = list((study / "networks").rglob("states.part"))
                self.assertEqual(len(kept), 1, "one network was in training")

                self.assert_same_results(self.study(*LONG, results=results), expected)

    def test_a_training_that_is_stopped_again_and_again_ends(self):
        expected = self.results_of(self.study(*LONG, results="whole"))
        study = self.folder / "results" / "neurotasks"
        stops = 0
        for attempt in range(200):
            process = self.start(*LONG, "--jobs", "2", "-q")
            time.sleep(0.3 * 1.1**attempt)  # whatever the machine needs to begin
            process.send_signal(signal.SIGUSR1)
            process.communicate(timeout=60)
            if process.returncode == 0:
                break
            self.assertEqual(process.returncode, -signal.SIGUSR1)
            stops += 1
        self.assertGreater(stops, 2)
        self.assertEqual(process.returncode, 0, "it never ended")
        self.assert_same_results(study, expected)

    def test_a_second_signal_ends_it_at_once(self):
        # A batch of seconds.
        process = self.start(*LONG, "--jobs", "1", "--set", f"{NETWORKS}.n_rnn=[512]", "--set", f"{NETWORKS}.batch_size=[2000]")
        networks = self.folder / "results" / "neurotasks" / "networks"
        self.wait_for(lambda: any(networks.rglob("states.part")), "training begins")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        self.assertIsNone(process.poll(), "the first waits for the batch")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertNotIn("is kept", errors)

    def test_a_cluster_may_send_its_signal_twice(self):
        process = self.start(*LONG, "--jobs", "1")
        networks = self.folder / "results" / "neurotasks" / "networks"
        self.wait_for(lambda: any(networks.rglob("states.part")), "training begins")
        for _ in range(5):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.002)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertIn("is kept", errors)


class Sharing(Jobs):
    def test_two_processes_do_each_cell_once(self):
        expected = self.results_of(self.study(results="one"))
        processes = [self.start("--jobs", "2", "-q") for _ in range(2)]
        for process in processes:
            _, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, errors)

        study = self.folder / "results" / "neurotasks"
        self.assert_same_results(study, expected)
        costs = self.costs(study)
        self.assertEqual(len(costs), len(set(costs)), "a cell was done twice")
        self.assertEqual(len(costs), sum(name.endswith(".json") for name in expected))

    def test_two_processes_compare_each_block_once(self):
        command = [PROGRAM, "run", "attractors", "--config", DEMO, "-q", "--jobs", "2", "--results"]
        processes = [subprocess.Popen([*command, "both"], cwd=self.folder, stdout=subprocess.DEVNULL) for _ in range(2)]
        for process in processes:
            self.assertEqual(process.wait(timeout=120), 0)
        subprocess.run([*command, "one"], cwd=self.folder, stdout=subprocess.DEVNULL, check=True)

        both = self.folder / "both" / "attractors"
        self.assert_same_results(both, self.results_of(self.folder / "one" / "attractors"))
        costs = self.costs(both)
        self.assertEqual(len(costs), len(set(costs)), "a cell was done twice")

    def test_the_cell_of_a_killed_process_is_taken_over(self):
        expected = self.results_of(self.study(*LONG, results="one"))
        study = self.folder / "results" / "neurotasks"
        first = self.start(*LONG, "--jobs", "1")
        self.wait_for(lambda: any((study / "networks").rglob("states.part")), "training begins")
        status = self.succeed("status", "neurotasks")
        second = self.start(*LONG, "--jobs", "1")
        time.sleep(0.2)
        first.send_signal(signal.SIGKILL)
        _, errors = second.communicate(timeout=120)

        self.assertEqual(second.returncode, 0, errors)
        self.assert_same_results(study, expected)
        train = next(line.split() for line in status.stdout.splitlines() if line.startswith("train"))
        self.assertEqual(train[3], "1", status.stdout)

    def test_a_shard_waits_for_a_cell_that_another_is_doing(self):
        study = self.folder / "results" / "neurotasks"
        first = self.start(*LONG, "--jobs", "1", command="train")
        self.wait_for(lambda: any((study / "networks").rglob("states.part")), "training begins")
        second = self.start(*LONG, "--jobs", "1", command="train")
        _, errors = second.communicate(timeout=120)
        self.assertEqual(second.returncode, 0, errors)
        first.communicate(timeout=120)
        costs = [cost for cost in self.costs(study) if cost[0] == "train"]
        self.assertEqual(len(costs), len(set(costs)))


class Arrays(ProgramTest):
    """The scripts of jobs under other schedulers, and none, as far as these show by variables."""

    SCRIPT = SOURCE / "sbatch" / "train.sh"

    def setUp(self):
        super().setUp()
        self.stub = self.folder / "repal"
        self.stub.write_text('#!/bin/sh\necho "$*" >>called\n')
        self.stub.chmod(0o755)

    def call(self, command, **variables):
        """Exit code and standard error."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "REPAL_SHARDS"))}
        result = subprocess.run(list(map(str, command)), cwd=self.folder, capture_output=True, text=True, timeout=60,
                                env={**environment, "REPAL_PROGRAM": str(self.stub), "REPAL_STUDY": "attractors", **variables})
        return result.returncode, result.stderr

    def parts(self):
        """That were asked for, in order."""
        called = self.folder / "called"
        lines = called.read_text().splitlines() if called.exists() else []
        called.unlink(missing_ok=True)
        return sorted((line.split("--array ")[1].split()[0] for line in lines), key=lambda part: int(part.split("/")[0]))

    def tasks(self, tasks, variables):
        """The parts that tasks of an array do together, and the exit codes and lines of those that refuse."""
        refused = set()
        for task in tasks:
            code, said = self.call(["bash", self.SCRIPT], **{name: text.format(task=task) for name, text in variables.items()})
            if code != 0:
                refused.add((code, said.strip()))
        return self.parts(), refused

    def slurm(self, first, last, step=1, tasks=None, **more):
        tasks = tasks if tasks is not None else range(first, last + 1, step)
        return self.tasks(tasks, {"SLURM_ARRAY_TASK_ID": "{task}", "SLURM_ARRAY_TASK_MIN": str(first),
                                  "SLURM_ARRAY_TASK_MAX": str(last), "SLURM_ARRAY_TASK_STEP": str(step),
                                  "SLURM_ARRAY_TASK_COUNT": str(len(tasks)), **more})

    def all_of(self, n):
        return [f"{part}/{n}" for part in range(n)], set()

    def refuse(self, found, *fragments):
        parts, refused = found
        self.assertEqual(parts, [])
        [(code, said)] = refused
        self.assertEqual(code, 2)
        self.assertEqual(len(said.splitlines()), 1, said)
        for fragment in fragments:
            self.assertIn(fragment, said)

    def test_every_part_is_done_once_or_no_task_does_one(self):
        self.assertEqual(self.slurm(0, 4), self.all_of(5))
        self.assertEqual(self.slurm(1, 5), self.all_of(5))
        self.assertEqual(self.slurm(0, 4, 2), self.all_of(3))
        self.assertEqual(self.slurm(1, 9, 2), self.all_of(5))
        self.refuse(self.slurm(0, 6, 2), "several may do the same of 4 parts")
        self.refuse(self.slurm(3, 7, tasks=[3, 7]), "from 3 to 7", "set REPAL_SHARDS")
        self.refuse(self.slurm(0, 5, tasks=[0, 1, 5]), "with gaps")
        self.refuse(self.slurm(5, 5), "not from 0 or 1")

    def test_tasks_that_are_submitted_again_do_their_own_parts(self):
        again = {"REPAL_SHARDS": "5"}
        self.assertEqual(self.slurm(1, 5, tasks=[1, 5], **again), (["0/5", "1/5"], set()))
        self.assertEqual(self.slurm(2, 4, tasks=[2, 4], **again), (["2/5", "4/5"], set()))
        self.assertEqual(self.slurm(3, 3, **again), (["3/5"], set()))
        self.refuse(self.slurm(0, 5, **again), "several may do the same of 5 parts", "--array=0-4")
        self.refuse(self.slurm(0, 5, tasks=[0, 5], **again), "several")
        self.refuse(self.slurm(0, 1, REPAL_SHARDS="0"), "REPAL_SHARDS=0")
        self.refuse(self.tasks([0], again), "no array")

    def test_arrays_of_pbs_and_sge(self):
        pbs = {"PBS_JOBID": "12[{task}].head", "PBS_ARRAY_INDEX": "{task}", "PBS_O_WORKDIR": str(SOURCE)}
        self.assertEqual(self.tasks(range(1, 4), {**pbs, "REPAL_SHARDS": "3"}), self.all_of(3))
        self.assertTrue((self.folder / "results" / "attractors" / "logs" / "repal-train-12_3.log").is_file())
        self.refuse(self.tasks([1], pbs), "does not tell how many tasks", "REPAL_SHARDS")
        self.assertEqual(self.tasks(range(3), {"PBS_ARRAYID": "{task}", "REPAL_SHARDS": "3"}), self.all_of(3))
        sge = {"JOB_ID": "7", "SGE_TASK_ID": "{task}", "SGE_TASK_FIRST": "1", "SGE_TASK_LAST": "4", "SGE_TASK_STEPSIZE": "1"}
        self.assertEqual(self.tasks(range(1, 5), sge), self.all_of(4))
        self.assertEqual(self.tasks(["undefined"], {**sge, "SGE_TASK_ID": "undefined"}), self.all_of(1))

    def test_numbers_that_are_none(self):
        self.assertEqual(self.tasks(["08"], {"PBS_ARRAY_INDEX": "{task}", "REPAL_SHARDS": "10"}), (["8/10"], set()))
        self.refuse(self.tasks(["-1"], {"PBS_ARRAY_INDEX": "{task}", "REPAL_SHARDS": "10"}), "'-1'")
        self.refuse(self.tasks(["1"], {"PBS_ARRAY_INDEX": "{task}", "REPAL_SHARDS": "9" * 20}), "REPAL_SHARDS")

    def test_the_configuration_is_left_to_repal_where_there_is_one(self):
        """Which takes config.yaml, or that of the results, or refuses to choose between them."""
        def configuration(**variables):
            self.call(["bash", self.SCRIPT], **variables)
            called = (self.folder / "called").read_text().splitlines()[-1]
            return called.partition("--config ")[2].partition(" ")[0]

        self.assertEqual(pathlib.Path(configuration()).resolve(), SOURCE.resolve() / "config.yaml")
        self.assertEqual(configuration(REPAL_CONFIG="mine.yaml"), "mine.yaml")
        for file in (self.folder / "results" / "attractors" / "config.yaml", self.folder / "config.yaml"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("seed: 1\n")
            self.assertEqual(configuration(), "")
            self.assertEqual(configuration(REPAL_CONFIG="mine.yaml"), "mine.yaml")
            file.unlink()

    def test_a_copy_of_a_script_finds_the_others(self):
        copy = self.folder / "spool" / "job_script"
        copy.parent.mkdir()
        shutil.copy(self.SCRIPT, copy)
        for variables in ({"REPAL_SCRIPTS": str(SOURCE / "sbatch")}, {"PBS_O_WORKDIR": str(SOURCE)},
                          {"SGE_O_WORKDIR": str(SOURCE)}):
            self.assertEqual(self.call(["bash", copy], **variables)[0], 0, variables)
            self.assertEqual(self.parts(), ["0/1"])
        self.assertEqual(self.call(["bash", copy])[0], 2)

    def test_an_array_without_a_scheduler(self):
        code, said = self.call([SOURCE / "scripts" / "local-array.sh", 3, self.SCRIPT])
        self.assertEqual((code, self.parts()), (0, self.all_of(3)[0]), said)
        # Also within a task of an array.
        for variables in ({"PBS_ARRAY_INDEX": "1"}, {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "0",
                          "SLURM_ARRAY_TASK_MAX": "1", "SLURM_ARRAY_TASK_STEP": "1", "SLURM_ARRAY_TASK_COUNT": "2"}):
            self.call([SOURCE / "scripts" / "local-array.sh", 3, self.SCRIPT], **variables)
            self.assertEqual(self.parts(), self.all_of(3)[0])
        self.stub.write_text("#!/bin/sh\nexit 3\n")
        code, said = self.call([SOURCE / "scripts" / "local-array.sh", 2, self.SCRIPT])
        self.assertEqual(code, 3)
        self.assertIn("part 1 of 2 ended with code 3", said)
        for wrong in ((), (0, self.SCRIPT), (2, "nowhere.sh")):
            self.assertEqual(self.call([SOURCE / "scripts" / "local-array.sh", *wrong])[0], 2)


class Allocation(Jobs):
    def test_threads_are_those_of_the_allocation(self):
        def jobs(**environment):
            text = self.succeed("--help", env={**os.environ, **environment}).stdout
            return text[text.index("--jobs"):].split("threads")[0].replace(" ", "")

        # CLI11 2.1 writes a default as =3, later ones as [3].
        self.assertRegex(jobs(SLURM_CPUS_PER_TASK="3"), r"=3|\[3\]")
        self.assertRegex(jobs(SLURM_CPUS_ON_NODE="5"), r"=5|\[5\]")
        one = subprocess.run(["taskset", "-c", "0", PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
        self.assertRegex(one[one.index("--jobs"):].split("threads")[0].replace(" ", ""), r"=1|\[1\]")

    def test_errors_in_a_job_name_the_node(self):
        (self.folder / "full").write_text("")
        result = self.run_repal("run", "neurotasks", "--config", "small.yaml", "--results", "full",
                                env={**os.environ, "SLURMD_NODENAME": "c12"})
        self.assertEqual(result.returncode, 2)
        self.assertIn("(on node c12)", result.stderr)

    def test_a_slow_disk_is_said_with_its_node(self):
        slow = self.folder / "libslow_disk.so"  # LD_PRELOAD ends at a blank
        shutil.copy(pathlib.Path(os.environ["REPAL_BUILD"]) / "tests" / "preload" / slow.name, slow)
        result = self.run_repal(*self.command("--array", "1/1000", results="there", command="generate"),
                                env={**os.environ, "LD_PRELOAD": str(slow), "SLURMD_NODENAME": "c12"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stderr, r"warning: there.*: writing config.yaml took \d+ s: the disk is slow \(on node c12\)")

    def test_the_plan_for_a_cluster_comes_from_what_cells_have_cost(self):
        before = self.succeed("plan", "neurotasks", "--slurm", "--config", "small.yaml").stdout
        self.assertIn("repal train neurotasks --config small.yaml --array 0/24", before)
        self.assertNotIn("--time", before)

        self.run_study("--array", "0/6", command="train")
        after = self.succeed("plan", "neurotasks", "--slurm", "--config", "small.yaml").stdout
        train = next(line.split() for line in after.splitlines() if line.startswith("train"))
        self.assertEqual(train[1:3], ["20", "4"], after)  # to do, measured
        self.assertEqual(train[4], "0-0", after)
        self.assertIn("sbatch/submit.sh neurotasks --config small.yaml --shards 1 --time=0:10:00 --mem=1024M "
                      "--cpus-per-task=4\n", after)
        isolated = self.succeed("plan", "neurotasks", "--slurm", "--config", "small.yaml", "--isolate").stdout
        self.assertIn(f"for all: REPAL_ISOLATE=1 {SCRIPTS}/submit.sh neurotasks", isolated)
        # What another configuration has cost says nothing.
        other = self.succeed("plan", "neurotasks", "--slurm", "--config", "small.yaml", "--set", "seed=4").stdout
        self.assertIn("repal train neurotasks --config small.yaml --set seed=4 --array 0/24", other)

    def test_costs_can_be_measured_before_anything_is_trained(self):
        (self.folder / "small.yaml").write_text(COMPARING)
        result = self.succeed("plan", "neurotasks", "--slurm", "--measure", "--config", "small.yaml", "-q")
        rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
        for stage in ("train", "dissimilarity"):
            self.assertGreater(int(rows[stage][1]), 0, result.stdout)
            self.assertGreater(float(rows[stage][2]), 0, result.stdout)
        self.assertIn("sbatch/submit.sh neurotasks --config small.yaml --shards 1 --time=", result.stdout)
        left = [str(path.relative_to(self.folder / "results")) for path in self.folder.glob("results/*/*")]
        self.assertEqual(left, ["neurotasks/measured"])
        self.assertEqual([path.name for path in self.folder.glob("results/*/*/*")], ["costs"])
        # It is remembered.
        self.assertEqual(self.succeed("plan", "neurotasks", "--slurm", "--config", "small.yaml", "-q").stdout, result.stdout)
        # In proportion to the work, six epochs cost six times what one does.
        plan = json.loads(self.succeed("plan", "neurotasks", "--config", "small.yaml", "--json").stdout)["items"]
        gflop = sum(item["gflop"] for item in plan if item["stage"] == "train")
        measured = [json.loads(line) for file in (self.folder / "results" / "neurotasks" / "measured" / "costs").iterdir()
                    for line in file.read_text().splitlines()]
        self.assertGreater(gflop, 0)
        self.assertEqual(len([one for one in measured if one.get("stage") == "train"]), int(rows["train"][1]))

    def test_the_plan_says_how_many_files_and_bytes_there_will_be(self):
        plan = json.loads(self.succeed("plan", "neurotasks", "--config", "small.yaml", "--json").stdout)["items"]
        table = self.succeed("plan", "neurotasks", "--config", "small.yaml").stdout
        self.assertIn("files to write", table)
        self.assertRegex(table, r"to be written: about \d")
        study = self.study()
        for stage, folders in (("train", ["networks"]), ("generate", ["data"])):
            said = sum(item["bytes"] for item in plan if item["stage"] == stage)
            files = [file for folder in folders for file in (study / folder).rglob("*.*") if file.is_file()]
            written = sum(file.stat().st_size for file in files)
            self.assertTrue(0.6 < said / written < 1.6, f"{stage}: {said} bytes are said, {written} written")
            # And one of its state for each item.
            items = [item for item in plan if item["stage"] == stage]
            self.assertEqual(sum(item["files"] for item in items), len(files) + len(items), stage)

    def test_status_watches_until_all_is_done(self):
        self.run_study("--array", "0/2", command="train")
        watching = subprocess.Popen([PROGRAM, "status", "neurotasks", "--watch", "0.1"], cwd=self.folder,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        self.assertIsNone(watching.poll())
        study = self.study()
        said, errors = watching.communicate(timeout=60)
        self.assertEqual(watching.returncode, 0, errors)
        self.assertGreater(said.count("stage "), 2, said)
        self.assertTrue(said.rstrip().endswith("all is done; report: results/neurotasks/report.html"), said[-300:])
        self.refuse(["status", "neurotasks", "--watch", "0"], "--watch")
        # Without a number it is every ten seconds.
        self.assertIn("all is done", self.succeed("status", "neurotasks", "--watch").stdout)
        self.assertRegex((study / "report.html").read_text(), r"core hours.{0,200} in items, .{1,9} held by processes")

    def check_commands_with_overrides(self):
        """What was set beside a file is in that of the results, if it was begun so; jobs get nothing else."""
        said = self.succeed("status", "neurotasks", "--config", "small.yaml", "--set", "seed=5").stdout
        self.assertIn(f"to go on: {PROGRAM} run neurotasks --config small.yaml --set seed=5\n", said)
        self.assertNotIn("sbatch", said)
        self.run_study("--set", "seed=5", "--array", "0/200", command="train", results="other")
        said = self.succeed("status", "neurotasks", "--results", "other", "--config", "small.yaml", "--set", "seed=5").stdout
        own = "--results other --config other/neurotasks/config.yaml\n"
        self.assertIn(f"to go on: {PROGRAM} run neurotasks {own}", said)
        self.assertIn(f"submit.sh neurotasks {own}", said)

    def test_networks_are_not_replaced_by_a_configuration_that_nobody_named(self):
        self.run_study("--array", "0/24", command="train")
        [network] = (self.folder / "results").rglob("final.h5")
        kept = network.read_bytes()
        # Where there is no other one, that of the results is meant.
        self.assertIn("train", self.succeed("plan", "neurotasks").stdout)
        (self.folder / "config.yaml").write_text(self.config.replace("seed: ", "seed: 1"))
        ways = "--config results/neurotasks/networks.yaml goes on with theirs, --config config.yaml replaces them"
        for command in (("plan", "neurotasks"), ("run", "neurotasks"), ("train", "neurotasks"), ("plan", "neurotasks", "--slurm")):
            self.refuse(command, "config.yaml: it would replace a network in results/neurotasks that another configuration has trained", ways)
        (self.folder / "bin").mkdir()
        for name in ("sbatch", "squeue", "scontrol"):
            (self.folder / "bin" / name).write_text("#!/bin/sh\necho $0 >>called\n")
            (self.folder / "bin" / name).chmod(0o755)
        environment = {**os.environ, "REPAL_PROGRAM": PROGRAM, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        submitted = subprocess.run([SCRIPTS / "submit.sh", "neurotasks"], cwd=self.folder, env=environment, capture_output=True,
                                   text=True)
        self.assertEqual(submitted.returncode, 2, submitted.stderr)
        self.assertIn(ways, submitted.stderr)
        self.assertFalse((self.folder / "called").exists())
        self.assertEqual(network.read_bytes(), kept)
        self.succeed("plan", "neurotasks", "--config", "config.yaml")
        # A stage that trains nothing has the tables of another configuration, but not its networks.
        self.succeed("generate", "neurotasks", "--config", "config.yaml")
        self.refuse(["train", "neurotasks"], ways)
        (self.folder / "config.yaml").unlink()
        self.refuse(["run", "neurotasks"], "results/neurotasks/config.yaml: it would replace", "networks.yaml goes on with theirs")
        self.assertEqual(network.read_bytes(), kept)
        # Nor does an option on the command line.
        self.run_study("--array", "0/24", "--config", "results/neurotasks/networks.yaml", command="train")
        self.refuse(["train", "neurotasks", "--set", "seed=77"],
                    "--config results/neurotasks/config.yaml --set seed=77 replaces them")
        self.assertEqual(network.read_bytes(), kept)

    def test_a_configuration_that_has_replaced_no_network_is_not_theirs(self):
        self.run_study("--array", "0/24", command="train")
        [network] = (self.folder / "results").rglob("final.h5")
        kept = network.read_bytes()
        # A part without an item, and one that is stopped before it trains.
        (self.folder / "other.yaml").write_text(self.config.replace("seed: ", "seed: 1"))
        self.succeed("train", "neurotasks", "--config", "other.yaml", "--array", "1999/2000")
        for command in ("plan", "train", "run", "generate"):
            self.refuse([command, "neurotasks"], "results/neurotasks/config.yaml: it would replace a network",
                        "--config results/neurotasks/networks.yaml goes on with theirs")
        self.assertEqual(network.read_bytes(), kept)
        # One that somebody has cut off is advised to nobody.
        recorded = self.folder / "results" / "neurotasks" / "networks.yaml"
        recorded.write_bytes(recorded.read_bytes()[:700])
        said = self.refuse(["train", "neurotasks"], "it would replace a network").stderr
        self.assertNotIn("goes on with theirs", said)

    def test_a_configuration_that_replaces_no_network_needs_no_name(self):
        self.run_study("--array", "0/24", command="train")
        [network] = (self.folder / "results").rglob("final.h5")
        kept = network.read_bytes(), network.stat().st_mtime_ns
        self.succeed("train", "neurotasks", "--set", "studies.neurotasks.bootstrap.resamples=90", "--array", "0/24")
        self.assertEqual((network.read_bytes(), network.stat().st_mtime_ns), kept)

    def test_a_command_that_is_refused_changes_nothing(self):
        study = self.study()
        before = {file: file.read_bytes() for file in study.rglob("*") if file.is_file()}
        (self.folder / "other.yaml").write_text(self.config.replace("seed: ", "seed: 1"))
        for wrong in (["train", "--where", "n_rnn=99"], ["train", "--group", "nosuch"], ["dissimilarity", "--experiment", "nosuch"],
                      ["train", "--experiment", "nosuch"], ["generate", "--experiment", "nosuch"], ["run", "--stage", "nosuch"]):
            result = self.run_repal(wrong[0], "neurotasks", "--config", "other.yaml", *wrong[1:])
            self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual({file: file.read_bytes() for file in study.rglob("*") if file.is_file()}, before)

    def test_tables_that_are_not_of_the_items_are_written_again(self):
        study = self.study()
        expected = {file.name: file.read_bytes() for file in study.glob("*.csv")}
        self.assertIn("all is done; report: results/neurotasks/report.html", self.succeed("status", "neurotasks").stdout)
        lacking = f"all items are done; tables and the page are written by: {PROGRAM} report neurotasks"

        def lose_the_page():
            (study / "report.html").unlink()

        def lose_a_table():
            (study / "networks.csv").unlink()

        def empty_a_table():
            (study / "networks.csv").write_bytes(b"")

        def do_items_without_their_tables():
            for file in study.glob("*.csv"):
                file.write_bytes(file.read_bytes().replace(b"e", b"f"))  # old ones, as long as they were
            next(study.rglob("final.h5")).unlink()
            (study / "networks.csv").unlink()
            (study / "networks.csv").mkdir()
            self.assertEqual(self.run_study().returncode, 2)
            (study / "networks.csv").rmdir()

        for lose in (lose_the_page, lose_a_table, empty_a_table, do_items_without_their_tables):
            with self.subTest(lose.__name__):
                lose()
                self.assertIn(lacking, self.succeed("status", "neurotasks").stdout)
                self.succeed("report", "neurotasks")
                self.assertIn("all is done; report", self.succeed("status", "neurotasks").stdout)
                self.assertEqual({file.name: file.read_bytes() for file in study.glob("*.csv")}, expected)
        # Those of another configuration of the same items are written by a run.
        said = self.succeed("status", "neurotasks", "--set", "studies.neurotasks.bootstrap.resamples=90").stdout
        self.assertIn(f"tables and the page are written by: {PROGRAM} run neurotasks", said)

    def test_status_says_how_to_go_on(self):
        self.run_study("--array", "0/2", command="train")
        status = self.succeed("status", "neurotasks").stdout
        rows = {line.split()[0]: line.split()[1:] for line in status.splitlines()[1:4]}
        cells, finished, running, failed, missing = map(int, rows["train"])
        self.assertEqual((cells, running, failed, finished + missing), (24, 0, 0, 24), status)
        self.assertGreaterEqual(finished, 12)  # its half, and pretrained networks that it needed
        self.assertGreater(missing, 0)
        self.assertIn(f"REPAL_STUDY=neurotasks REPAL_CONFIG=results/neurotasks/config.yaml sbatch --array=0-{missing - 1} "
                      f"{SCRIPTS}/train.sh    # {missing} items", status)
        self.assertIn(f"{SCRIPTS}/submit.sh neurotasks --config results/neurotasks/config.yaml\n", status)
        self.assertIn(f"to go on: {PROGRAM} run neurotasks --config results/neurotasks/config.yaml\n", status)
        (self.folder / "config.yaml").write_text(self.config)
        self.assertIn("REPAL_STUDY=neurotasks sbatch", self.succeed("status", "neurotasks").stdout)
        (self.folder / "own").mkdir()
        plugins = self.succeed("status", "neurotasks", "--plugin-path", "own", "--isolate", "--plugin-timeout", "9.5",
                               env={**os.environ, "REPAL_PLUGIN_PATH": "/else where"}).stdout
        own = "REPAL_PLUGIN_PATH='own:/else where' REPAL_ISOLATE=1 REPAL_PLUGIN_TIMEOUT=9.5 "
        self.assertIn(f"unless it is queued: {own}{SCRIPTS}/submit.sh neurotasks\n", plugins)
        self.assertIn(f"  {own}REPAL_STUDY=neurotasks sbatch --array", plugins)
        (self.folder / "sbatch").symlink_to(SCRIPTS)
        self.assertIn("unless it is queued: sbatch/submit.sh neurotasks\n", self.succeed("status", "neurotasks").stdout)
        elsewhere = self.succeed("status", "neurotasks", "--results", "else where", "--config", "small.yaml").stdout
        self.assertIn("REPAL_STUDY=neurotasks REPAL_RESULTS='else where' REPAL_CONFIG=small.yaml sbatch", elsewhere)

        self.check_commands_with_overrides()
        self.study()
        finished = self.succeed("status", "neurotasks").stdout
        self.assertNotIn("sbatch", finished)
        self.assertIn("all is done; report: results/neurotasks/report.html", finished)


if __name__ == "__main__":
    unittest.main()
