"""Imports point one way: no circle of modules, bodies included, and no import of a floor above."""

import os
import pathlib
import unittest

from imports import FLOORS, Graph, floor_of

SOURCE = pathlib.Path(os.environ["REPAL_SOURCE"])


def sources():
    return {file.relative_to(SOURCE).as_posix(): file.read_text()
            for folder in ("modules", "plugins", "apps", "bench") for suffix in ("cpp", "cppm", "hpp")
            for file in (SOURCE / folder).rglob(f"*.{suffix}")}


class Sources(unittest.TestCase):
    maxDiff = None

    def test_no_modules_import_each_other_in_a_circle(self):
        graph = Graph(sources())

        self.assertGreater(len(graph.folder), 50)
        self.assertIsNone(graph.cycles())

    def test_imports_point_to_the_floors_below(self):
        self.assertEqual(Graph(sources()).wrong_ways(), [])

    def test_every_source_is_on_a_floor(self):
        self.assertEqual([file for file in sources() if floor_of(file) is None], [])
        self.assertEqual([floor for floor in FLOORS if not (SOURCE / floor).is_dir()], [])


class Check(unittest.TestCase):
    """That the check finds what it is for."""

    TREE = {"modules/core/a.cppm": "export module repal.a;\n",
            "modules/store/b.cppm": "module;\nexport module repal.b;\nexport import repal.a;\n",
            "modules/host/isolation/c.cppm": "export module repal.c;\nimport :part;\nimport repal.b;\n",
            "modules/host/isolation/part.cppm": "module repal.c:part;\nimport repal.a;\n",
            "plugins/metrics/d/d.cpp": "import repal.a;\n"}

    def test_a_tree_of_floors_passes(self):
        graph = Graph(self.TREE)

        self.assertIsNone(graph.cycles())
        self.assertEqual(graph.wrong_ways(), [])

    def test_a_body_that_closes_a_circle_is_found(self):
        graph = Graph(self.TREE | {"modules/core/a.cpp": "module repal.a;\nimport repal.b;\n"})

        self.assertEqual(graph.cycles(), ["repal.a", "repal.b", "repal.a"])
        self.assertEqual(graph.wrong_ways(), ["modules/core/a.cpp imports repal.b of modules/store"])

    def test_a_plugin_sees_the_lowest_floors_only(self):
        graph = Graph(self.TREE | {"plugins/metrics/d/d.cpp": "import repal.b;\n"})

        self.assertEqual(graph.wrong_ways(), ["plugins/metrics/d/d.cpp imports repal.b of modules/store"])


if __name__ == "__main__":
    unittest.main()
