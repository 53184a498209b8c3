"""What the pages, docstrings, types and examples of the Python package say."""

import doctest
import importlib
import json
import re
import shutil
import subprocess
import unittest

from program import SOURCE
from python_package import PACKAGE, PythonTest, outside
import repal


class Documented(PythonTest):
    def test_examples_of_the_docstrings(self):
        examples = 0
        for file in sorted((PACKAGE / "repal").glob("*.py")):
            name = "repal" if file.stem == "__init__" else f"repal.{file.stem}"
            result = doctest.testmod(importlib.import_module(name), extraglobs={name: getattr(repal, name) for name in repal.__all__})
            self.assertEqual(result.failed, 0, file)
            examples += result.attempted
        self.assertGreater(examples, 12)

    def test_everything_public_says_what_it_takes(self):
        for name in repal.__all__:
            self.assertTrue((getattr(repal, name).__doc__ or "").strip(), name)

    def test_types(self):
        if not shutil.which("mypy"):
            self.cannot_run("there is no mypy")
        result = subprocess.run(["mypy", "--strict", "--ignore-missing-imports", "--cache-dir", self.folder / "cache", "repal"],
                                cwd=PACKAGE, capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_scripts_of_the_examples(self):
        for file in sorted((SOURCE / "examples").glob("python/*.py")):
            with self.subTest(file.name):
                result = outside([file], cwd=self.folder)
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertTrue(result.stdout)

    def test_the_notebook(self):
        """Its cells one after the other, without Jupyter."""
        notebook = json.loads((SOURCE / "examples" / "python" / "lorenz.ipynb").read_text())
        code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        self.assertGreater(len(code), 4)
        self.assertEqual([cell["outputs"] for cell in notebook["cells"] if cell.get("outputs")], [])
        result = outside(["-W", "ignore", "-c", "import matplotlib; matplotlib.use('agg')\n" + "\n".join(code)], cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.folder / "lorenz.html").exists())

    def test_what_the_page_says_works(self):
        page = (SOURCE / "docs" / "python.md").read_text()
        scripts = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        self.assertGreater(len(scripts), 2)
        # One after the other, as they are read.
        result = outside(["-W", "ignore", "-c", "import matplotlib; matplotlib.use('agg')\n" + "\n".join(scripts)], cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
