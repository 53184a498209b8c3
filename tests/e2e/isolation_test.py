"""--isolate: what a plugin does to its process is a failure of its pairs, and nothing else."""

import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest

import numpy

from faulty_plugins import FAULTY_METRIC, SMALL
from program import BAD_PLUGINS, DEMO, PROGRAM, ProgramTest


def stat_of(pid):
    """State and parent; None if there is no such process."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return fields[0], int(fields[1])
    except OSError:
        return None, None


class Worker:
    """repal plugin-worker, asked as the program asks it."""

    REQUESTS = ["describe", "make", "prepare", "harmonise", "compare"]

    def __init__(self, file):
        self.socket, other = socket.socketpair()
        self.process = subprocess.Popen([PROGRAM, "plugin-worker", file], pass_fds=[3], close_fds=True,
                                        preexec_fn=lambda: os.dup2(other.fileno(), 3))
        other.close()

    def ask(self, request, arguments=b""):
        message = bytes([self.REQUESTS.index(request)]) + arguments
        self.socket.sendall(struct.pack("<Q", len(message)) + message)
        answer = self.read(*struct.unpack("<Q", self.read(8)))
        if answer[0] != 0:
            raise RuntimeError(answer)
        return answer[1:]

    def read(self, size):
        return self.socket.recv(size, socket.MSG_WAITALL)

    def end(self):
        self.socket.close()
        self.process.wait(timeout=20)


def packed(options):
    """A map from names to texts."""
    text = lambda value: struct.pack("<Q", len(value)) + value.encode()
    return struct.pack("<Q", len(options)) + b"".join(
        text(name) + struct.pack("<Q", 3) + text(value) for name, value in sorted(options.items()))


def workers_of(parent):
    pids = [entry.name for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if stat_of(pid)[1] == parent]


def is_asleep(pid):
    return stat_of(pid)[0] == "S"


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it does not happen")
        time.sleep(0.05)


class Isolation(ProgramTest):
    def setUp(self):
        super().setUp()
        self.plugins = ["--plugin-path", BAD_PLUGINS / "faulty", "--isolate"]

    def study(self, fault, *arguments, isolate=True):
        plugins = self.plugins if isolate else self.plugins[:-1]
        return self.run_repal("run", "attractors", "--config", DEMO, *plugins, "--quiet", *SMALL,
                              "--set", f"metrics.faulty={{fault: {fault}, when: sometimes}}", *arguments)

    def table(self, name):
        return (self.folder / "results" / "attractors" / name).read_text()

    def test_a_healthy_plugin_gives_the_same_bytes_in_its_own_process(self):
        self.assertEqual(self.study("none", isolate=False).returncode, 0)
        expected = self.table("dissimilarity.csv")
        (self.folder / "results").rename(self.folder / "before")
        result = self.study("none")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.table("dissimilarity.csv"), expected)

    def test_crashes_exits_and_hangs_fail_their_pairs_only(self):
        said = {
            "crashes": "compare of metric_faulty.so: it crashed: Segmentation fault (signal 11)",
            "exits": "compare of metric_faulty.so: it ended its process, with exit code 0",
            "hangs": "compare of metric_faulty.so: it did not answer within 3 s",
            "throws": "compare throws",
            "throws_latin1": "caf\N{REPLACEMENT CHARACTER}",
            "nan": "the metric returned the angle nan",
            "bound": "the metric returned the lower bound",
        }
        for fault, cause in said.items():
            with self.subTest(fault):
                timeout = ["--plugin-timeout", "3"] if fault == "hangs" else []
                result = self.study(fault, *timeout, "--results", f"results-{fault}")
                self.assertEqual(result.returncode, 3, result.stderr)
                folder = self.folder / f"results-{fault}" / "attractors"
                self.assertIn(cause, (folder / "failures.csv").read_text())
                rows = (folder / "dissimilarity.csv").read_text()
                self.assertIn("faulty", rows)  # the pairs that went well
                self.assertNotIn("cka", (folder / "failures.csv").read_text())

    def test_a_crash_in_prepare_fails_the_metric_only(self):
        result = self.study("crashes_in_prepare", "--set", "metrics.faulty.when=always")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("prepare of metric_faulty.so: it crashed", self.table("failures.csv"))
        self.assertIn("cka", self.table("dissimilarity.csv"))

    def test_a_program_that_outlives_the_plugin_does_not_hide_its_crash(self):
        for name, seed in (("a", 1), ("b", 2)):
            self.save(name, seed)
        # Nor does a shell that ignores the end of its children.
        result = self.run_repal("compare", "a.npy", "b.npy", "--metric", "faulty", *self.plugins, "--plugin-timeout", "4",
                                "--set", "faulty.fault=crashes_with_child",
                                preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(result.returncode, 3)
        self.assertIn("it crashed: Segmentation fault", result.stderr)

    def test_the_signal_of_a_terminal_is_no_crash(self):
        """It reaches workers as well, also those that are only starting."""
        for tries in range(24):
            program = subprocess.Popen([PROGRAM, "run", "attractors", "--config", DEMO, *map(str, self.plugins), *SMALL,
                                        "--quiet", "--set", "metrics.faulty={fault: none}", "--results", f"r{tries}"],
                                       cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)
            time.sleep(0.01 + 0.01 * tries)
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGINT)
            _, said = program.communicate(timeout=60)
            self.assertIn(program.returncode, (0, -signal.SIGINT), said)
            for cell in (self.folder / f"r{tries}").rglob("*.json"):
                self.assertNotIn("crashed", cell.read_text(), tries)

    def test_a_set_that_has_no_common_form_leaves_the_one_before(self):
        systems = [numpy.random.default_rng(seed).normal(seed, 1, size=(5, 30, 3)) for seed in range(1, 5)]
        worker = Worker(FAULTY_METRIC)
        self.addCleanup(worker.end)
        worker.ask("describe")
        worker.ask("make", packed({"fault": "harmonise_three"}))
        for i, system in enumerate(systems):
            trials, steps, channels = system.shape
            lengths = struct.pack(f"<Q{trials}q", trials, *[steps] * trials)
            rows = struct.pack("<2q", trials * steps, channels) + system.tobytes()
            no_dt_inputs_or_conditions = struct.pack("<?2qQ", False, 0, 0, 0)
            worker.ask("prepare", struct.pack("<Q", i) + lengths + rows + no_dt_inputs_or_conditions)
        worker.ask("harmonise", struct.pack("<3Q", 2, 0, 1))
        first_two = struct.pack("<?Q?Q", True, 0, True, 1)
        before = worker.ask("compare", first_two)
        with self.assertRaisesRegex(RuntimeError, "did not give back 3 embeddings"):
            worker.ask("harmonise", struct.pack("<4Q", 3, 2, 3, 0))
        self.assertEqual(worker.ask("compare", first_two), before)

    def test_a_task_that_fails_leaves_pairs_of_other_systems(self):
        task = "studies.attractors.systems.r50={task: faulty_task, fault: %s}"
        dsa = "metrics={dsa: {n_delays: 2, delay_interval: 1, rank: 2, common_rank: true}}"
        run = ["run", "attractors", "--config", DEMO, *self.plugins, "--quiet", *SMALL, "--set", dsa, "--set"]
        result = self.run_repal(*run, task % "crashes")
        self.assertEqual(result.returncode, 3, result.stderr)
        failures = self.table("failures.csv")
        self.assertIn("r0.25,r50", failures)
        self.assertNotIn("r0.25,r0.75", failures)
        values = [line for line in self.table("dissimilarity.csv").splitlines() if "r0.25" in line and "r0.75" in line]
        self.assertEqual(len(values), 1)

        # Its place in the common form is not known: with another key nothing of these values is used.
        self.assertEqual(self.run_repal(*run, task % "none").returncode, 0)
        self.assertEqual(self.run_repal(*run, task % "none", "--results", "alone").returncode, 0)
        self.assertEqual(self.table("dissimilarity.csv"),
                         (self.folder / "alone" / "attractors" / "dissimilarity.csv").read_text())

    def test_an_option_that_is_refused_is_named_as_without_isolation(self):
        for name, seed in (("a", 1), ("b", 2)):
            self.save(name, seed)
        for plugins in (self.plugins, self.plugins[:-1]):
            self.refuse(["compare", "a.npy", "b.npy", "--metric", "faulty", *plugins, "--set",
                         "faulty.fault=refuses_option"], "fault: it is refused", "take none")

    def test_no_process_is_left_when_the_program_is_killed(self):
        arguments = ["run", "attractors", "--config", DEMO, *self.plugins, "--quiet", *SMALL, "--set",
                     "metrics.faulty={fault: hangs}", "--plugin-timeout", "600"]
        program = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        # The first one only says who it is.
        wait_until(lambda: [w for w in workers_of(program.pid) if is_asleep(w)], 60)
        time.sleep(1)
        workers = workers_of(program.pid)
        self.assertTrue(workers)
        program.kill()
        wait_until(lambda: not any(pathlib.Path(f"/proc/{worker}").exists() for worker in workers), 20)

    def test_compare(self):
        for name, seed in (("a", 1), ("b", 2)):
            self.save(name, seed)
        arguments = ["compare", "a.npy", "b.npy", "--metric", "faulty,cka", "--format", "json", *self.plugins]
        healthy = json.loads(self.succeed(*arguments).stdout)
        self.assertEqual([score["status"] for score in healthy], ["ok", "ok"])
        crashed = self.run_repal(*arguments, "--set", "faulty.fault=crashes")
        self.assertEqual(crashed.returncode, 3)
        self.assertEqual([score["status"] for score in json.loads(crashed.stdout)], ["failed", "ok"])
        self.assertIn("Segmentation fault", crashed.stderr)

    def test_the_environment_isolates_as_well(self):
        for name, seed in (("a", 1), ("b", 2)):
            self.save(name, seed)
        arguments = ["compare", "a.npy", "b.npy", "--metric", "faulty", "--format", "csv", "--plugin-path",
                     BAD_PLUGINS / "faulty", "--set", "faulty.fault=hangs"]
        result = self.run_repal(*arguments, env={**os.environ, "REPAL_ISOLATE": "1", "REPAL_PLUGIN_TIMEOUT": "1.5"})
        self.assertEqual(result.returncode, 3)
        self.assertIn("it did not answer within 1.5 s", result.stderr)
        for variable, value, option in (("REPAL_ISOLATE", "perhaps", "isolate"),
                                        ("REPAL_PLUGIN_TIMEOUT", "0", "plugin-timeout")):
            refused = self.run_repal(*arguments, env={**os.environ, variable: value})
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(option, refused.stderr)

    def test_compare_goes_on_without_a_system_that_cannot_be_prepared(self):
        for name, seed in (("a", 1), ("b", 2), ("below", -3)):
            self.save(name, seed)
        arguments = ["compare", "a.npy", "b.npy", "below.npy", "--metric", "faulty,cka", "--format", "json",
                     "--report", "page.html", "--set", "faulty.when=sometimes"]
        cases = {
            "throws_in_prepare": (self.plugins[:-1], "below.npy: prepare throws"),
            "crashes_in_prepare": (self.plugins, "below.npy: prepare of metric_faulty.so: it crashed"),
            "hangs_in_prepare": ([*self.plugins, "--plugin-timeout", "2"],
                                 "below.npy: prepare of metric_faulty.so: it did not answer within 2 s"),
        }
        for fault, (plugins, cause) in cases.items():
            with self.subTest(fault):
                result = self.run_repal(*arguments, *plugins, "--set", f"faulty.fault={fault}")
                self.assertEqual(result.returncode, 3, result.stderr)
                self.assertEqual([score["status"] for score in json.loads(result.stdout)],
                                 ["ok", "failed", "failed", "ok", "ok", "ok"])
                self.assertEqual(result.stderr.count(f"faulty: 2 pairs: failed: {cause}"), 1, result.stderr)
                self.assertTrue((self.folder / "page.html").exists())

    def test_compare_goes_on_without_systems_that_have_no_common_form(self):
        for name, seed in (("a", 1), ("b", 2)):
            self.save(name, seed)
        for plugins in (self.plugins, self.plugins[:-1]):
            result = self.run_repal("compare", "a.npy", "b.npy", "--metric", "faulty,cka", "--format", "json", *plugins,
                                    "--set", "faulty.fault=harmonise")
            self.assertEqual(result.returncode, 3, result.stderr)
            self.assertEqual([score["status"] for score in json.loads(result.stdout)], ["failed", "ok"])
            self.assertIn("a.npy and b.npy: failed: the metric", result.stderr)

    def save(self, name, seed):
        numpy.save(self.folder / f"{name}.npy", numpy.random.default_rng(abs(seed)).normal(seed, 1, size=(5, 30, 3)))

    def test_a_task(self):
        listed = json.loads(self.succeed("plugins", "--json", *self.plugins).stdout)["plugins"]
        task = next(plugin for plugin in listed if plugin["name"] == "faulty_task")
        self.assertEqual(task["channels"], ["fixation", "noise"])
        # Its trials are shorter than those of the others, which only DSA can compare.
        for fault in ("none", "crashes"):
            result = self.run_repal("run", "attractors", "--config", DEMO, *self.plugins, "--quiet", *SMALL,
                                    "--set", f"studies.attractors.systems.r50={{task: faulty_task, fault: {fault}}}",
                                    "--set", "metrics={dsa: {n_delays: 2, delay_interval: 1, rank: 2, common_rank: true}, cka: {}, procrustes: {}}",
                                    "--results", f"results-{fault}")
            self.assertEqual(result.returncode, 3, result.stderr)
        healthy = self.folder / "results-none" / "attractors"
        self.assertNotIn("task_faulty.so", (healthy / "failures.csv").read_text())
        values = [line for line in (healthy / "dissimilarity.csv").read_text().splitlines() if "r50" in line and "dsa" in line]
        self.assertEqual(len(values), 3 + 1)  # with each other system, and with another draw of itself
        failures = (self.folder / "results-crashes" / "attractors" / "failures.csv").read_text()
        self.assertIn("generate of task_faulty.so: it crashed: Segmentation fault (signal 11)", failures)

    def test_a_plugin_that_exits_without_isolation_is_no_success(self):
        result = self.study("exits", isolate=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("a plugin has ended the program; with --isolate", result.stderr)
        self.assertFalse((self.folder / "results" / "attractors" / "report.html").exists())

    def test_what_cannot_be_loaded_is_refused(self):
        refused = json.loads(self.succeed("plugins", "--json", "--plugin-path", BAD_PLUGINS, "--isolate").stdout)["refused"]
        causes = {pathlib.Path(entry["file"]).name: entry["cause"] for entry in refused}
        self.assertIn("ABI tag does not match", causes["wrong_abi.so"])
        self.assertIn("throws when it is asked who it is", causes["throws.so"])


if __name__ == "__main__":
    unittest.main()
