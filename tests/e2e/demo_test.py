"""examples/demo.yaml, both studies: in minutes, and the same bytes however they are run."""

import hashlib
import random
import signal
import subprocess
import time
import unittest

from program import DEMO, PROGRAM, ProgramTest

STUDIES = ["attractors", "neurotasks"]
# Half of the networks and of their units, for what does not depend on how many there are.
SMALLER = ["--set", "studies.neurotasks.networks.replicates=1", "--set", "studies.neurotasks.networks.n_rnn=[32]"]


class Demo(ProgramTest):
    def command(self, study, results, *arguments):
        return ["run", study, "--config", DEMO, "--results", results, "--quiet", *arguments]

    def hashes(self, results):
        """Of every table and array; the manifest has the time, and config.yaml is the input."""
        folder = self.folder / results
        return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
                for pattern in ("*/*.csv", "*/trajectories/*.h5", "*/data/*.h5", "*/networks/**/*.h5")
                for file in folder.glob(pattern)}

    def test_both_studies_end_in_minutes(self):
        begin = time.monotonic()
        for study in STUDIES:
            self.succeed(*self.command(study, "two", "--jobs", "2"))
        self.assertLess(time.monotonic() - begin, 240)

    def test_networks_do_not_depend_on_how_they_are_run(self):
        """As attractors do not, which attractors_test.py sees."""
        self.succeed(*self.command("neurotasks", "two", "--jobs", "2", *SMALLER))
        expected = self.hashes("two")
        self.assertGreater(len(expected), 60)

        for jobs in ("1", "4"):
            self.succeed(*self.command("neurotasks", jobs, "--jobs", jobs, *SMALLER))
            self.assertEqual(self.hashes(jobs), expected)

        for _ in range(2):  # comparisons wait for networks of other shards
            for shard in (1, 2, 0):
                self.succeed(*self.command("neurotasks", "shards", "--array", f"{shard}/3", *SMALLER))
        self.assertEqual(self.hashes("shards"), expected)

        moments = random.Random(20)
        for _ in range(16):
            process = subprocess.Popen([PROGRAM, *map(str, self.command("neurotasks", "killed", "--jobs", "2", *SMALLER))],
                                       cwd=self.folder, stdout=subprocess.DEVNULL)
            time.sleep(moments.uniform(0.02, 2.5))
            process.send_signal(signal.SIGKILL)
            self.assertEqual(process.wait(), -signal.SIGKILL)
        self.succeed(*self.command("neurotasks", "killed", *SMALLER))
        self.assertEqual(self.hashes("killed"), expected)


if __name__ == "__main__":
    unittest.main()
