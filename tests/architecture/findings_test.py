"""Statistics, tests and maps are computed in one place and shown in three: tables, terminal, report."""

import os
import pathlib
import re
import unittest

SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])
# What takes long, and how often it may be asked for: scores and `summarise` by each study.
FINDERS = {"summarise": 2, "read_all_scores": 3, "answers_to": 1, "group_tests": 1, "group_regressions": 1, "network_maps": 1,
           "checks_of": 1}


def calls(name, sources):
    """Lines that call it: those that neither declare nor define it."""
    call = re.compile(rf"(?<![\w:]){name}\(")
    declaration = re.compile(rf"^\S.*[\w>&*] {name}\(")
    return [line.strip() for text in sources for line in text.splitlines()
            if call.search(line) and not declaration.match(line) and not line.strip().startswith("//")]


def sources():
    return [file.read_text() for folder in ("modules/comparison", "modules/studies", "apps")
            for file in sorted((SOURCE / folder).rglob("*.cpp"))]


class Findings(unittest.TestCase):
    def test_each_is_computed_in_one_place(self):
        self.assertEqual({name: len(calls(name, sources())) for name in FINDERS}, FINDERS)

    def test_a_command_asks_a_study_for_them_once(self):
        commands = {file.name: len(re.findall(r"study(?:->|\.)find\(", file.read_text()))
                    for file in (SOURCE / "apps" / "repal").glob("*.cpp")}

        self.assertEqual({name: n for name, n in commands.items() if n > 0}, {"report.cpp": 1, "run.cpp": 1})

    def test_a_second_call_is_found(self):
        text = ["std::vector<int> checks_of(const Pairs& pairs) {\n}\nauto a = checks_of(pairs);\n    show(checks_of(pairs));\n"]

        self.assertEqual(calls("checks_of", text), ["auto a = checks_of(pairs);", "show(checks_of(pairs));"])


if __name__ == "__main__":
    unittest.main()
