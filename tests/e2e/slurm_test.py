"""The job scripts on a real Slurm of one node, started for this test on loopback."""

import hashlib
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from program import BAD_PLUGINS, DEMO, PROGRAM, SOURCE, ProgramTest
from small_study import COMPARING, LEARNING

SUBMIT = SOURCE / "sbatch" / "submit.sh"
STUDY = "studies.neurotasks"


def two_free_ports():
    """Slurm takes a port and the next one."""
    for port in range(26817, 32000, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue
    raise RuntimeError("no two free ports")


def without_search(config):
    """The experiment that needs DSA."""
    begin = config.index("      search:\n")
    return config[:begin] + config[config.index("    bootstrap:", begin):]


class Slurm(ProgramTest):
    runs = {}  # what `repal run` gives, by configuration

    @classmethod
    def setUpClass(cls):
        cls.is_there = all(shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")
                           for tool in ("sbatch", "slurmctld", "slurmd", "munged"))
        if not cls.is_there:
            return
        cls.cluster = pathlib.Path(tempfile.mkdtemp(prefix="repal-slurm-"))
        # More processors than there are: tasks of one processor are to run at once.
        subprocess.run([SOURCE / "scripts" / "local-slurm.sh", "start", cls.cluster], check=True, capture_output=True,
                       env={**os.environ, "LOCAL_SLURM_CPUS": "4", "LOCAL_SLURM_PORT": str(two_free_ports())})

    @classmethod
    def tearDownClass(cls):
        if cls.is_there:
            subprocess.run([SOURCE / "scripts" / "local-slurm.sh", "stop", cls.cluster], check=True, capture_output=True)
            shutil.rmtree(cls.cluster, ignore_errors=True)

    def setUp(self):
        super().setUp()
        if not self.is_there:
            self.cannot_run("Slurm is not installed: slurm-wlm and munge")
        self.environment = {**os.environ, "SLURM_CONF": str(self.cluster / "slurm.conf"), "REPAL_PROGRAM": PROGRAM}
        # After a test that failed half way nothing is to run on.
        self.addCleanup(self.slurm, "scancel", "--user", str(os.getuid()))

    def slurm(self, *command, **keywords):
        return subprocess.run(list(map(str, command)), cwd=self.folder, env={**self.environment, **keywords},
                              capture_output=True, text=True, timeout=120)

    def submit(self, *arguments):
        """Job ids by script."""
        result = self.slurm(SUBMIT, *arguments)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return dict(re.findall(r"^(\w+)\.sh +job (\d+)", result.stdout, re.MULTILINE))

    def tasks(self, job):
        """State, and what else Slurm knows, of every task of a job."""
        text = self.slurm("scontrol", "-o", "show", "job", job).stdout
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines() if "JobState" in line]

    def wait_until(self, condition, what, seconds=400):
        until = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > until:
                self.fail(f"{what}: not within {seconds} s\n" + self.slurm("squeue").stdout + self.logs())
            time.sleep(0.3)
        return found

    def wait_for(self, *jobs):
        def have_ended():
            return all(task["JobState"] not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED")
                       for job in jobs for task in self.tasks(job))
        self.wait_until(have_ended, f"jobs {jobs} end")

    def logs(self):
        return "".join(f"--- {file}\n{file.read_text()}" for file in sorted(self.folder.rglob("*.log")))

    def files(self, study, *patterns):
        return {str(file.relative_to(study)): hashlib.sha256(file.read_bytes()).hexdigest()
                for pattern in patterns for file in study.glob(pattern)}

    def assert_same_files(self, study, expected, *patterns):
        self.assertGreater(len(self.files(expected, *patterns)), 0)
        self.assertEqual(self.files(study, *patterns), self.files(expected, *patterns), self.logs())

    def test_the_chain_of_both_studies_gives_the_bytes_of_a_run(self):
        # Every comparison, of networks that are trained in seconds.
        (self.folder / "small.yaml").write_text(COMPARING)
        configs = {"attractors": DEMO, "neurotasks": "small.yaml"}
        chains = {study: self.submit(study, "--shards", 3, "--config", config, "--cpus-per-task=1", "--mem=1G", "--time=20")
                  for study, config in configs.items()}
        self.assertEqual(list(chains["attractors"]), ["generate_data", "tune", "dissimilarity", "report"])
        self.assertEqual(set(chains["neurotasks"]),
                         {"generate_data", "train", "tune", "dissimilarity", "dissimilarity_learning", "report"})
        for study, chain in chains.items():
            self.wait_for(*chain.values())
            for script, job in chain.items():
                self.assertEqual({task["JobState"] for task in self.tasks(job)}, {"COMPLETED"}, script + self.logs())
                self.assertEqual(len(self.tasks(job)), 1 if script == "report" else 3)

            self.succeed("run", study, "--config", configs[study], "--results", "one")
            self.assert_same_files(self.folder / "results" / study, self.folder / "one" / study, "*.csv", "data/*.h5",
                                   "trajectories/*.h5", "networks/**/*.h5")
            self.assertTrue((self.folder / "results" / study / "report.html").is_file())
            logs = [file.name for file in (self.folder / "results" / study / "logs").iterdir()]
            self.assertEqual(len(logs), 3 * (len(chain) - 1) + 1, logs)
        self.assertEqual(list(self.folder.glob("*.log")), [], "logs are in the results")

    def test_a_study_of_recordings_gives_the_bytes_of_a_run(self):
        self.succeed("new-study", "mine")
        config = self.folder / "mine" / "config.yaml"
        config.write_text(config.read_text() + "    calibrate: {resamples: 38}\n")
        chain = self.submit("recordings", "--shards", 2, "--config", "mine/config.yaml", "--cpus-per-task=1", "--mem=1G",
                            "--time=20")
        self.assertEqual(list(chain), ["tune", "dissimilarity", "floors", "calibrate", "report"])
        self.wait_for(*chain.values())
        self.succeed("run", "recordings", "--config", "mine/config.yaml", "--results", "one")
        self.assert_same_files(self.folder / "results" / "recordings", self.folder / "one" / "recordings", "*.csv", "*.h5")
        self.assertTrue((self.folder / "results" / "recordings" / "report.html").is_file())

    def configure(self, **training):
        config = LEARNING.replace("cell: [leaky_rnn, leaky_gru]", "cell: [leaky_rnn]").replace("[16]", "[64]")
        config = config.replace("data: {train: 64", f"data: {{train: {training.get('sequences', 4000)}")
        config = config.replace("num_epochs: 4", f"num_epochs: {training.get('epochs', 2)}")
        for old, new in training.get("replace", ()):
            self.assertIn(old, config)
            config = config.replace(old, new)
        (self.folder / "config.yaml").write_text(config)

    def assert_bytes_of_a_run(self):
        """Tests of one configuration share its run."""
        config = (self.folder / "config.yaml").read_text()
        if config not in self.runs:
            results = pathlib.Path(tempfile.mkdtemp(prefix="repal-e2e-"))
            self.addClassCleanup(shutil.rmtree, results, ignore_errors=True)
            self.succeed("run", "neurotasks", "--results", results)
            self.runs[config] = results / "neurotasks"
        self.assert_same_files(self.folder / "results" / "neurotasks", self.runs[config], "*.csv", "networks/**/*.h5")

    def begins_training(self):
        networks = self.folder / "results" / "neurotasks" / "networks"
        self.wait_until(lambda: any(networks.rglob("states.part")), "training begins")

    def running_task(self, job):
        return self.wait_until(lambda: next((f"{job}_{task['ArrayTaskId']}" for task in self.tasks(job)
                                             if task["JobState"] == "RUNNING"), None), "a task runs")

    def test_a_cancelled_task_is_submitted_again(self):
        self.configure()
        chain = self.submit("neurotasks", "--shards", 2, "--cpus-per-task=1", "--mem=1G", "--time=10")
        self.begins_training()
        cancelled = self.running_task(chain["train"])
        self.assertEqual(self.slurm("scancel", cancelled).returncode, 0)
        self.wait_for(*chain.values())

        states = sorted(task["JobState"] for task in self.tasks(chain["train"]))
        self.assertEqual(states, ["CANCELLED", "COMPLETED"], self.logs())
        self.assertIn("what is done is kept", self.logs())
        study = self.folder / "results" / "neurotasks"
        self.assertTrue((study / "report.html").is_file(), "the report is written whatever happened")
        self.assertIn("What is missing", (study / "report.html").read_text())
        self.assertFalse((study / "networks.csv").exists())

        status = self.succeed("status", "neurotasks").stdout
        again = re.search(r"(REPAL_STUDY=neurotasks) (sbatch --array=\S+) (\S+/sbatch/train.sh)", status)
        self.assertIsNotNone(again, status)
        submitted = self.slurm("env", again[1], *again[2].split(), "--cpus-per-task=1", "--mem=1G", "--parsable",
                               again[3])
        self.assertEqual(submitted.returncode, 0, submitted.stderr)
        self.wait_for(submitted.stdout.strip())

        self.assertNotIn("sbatch", self.succeed("status", "neurotasks").stdout, self.logs())
        self.assert_bytes_of_a_run()

    def assert_goes_on(self, chain):
        self.wait_for(*chain.values())
        self.assertIn("restart 1:", self.logs())
        self.assertEqual({task["JobState"] for task in self.tasks(chain["train"])}, {"COMPLETED"}, self.logs())
        self.assert_bytes_of_a_run()

    def test_a_task_that_is_requeued_goes_on(self):
        self.configure()
        chain = self.submit("neurotasks", "--shards", 2, "--cpus-per-task=1", "--mem=1G", "--time=10")
        self.begins_training()
        requeued = self.running_task(chain["train"])
        self.assertEqual(self.slurm("scontrol", "requeue", requeued).returncode, 0)
        self.assert_goes_on(chain)

    def test_tasks_of_a_node_that_fails_go_on(self):
        self.configure()
        chain = self.submit("neurotasks", "--shards", 2, "--cpus-per-task=1", "--mem=1G", "--time=10")
        self.begins_training()
        (node,) = self.slurm("sinfo", "-h", "-o", "%n").stdout.split()
        down = self.slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        self.assertEqual(down.returncode, 0, down.stderr)
        # It answers, so Slurm takes it back.
        self.assert_goes_on(chain)

    def test_threads_follow_the_allocation(self):
        jobs = {}
        for processors in (1, 3):
            result = self.slurm("sbatch", "--parsable", f"--output=threads-{processors}.txt",
                                f"--cpus-per-task={processors}", f"--wrap={shlex.quote(PROGRAM)} --help")
            self.assertEqual(result.returncode, 0, result.stderr)
            jobs[processors] = result.stdout.strip()
        self.wait_for(*jobs.values())  # sbatch --wait looks after 2 s and 10 s
        for processors, job in jobs.items():
            self.assertEqual([task["JobState"] for task in self.tasks(job)], ["COMPLETED"])
            text = (self.folder / f"threads-{processors}.txt").read_text()
            self.assertRegex(text[text.index("--jobs"):].replace(" ", "").replace("\n", ""),
                             rf"(={processors}|\[{processors}\])threads")

    def test_a_training_longer_than_the_time_limit_ends(self):
        # One network alone, whose single epoch is longer than each of its runs.
        self.configure(sequences=100000, epochs=1, replace=[
            ("        frozen: {pretrain: [Go], train: [AntiGo], trainable: input}\n", ""),
            ("        unfrozen: {pretrain: [Go], train: [AntiGo]}\n", ""),
            ("        both: {train: [Go, AntiGo], trainable: [input, readout]}\n", ""),
            ("        untrained: {}\n", ""), ("replicates: 2", "replicates: 1"), ("n_rnn: [64]", "n_rnn: [128]"),
            ("      Reach: {task: reaching, stimulus: [200], test_stimulus: 200}\n", ""), (", reach: [Reach]", "")])
        chain = self.submit("neurotasks", "--shards", 1, "--cpus-per-task=1", "--mem=2G", "--time=1",
                            "--signal=B:USR1@30")
        alone = subprocess.Popen([PROGRAM, "run", "neurotasks", "--results", "one", "--jobs", "1", "-q"], cwd=self.folder,
                                 stdout=subprocess.DEVNULL)
        self.wait_for(*chain.values())

        self.assertEqual(alone.wait(timeout=300), 0)
        (task,) = self.tasks(chain["train"])
        self.assertEqual(task["JobState"], "COMPLETED", self.logs())
        self.assertGreater(int(task["Restarts"]), 0, self.logs())
        self.assertIn("the time is over; the job is queued again", self.logs())
        self.assert_same_files(self.folder / "results" / "neurotasks", self.folder / "one" / "neurotasks", "*.csv",
                               "networks/**/*.h5")

    def test_folders_with_blanks_and_an_environment_that_is_not_clean(self):
        """Submitted from elsewhere, with settings of an earlier submission, and where jobs get no environment by default."""
        config = without_search(DEMO.read_text())
        (self.folder / "my config.yaml").write_text(config[:config.index("  dsa: {")] + config[config.index("  cka: {}"):])
        self.environment |= {"REPAL_SHARDS": "7", "REPAL_STUDY": "neurotasks", "SBATCH_EXPORT": "NONE"}
        chain = self.submit("attractors", "--shards", 2, "--config", "my config.yaml", "--results", "my results",
                            "--cpus-per-task=1", "--mem=1G", "--time", "10")
        self.wait_for(*chain.values())

        study = self.folder / "my results" / "attractors"
        self.assertTrue((study / "dissimilarity.csv").is_file(), self.logs())
        self.assertEqual(len(list((study / "logs").iterdir())), 5)

    def test_plugins_that_the_environment_names_are_used_and_isolated(self):
        text = without_search(DEMO.read_text())
        begin, end = text.index("  dsa: {"), text.index("studies:")
        text = text[:begin] + "  faulty: {fault: crashes, when: sometimes}\n\n" + text[end:]
        (self.folder / "config.yaml").write_text(text)
        self.environment |= {"REPAL_PLUGIN_PATH": str(BAD_PLUGINS / "faulty"), "REPAL_ISOLATE": "1"}
        chain = self.submit("attractors", "--shards", 2, "--cpus-per-task=1", "--mem=1G", "--time=10")
        self.wait_for(*chain.values())

        self.assertEqual([task["JobState"] for task in self.tasks(chain["report"])], ["COMPLETED"], self.logs())
        study = self.folder / "results" / "attractors"
        self.assertIn("compare of metric_faulty.so: it crashed", (study / "failures.csv").read_text())
        self.assertIn("faulty", (study / "dissimilarity.csv").read_text())

    def test_a_failing_cell_does_not_stop_the_chain(self):
        self.configure(sequences=64, replace=[("learning_rate: [0.003]", "learning_rate: [0.003, 1.0e+6]")])
        chain = self.submit("neurotasks", "--shards", 2, "--cpus-per-task=1", "--mem=1G", "--time=10")
        self.wait_for(*chain.values())

        self.assertEqual({task["JobState"] for task in self.tasks(chain["train"])}, {"FAILED"}, self.logs())
        self.assertEqual([task["JobState"] for task in self.tasks(chain["report"])], ["COMPLETED"], self.logs())
        study = self.folder / "results" / "neurotasks"
        self.assertIn("the outputs are no longer finite after epoch 1", (study / "failures.csv").read_text())
        self.assertTrue((study / "report.html").is_file())
        self.assertIn("failed: train/", self.succeed("status", "neurotasks").stdout)

    def test_arrays_as_people_write_them(self):
        program = self.folder / "repal"
        program.write_text('#!/bin/sh\nfor last; do :; done\necho "$last" >>parts-"$SLURM_ARRAY_JOB_ID"\n')
        program.chmod(0o755)
        script = SOURCE / "sbatch" / "train.sh"
        jobs = {}
        for form, shards in (("1-4", ""), ("0-4:2", ""), ("0-3%2", ""), ("3,7", ""), ("3,7", "10"), ("0-2", "2")):
            submitted = self.slurm("sbatch", "--parsable", "--cpus-per-task=1", "--mem=100M", f"--array={form}", script,
                                   REPAL_PROGRAM=str(program), REPAL_SHARDS=shards)
            jobs[form, shards] = submitted.stdout.strip()
        self.wait_for(*jobs.values())

        def parts(form, shards=""):
            file = self.folder / f"parts-{jobs[form, shards]}"
            return sorted(file.read_text().split()) if file.exists() else []

        self.assertEqual(parts("1-4"), [f"{part}/4" for part in range(4)])
        self.assertEqual(parts("0-4:2"), [f"{part}/3" for part in range(3)])
        self.assertEqual(parts("0-3%2"), [f"{part}/4" for part in range(4)])
        self.assertEqual(parts("3,7", "10"), ["3/10", "7/10"])
        for refused in (("3,7", ""), ("0-2", "2")):
            self.assertEqual(parts(*refused), [])
            for task in self.tasks(jobs[refused]):
                self.assertEqual((task["JobState"], task["ExitCode"]), ("FAILED", "2:0"))

    def test_mistakes_are_told_before_anything_is_queued(self):
        (self.folder / "config.yaml").write_text(DEMO.read_text().replace("  dsa: {", "  dsb: {", 1))
        queued = self.slurm("squeue", "-h").stdout
        for arguments, message in ((["attractors"], "did you mean 'dsa'"), (["atractors", "--config", DEMO], "attractors"),
                                   (["attractors", "--shards", "0"], "--shards 0"), ([], "submit.sh STUDY"),
                                   (["attractors", "--config"], "--config needs a value")):
            result = self.slurm(SUBMIT, *arguments)
            self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
            self.assertIn(message, result.stderr)
        # The limits are those of this cluster.
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "sacctmgr").write_text("#!/bin/sh\necho 12\n")
        (self.folder / "bin" / "sacctmgr").chmod(0o755)
        for shards, limit, path in ((20000, "exceed MaxJobCount=10000 of this cluster", ""),
                                    (4000, "MaxJobCount=10000", ""),
                                    (10, "MaxSubmitJobs=12", f"{self.folder / 'bin'}:")):
            result = self.slurm(SUBMIT, "attractors", "--config", DEMO, "--shards", shards,
                                PATH=path + self.environment["PATH"])
            self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
            self.assertIn(limit, result.stderr)
            self.assertRegex(result.stderr, r"--shards \d+ fits")
        for option, message in (("--array=0-3", "the arrays are made of --shards"), ("--arr=0-3", "the arrays are made"),
                                ("--dependency=afterok:1", "stages depend on each other"), ("-d", "stages depend on each other")):
            result = self.slurm(SUBMIT, "attractors", f"--config={DEMO}", option)
            self.assertEqual(result.returncode, 2, result.stdout)
            self.assertIn(f"{option}: {message}", result.stderr)
        result = self.slurm(SUBMIT, "attractors", "--config", DEMO, "--partition=nowhere")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("nowhere", result.stderr)
        result = self.slurm(SUBMIT, "attractors", "--config", DEMO, "--export=NONE")
        self.assertEqual(result.returncode, 2)
        self.assertIn("jobs would not see their settings", result.stderr)
        self.assertEqual(self.slurm("squeue", "-h").stdout, queued)


if __name__ == "__main__":
    unittest.main()
