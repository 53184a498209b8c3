"""Bad input: exit code 2, one line that names the place and the cause, nothing half-written."""

import os
import resource
import signal
import subprocess
import unittest
import warnings
import zipfile

import numpy

from program import DEMO, PROGRAM, ProgramTest


class BadFiles(ProgramTest):
    def setUp(self):
        super().setUp()
        self.good = self.save("good.npy", numpy.random.default_rng(1).normal(size=(3, 30, 2)))

    def save(self, name, array):
        numpy.save(self.folder / name, array)
        return name

    def refuse_file(self, name, *fragments):
        self.refuse(["compare", self.good, name], name, *fragments)

    def test_missing_file(self):
        self.refuse_file("missing.npy", "no such file")

    def test_truncated_npy(self):
        content = (self.folder / self.good).read_bytes()
        (self.folder / "cut.npy").write_bytes(content[:-100])
        self.refuse_file("cut.npy", "100 bytes")
        (self.folder / "head.npy").write_bytes(content[:40])
        self.refuse_file("head.npy")

    def test_lying_header(self):
        content = (self.folder / self.good).read_bytes()
        (self.folder / "lying.npy").write_bytes(content.replace(b"(3, 30, 2)", b"(9, 90, 9)"))
        self.refuse_file("lying.npy")
        (self.folder / "huge.npy").write_bytes(
            content.replace(b"(3, 30, 2), }          ", b"(9999999999, 99999, 2), }"[:25]))
        self.refuse_file("huge.npy")

    def test_not_finite(self):
        for name, value in (("nan.npy", numpy.nan), ("inf.npy", numpy.inf)):
            array = numpy.zeros((3, 30, 2))
            array[2, 7, 1] = value
            self.refuse_file(self.save(name, array), "trial 2, step 7, channel 1")

    def test_one_time_step_and_no_trials(self):
        self.refuse_file(self.save("one.npy", numpy.zeros((1, 1, 2))), "two steps")
        self.refuse_file(self.save("none.npy", numpy.zeros((0, 30, 2))), "empty: (0, 30, 2)")

    def test_delays_longer_than_the_series(self):
        result = self.run_repal("compare", self.good, self.good, "--metric", "dsa", "--set", "dsa.n_delays=40")
        self.assertEqual(result.returncode, 3)
        self.assertIn("good.npy: 40 delays of 1 steps need at least 41 steps, the trials have 30", result.stderr)

    def test_unknown_metric_option_axis_and_format(self):
        self.refuse(["compare", self.good, self.good, "--metric", "procustes"], "unknown metric 'procustes'",
                    "did you mean 'procrustes'?")
        self.refuse(["compare", self.good, self.good, "--metric", "dsa", "--set", "dsa.rnk=3"], "dsa.rnk",
                    "did you mean 'rank'?")
        self.refuse(["compare", self.good, self.good, "--metric", "dsa", "--set", "cka.rank=3"], "cka")
        self.refuse(["compare", self.good, self.good, "--set", "dsa.rank=many"], "--set dsa.rank", "whole number")
        self.refuse(["compare", self.good, self.good, "--set", "dsa.rank=0"], "--set dsa.rank", "0 is smaller than 2")
        self.refuse(["compare", self.good, self.good, "--set", "dsa.max_iterations=0"], "outside")
        self.refuse(["compare", self.good, self.good, "--metric", "cka,cka"], "--metric: 'cka' is named twice")
        self.refuse(["compare", self.good, self.good, "--axes", "trail,time,channel"], "did you mean 'trial'?")

    def test_output_that_cannot_be_written(self):
        self.refuse(["compare", self.good, self.good, "--metric", "cka", "--out", "good.npy/scores.csv"], "good.npy")

    def test_a_link_to_nowhere_leads_to_the_file_that_it_names(self):
        (self.folder / "link.csv").symlink_to("made.csv")
        self.succeed("compare", self.good, self.good, "--metric", "cka", "--out", "link.csv")
        self.assertTrue((self.folder / "link.csv").is_symlink())
        self.assertTrue((self.folder / "made.csv").is_file())
        (self.folder / "circle.csv").symlink_to("circle.csv")
        self.refuse(["compare", self.good, self.good, "--metric", "cka", "--out", "circle.csv"], "circle.csv",
                    "cannot be written")

    def test_an_archive_with_two_arrays_of_a_name(self):
        with zipfile.ZipFile(self.folder / "twice.npz", "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(2):
                archive.write(self.folder / self.good, "x.npy")
        self.refuse_file("twice.npz:x", "the archive has more than one array 'x'")

    def test_options_of_studies_where_there_is_none(self):
        self.refuse(["compare", self.good, self.good, "--config", str(DEMO)], "--config", "'compare' is not about a study")
        self.refuse(["plugins", "--results", "elsewhere"], "--results", "'plugins' is not about a study")

    def test_wrong_use(self):
        for arguments in (["compare", self.good], ["compare", self.good, self.good, "--format", "yaml"], [],
                          ["fly"], ["run"], ["run", "attractors", "--jobs", "0"]):
            self.assertEqual(self.run_repal(*arguments).returncode, 2, arguments)


class BadConfiguration(ProgramTest):
    def refuse_demo_with(self, old, new, *fragments):
        text = DEMO.read_text()
        self.assertIn(old, text)
        (self.folder / "bad.yaml").write_text(text.replace(old, new, 1))
        self.refuse(["run", "attractors", "--config", "bad.yaml"], *fragments)
        self.assertFalse((self.folder / "results").exists())

    def test_missing_configuration(self):
        self.refuse(["run", "attractors"], "config.yaml", "--config FILE")

    def test_unknown_words_of_the_command_line(self):
        self.refuse(["rum", "attractors"], "unknown subcommand 'rum'", "did you mean 'run'?")
        self.refuse(["run", "attractors", "--job", "2"], "--job")
        self.refuse(["run", "attractors", "--jobs", "0"], "--jobs", "1 to 4096")
        self.refuse(["run", "attractors", "--jobs", "many"], "--jobs", "many")
        self.refuse([], "subcommand")
        self.refuse(["run"], "study")

    def test_a_script_that_does_nothing_of_the_study(self):
        for command in ("plan", "dissimilarity"):
            self.refuse([command, "attractors", "--config", str(DEMO), "--script", "dissimilarty"], "--script",
                        "nothing of this study is done by sbatch/dissimilarty.sh", "did you mean 'dissimilarity'?")

    def test_unknown_study_and_shards(self):
        self.refuse(["run", "atractors", "--config", DEMO], "did you mean 'attractors'?")
        self.refuse(["run", "attractors", "--config", DEMO, "--array", "3/3"], "--array 3/3", "below N")
        self.refuse(["run", "attractors", "--config", DEMO, "--array", "1"], "I/N")

    def test_unknown_keys(self):
        self.refuse_demo_with("seed: 1", "sead: 1", "bad.yaml:2:1: sead: unknown key", "did you mean 'seed'?")
        self.refuse_demo_with("  cka: {}", "  cak: {}", "unknown metric 'cak'", "did you mean 'cka'?")
        self.refuse_demo_with("{task: line}", "{task: lien}", "unknown task 'lien'", "did you mean 'line'?")
        self.refuse_demo_with("{task: lorenz, r: 5}", "{task: lorenz, rho: 5}", "rho: unknown key")
        self.refuse_demo_with("[r0.25, r0.5, r0.75]", "[r0.25, r0.5, r0.755]", "unknown system 'r0.755'",
                              "did you mean 'r0.75'?")
        self.refuse_demo_with("trials: 40", "trails: 40", "trails: unknown key", "did you mean 'trials'?")

    def test_wrong_types_have_line_and_column(self):
        self.refuse_demo_with("seed: 1", "seed: one", "bad.yaml:2:1: seed: expected a whole number, got 'one'")
        self.refuse_demo_with("rank: 12", "rank: twelve", "bad.yaml:6:", "rank: expected a whole number")
        self.refuse_demo_with("rank: 12", "rank: 0", "bad.yaml:6:", "rank: 0 is smaller than 2")
        self.refuse_demo_with("integrator: euler", "integrator: eular", "did you mean 'euler'?")
        self.refuse_demo_with("seed: 1", "seed: [1", "bad.yaml:", "not valid YAML")
        self.refuse_demo_with("seed: 1", "seed: 1\nseed: 2", "bad.yaml:3:1: seed: this key is here twice")

    def test_delays_longer_than_the_trials(self):
        self.refuse(["run", "attractors", "--config", DEMO, "--quiet", "--set", "metrics.dsa_published.n_delays=50"],
                    "50 delays of 4 steps need at least 198 steps, the trials have 120")

    def test_a_simulation_that_leaves_the_finite_numbers(self):
        self.refuse(["run", "attractors", "--config", DEMO, "--quiet", "--set", "studies.attractors.simulation.dt=10"],
                    "lorenz", "a smaller dt")


class BadPlace(ProgramTest):
    def test_results_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        self.refuse(["run", "attractors", "--config", DEMO, "--results", "file"], "file")
        self.refuse(["run", "attractors", "--config", DEMO, "--results", "/proc/nowhere"], "/proc/nowhere")

    def test_full_disk_leaves_no_file_that_reads_as_whole(self):
        """A limit on the size of files stands for the full disk: writing fails in the same call."""

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        command = [PROGRAM, "run", "attractors", "--config", str(DEMO), "--quiet"]
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, preexec_fn=limit)

        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("trajectories/", result.stderr)
        self.assertEqual(list((self.folder / "results").rglob("*.h5")), [])
        self.assertEqual(list((self.folder / "results").rglob("*.tmp")), [])
        self.succeed("run", "attractors", "--config", DEMO)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", disk], capture_output=True).returncode:
            self.skipTest("this machine does not let root mount a file system")
        try:
            result = self.run_repal("run", "attractors", "--config", DEMO, "--results", disk, "--quiet")
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("No space left on device", result.stderr)
            self.assertEqual(list(disk.rglob("*.tmp")), [])
        finally:
            subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    unittest.main()
