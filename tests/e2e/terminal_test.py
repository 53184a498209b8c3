"""What a person at a terminal sees, and what a log keeps."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unittest

from program import DEMO, PROGRAM, ProgramTest

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
TIME = r"(?:\d+ min )?\d+ s"


class Terminal(ProgramTest):
    def command(self, *arguments):
        # One experiment of seconds: enough cells for a bar that moves. To choose settings would take most of them.
        return [PROGRAM, "run", "attractors", "--config", str(DEMO), "--jobs", "1", "--set",
                "studies.attractors.experiments={motifs: {length: 2, basis: {line: line, curve: r0.5, one: r5, two: r15}}}",
                "--set", "metrics={rsa: {}, cka: {}}", *arguments]

    def on_terminal(self, *arguments, columns=80, **environment):
        """Everything that a terminal of this width is sent."""
        terminal, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        variables |= {"TERM": "xterm"} | environment
        process = subprocess.Popen(self.command(*arguments), cwd=self.folder, stdout=end, stderr=end, env=variables)
        os.close(end)
        sent = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # the program has closed its end
                break
            if not part:
                break
            sent += part
        os.close(terminal)
        self.assertEqual(process.wait(), 0, sent)
        return sent.decode()

    def bars(self, sent):
        """Lines that were drawn over, as a reader sees them."""
        return [ESCAPE.sub("", line) for line in re.findall(r"\r\x1b\[K([^\r\n]+)(?=\r\x1b)", sent)]

    def test_a_bar_shows_rate_and_time_left(self):
        bars = self.bars(self.on_terminal())

        self.assertTrue(any(re.fullmatch(r"comparing \[#*\.*\] \d+/\d+, [\d.e+]+/s, \d+ s left", bar) for bar in bars), bars)
        filled = [bar.count("#") for bar in bars if bar.startswith("comparing [")]
        self.assertEqual(filled, sorted(filled))
        self.assertGreater(filled[-1], 0)

    def test_no_bar_is_wider_than_the_terminal(self):
        for columns in (80, 30, 12):
            bars = self.bars(self.on_terminal("--results", f"r{columns}", columns=columns))

            self.assertGreater(len(bars), 0)
            self.assertLess(max(map(len, bars)), columns, bars)

    def test_the_end_is_a_summary(self):
        sent = self.on_terminal("--set", "metrics={dsa: {}}")

        self.assertRegex(ESCAPE.sub("", sent), fr"done: simulating: \d+ in {TIME}; choosing settings: \d+ in {TIME}; comparing: \d+ in {TIME}")
        self.assertRegex(sent, r"\x1b\[32mdone: ")

    def test_colours_can_be_refused(self):
        colour = re.compile(r"\x1b\[\d+m")

        self.assertRegex(self.on_terminal("--results", "coloured"), colour)
        self.assertNotRegex(self.on_terminal("--results", "plain", NO_COLOR="1"), colour)
        self.assertRegex(self.on_terminal("--results", "empty", NO_COLOR=""), colour)
        self.assertNotIn("\x1b", self.on_terminal("--results", "dumb", TERM="dumb"))

    def test_a_log_has_lines_and_no_escapes(self):
        # Longer systems, so that it takes more than a second.
        longer = self.command("--set", "studies.attractors.experiments.motifs.length=3")
        result = subprocess.run(longer, cwd=self.folder, capture_output=True, text=True)

        self.assertEqual(result.returncode, 0)
        self.assertNotRegex(result.stdout + result.stderr, r"[\x1b\r]")
        self.assertRegex(result.stderr, fr"(?m)^comparing: \d+ done in {TIME} \([\d.e+]+/s\)$")

    def test_quiet_says_nothing(self):
        result = subprocess.run(self.command("--quiet"), cwd=self.folder, capture_output=True, text=True)

        self.assertEqual(result.stderr, "")
        self.assertNotIn("done:", result.stdout)


if __name__ == "__main__":
    unittest.main()
