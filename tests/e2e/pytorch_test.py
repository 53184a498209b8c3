"""The page that goes from PyTorch to a report."""

import csv
import re
import shlex
import subprocess
import sys
import unittest

from program import PROGRAM, SOURCE, ProgramTest


class PyTorch(ProgramTest):
    def test_networks_of_pytorch_as_the_example_says(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.cannot_run("PyTorch is not installed: python3-torch")
        page = (SOURCE / "examples" / "pytorch.md").read_text()
        script = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
        subprocess.run([sys.executable, "-c", script], cwd=self.folder, check=True)
        commands = re.findall(r"^    (\S.*)$", page.replace(script, ""), re.MULTILINE)
        self.assertEqual(len(commands), 2)
        for command in commands:
            command = command.replace("repal run", f"{shlex.quote(PROGRAM)} run")
            result = subprocess.run(command, shell=True, cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
        with open(self.folder / "results" / "recordings" / "groups.csv", newline="") as file:
            groups = list(csv.DictReader(file))
        p = {row["metric"]: float(row["p"]) for row in groups if row["test"] == "permanova"}
        self.assertEqual(set(p), {"dsa", "cka"})


if __name__ == "__main__":
    unittest.main()
