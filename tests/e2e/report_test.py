"""The page of a study or a comparison as a file; what it shows is tested in a browser."""

import html
import json
import re
import unittest

from program import DEMO, SOURCE, ProgramTest

SMALL = ["--config", DEMO, "--set", "studies.attractors.experiments={lorenz: {classes: {one: [r0.5, r5], two: [r30]}}}",
         "--set", "studies.attractors.simulation.trials=10", "--set", "studies.attractors.bootstrap.resamples=20"]
DATA = SOURCE / "tests" / "data"


def text_of(page):
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"(?s)<(script|style)[^>]*>.*?</\1>", "", page)))


class Report(ProgramTest):
    def page(self, results="results"):
        return self.folder / results / "attractors" / "report.html"

    def test_it_can_be_written_again_with_the_configuration_of_the_results(self):
        self.succeed("run", "attractors", *SMALL)
        written = self.page().read_bytes()
        self.page().unlink()

        self.succeed("report", "attractors")

        self.assertEqual(self.page().read_bytes(), written)
        self.assertIn("--config results/attractors/config.yaml", text_of(written.decode()))
        self.assertNotIn("What is missing", text_of(written.decode()))

    def test_the_page_of_another_configuration_is_not_written_over_it(self):
        self.succeed("run", "attractors", *SMALL)
        written = self.page().read_bytes()
        others = "the results in results/attractors are of another configuration"
        self.refuse(["report", "attractors", "--config", DEMO], str(DEMO), others, "without --config")
        self.refuse(["report", "attractors", "--set", "seed=5"], f"{others}, without --set")
        self.assertEqual(self.page().read_bytes(), written)
        self.succeed("report", "attractors", *SMALL)

    def test_it_is_the_same_for_any_number_of_threads(self):
        self.succeed("run", "attractors", *SMALL, "--results", "one", "--jobs", "1")
        self.succeed("run", "attractors", *SMALL, "--results", "four", "--jobs", "4")

        def figures(results):
            return re.findall(r'(?s)<figure.*?</figure>', self.page(results).read_text())

        self.assertGreater(len(figures("one")), 3)
        self.assertEqual(figures("one"), figures("four"))

    def test_it_shows_what_is_there_of_a_study_that_is_not_finished(self):
        self.succeed("run", "attractors", *SMALL, "--array", "0/2")

        self.assertFalse(self.page().exists())
        self.succeed("report", "attractors")

        text = text_of(self.page().read_text())
        self.assertIn("This study is not finished", text)
        self.assertIn("Means of all groups", text)

    def test_a_manifest_of_another_kind_is_not_taken_for_ours(self):
        self.succeed("run", "attractors", *SMALL)
        (self.page().parent / "manifest.json").write_text('{"config": 3}')

        self.succeed("report", "attractors")

        self.assertIn("repal report attractors", text_of(self.page().read_text()))

    def test_one_of_another_configuration_does_not_stay(self):
        self.succeed("run", "attractors", *SMALL)
        self.succeed("run", "attractors", *SMALL, "--set", "seed=2", "--array", "0/2")

        self.assertFalse(self.page().exists())

    def test_commands_can_be_pasted(self):
        name = self.folder / "it's a file.npy"
        name.write_bytes((DATA / "lorenz_r10.npy").read_bytes())

        self.succeed("compare", name.name, name.name, "--metric", "procrustes", "--report", "page.html")

        self.assertIn(r"""repal compare 'it'\''s a file.npy' 'it'\''s a file.npy' --metric procrustes --report page.html""",
                      text_of((self.folder / "page.html").read_text()))

    def test_a_file_may_be_given_twice(self):
        same, other = DATA / "lorenz_r10.npy", DATA / "lorenz_r30.npy"

        self.succeed("compare", same, same, other, "--metric", "procrustes", "--report", "page.html")

        page = (self.folder / "page.html").read_text()
        figure = page[page.index('id="dissimilarity-map"'):]
        data = json.loads(re.search(r'(?s)<script type="application/json">(.*?)</script>', figure).group(1))
        chart = data["variants"][0]["chart"]
        (_, zero, far), (_, _, also_far), _ = chart["matrices"][0]["values"]
        self.assertEqual(chart["rows"], [str(same), f"{same} (2)", str(other)])
        self.assertEqual(zero, 0)
        self.assertGreater(far, 0.1)
        self.assertEqual(far, also_far)

    def test_what_cannot_be_written_is_one_message(self):
        system = DATA / "lorenz_r10.npy"
        (self.folder / "file").write_text("")
        self.refuse(["compare", system, system, "--metric", "procrustes", "--report", "file/page.html"], "file/page.html")
        self.refuse(["report", "atractors", "--config", DEMO], "atractors", "attractors")


if __name__ == "__main__":
    unittest.main()
