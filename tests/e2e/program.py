"""The real program in a temporary directory. REPAL_PROGRAM and REPAL_SOURCE come from CTest."""

import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib

PROGRAM = os.environ["REPAL_PROGRAM"]
SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])
BAD_PLUGINS = pathlib.Path(os.environ["REPAL_BAD_PLUGINS"])
DEMO = SOURCE / "examples" / "demo.yaml"


def sum_again(file):
    """After h5py has changed an archive of repal: the sum behind its end is of what is there now, of arrays, too."""
    content = file.read_bytes().split(b"repalsum")[0]
    file.write_bytes(content + struct.pack("<QI", 0, zlib.crc32(content)) + b"repalsum")


def with_hash(text):
    """The end of a file of an item: all but this, and FNV-1a of it."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f'{text},"hash":"{value:016x}"}}\n'


# The twelve tasks of the demo: pro, anti, pro with a delay, anti with a delay.
PDM = ["PerceptualDecisionMakingT", "AntiPerceptualDecisionMakingT", "PerceptualDecisionMakingDelayResponseT",
       "AntiPerceptualDecisionMakingDelayResponseT"]
GO_NOGO = ["GoNogoT", "AntiGoNogoT", "GoNogoDelayResponseT", "AntiGoNogoDelayResponseT"]
REACHING = ["ReachingDelayResponseT", "AntiReachingDelayResponseT", "ReachingDelayResponseDelayResponseT",
            "AntiReachingDelayResponseDelayResponseT"]


class ProgramTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="repal-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_repal(self, *arguments, prefix=(), **keywords):
        return subprocess.run([*prefix, PROGRAM, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True,
                              timeout=600, **keywords)

    def peak_bytes(self, *arguments):
        """The most memory that a command held which succeeds. A sanitizer shall not keep what was freed."""
        options = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   env=options)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_maxrss * 1024

    def succeed(self, *arguments, **keywords):
        result = self.run_repal(*arguments, **keywords)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result

    def kill_at_random(self, arguments, times, longest):
        """Kills a command up to so many times, each after at most `longest` seconds; fewer if it ends first."""
        moments = random.Random(1)
        for kills in range(times):
            process = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0.05, longest))
            process.send_signal(signal.SIGKILL)
            if process.wait() != -signal.SIGKILL:
                self.assertGreater(kills, 0, "it ended before it could be killed once")
                return

    def cannot_run(self, reason):
        """Skips the test, unless REPAL_NO_SKIP says that everything it needs was to be there."""
        if os.environ.get("REPAL_NO_SKIP"):
            self.fail(reason)
        self.skipTest(reason)

    def refuse(self, arguments, *fragments):
        """Exit code 2, one line on standard error with all fragments, after those that say how files were read; nothing on
        standard output."""
        result = self.run_repal(*arguments)
        self.assertEqual(result.returncode, 2, result.stderr + result.stdout)
        self.assertEqual(result.stdout, "")
        for fragment in fragments:
            self.assertIn(fragment, result.stderr)
        said = [line for line in result.stderr.strip().splitlines() if not re.search(r": \d+ trials x ", line)]
        self.assertEqual(len(said), 1, result.stderr)
        return result
