"""The wheel in other Pythons, of other distributions, where nothing of ours is."""

import json
import pathlib
import shutil
import tempfile
import unittest
import zipfile

import bare_root
from wheel_test import SCRIPT, WheelTest


class Pythons(WheelTest):
    def test_other_pythons(self):
        """Python 3.9 of Debian 11 and 3.13 of Debian 13, each with its NumPy."""
        if reason := bare_root.why_not():
            self.cannot_run(reason)
        expected = None
        for name in ("debian11", "debian13"):
            with self.subTest(name):
                root = bare_root.make(name, "python3-numpy")
                home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=root / "tmp"))
                self.addCleanup(shutil.rmtree, home)
                with zipfile.ZipFile(self.wheel) as wheel:
                    wheel.extractall(home)
                for file in "xy":
                    shutil.copy(self.folder / f"{file}.npy", home)
                (home / "script.py").write_text(SCRIPT)
                # Where another package has brought the C++ library of the system first, which is older in Debian 11.
                (home / "first.py").write_text("import ctypes\nctypes.CDLL('libstdc++.so.6')\n" + SCRIPT)
                after = bare_root.run(root, ["python3", "first.py"], folder="/" + str(home.relative_to(root)))
                self.assertEqual(after.returncode, 0, after.stderr)
                result = bare_root.run(root, ["python3", "script.py"], folder="/" + str(home.relative_to(root)))
                self.assertEqual(result.returncode, 0, result.stderr)
                angles, chosen, total, metrics, _, _ = json.loads(result.stdout)
                expected = expected or (angles, chosen, total, metrics)
                for found, other in zip(angles, expected[0], strict=True):
                    self.assertAlmostEqual(found, other, delta=1e-9)
                self.assertEqual((chosen, metrics), (expected[1], expected[3]))


if __name__ == "__main__":
    unittest.main()
