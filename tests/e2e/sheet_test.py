"""A sheet of files: read as spreadsheets write it, or refused by line."""

import csv
import io
import json
import unittest

import numpy

from program import ProgramTest

METRIC = ["--metric", "procrustes"]


class Sheet(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "data").mkdir()
        random = numpy.random.default_rng(5)
        self.names = ["a", "b", "c", "d"]
        shared = random.normal(size=(6, 30, 3))
        for i, name in enumerate(self.names):
            # Two groups, far apart.
            array = shared[:, :, ::-1] if i < 2 else shared ** 3
            numpy.save(self.folder / "data" / f"{name}.npy", array + 0.01 * random.normal(size=array.shape))

    def sheet(self, *lines, name="data/sheet.csv", end="\n", encoding="utf-8"):
        (self.folder / name).write_bytes((end.join(lines) + end).encode(encoding))
        return name

    def rows(self, *arguments):
        text = self.succeed("compare", *arguments, *METRIC, "--format", "csv").stdout
        return list(csv.DictReader(io.StringIO(text)))

    def values(self, *arguments):
        return [float(row["angle_rad"]) for row in self.rows(*arguments)]

    def test_its_files_give_the_numbers_that_they_give_by_themselves(self):
        sheet = self.sheet("file,area", "a.npy,V1", "b.npy,V1", "c.npy,V2")
        alone = self.values(*(f"data/{name}.npy" for name in "abc"))

        self.assertEqual(self.values(sheet), alone)
        rows = self.rows(sheet)
        self.assertEqual([(row["a"], row["b"]) for row in rows],
                         [("a.npy", "b.npy"), ("a.npy", "c.npy"), ("b.npy", "c.npy")])
        # From another folder, and by its whole path.
        self.assertEqual(self.rows(self.folder / sheet), rows)

    def test_names_axes_and_steps_of_a_row(self):
        turned = numpy.load(self.folder / "data" / "b.npy").transpose(2, 1, 0)
        numpy.save(self.folder / "data" / "turned.npy", turned)
        sheet = self.sheet("name,file,axes,dt", "first,a.npy,,0.01", 'second,turned.npy,"channel,time,trial",0.01')

        rows = self.rows(sheet)

        self.assertEqual([(row["a"], row["b"]) for row in rows], [("first", "second")])
        self.assertEqual(float(rows[0]["angle_rad"]), self.values("data/a.npy", "data/b.npy")[0])

    def test_wildcards_make_several_systems_of_a_row(self):
        sheet = self.sheet("file,area", "?.npy,V1")
        self.assertEqual(self.values(sheet), self.values("data/?.npy"))
        self.assertEqual(self.rows(sheet)[0]["a"], "a.npy")

    def test_what_spreadsheets_write_is_read(self):
        expected = self.rows(self.sheet("file,area", "a.npy,V1", "b.npy,V2"))
        for lines, encoding in (
                (("file;area;", "a.npy;V1;", "b.npy;V2;", ";;"), "utf-8-sig"),
                (("file\tarea", "a.npy\tV1", "b.npy\tV2", ""), "utf-8"),
                (("File , area", ' a.npy , "V1, left"', 'b.npy,"say ""V2"""'), "utf-8"),
                (('"file","the area"', '"a.npy","V1\nand more"', '"b.npy","Zürich, größer"'), "utf-8-sig")):
            for end in ("\n", "\r\n", "\r"):
                if end == "\r" and any("\n" in line for line in lines):
                    continue
                with self.subTest(lines=lines, end=end):
                    self.assertEqual(self.rows(self.sheet(*lines, end=end, encoding=encoding)), expected)

    def test_the_order_of_its_rows_changes_no_number(self):
        lines = ["a.npy,V1", "b.npy,V1", "c.npy,V2", "d.npy,V2"]
        key = lambda row: frozenset((row["a"], row["b"]))
        there = {key(row): row["angle_rad"] for row in self.rows(self.sheet("file,area", *lines))}
        back = {key(row): row["angle_rad"] for row in self.rows(self.sheet("file,area", *reversed(lines)))}
        self.assertEqual(there, back)

    def test_what_is_wrong_is_refused_by_line(self):
        for lines, fragments in (
                (("file,area", "a.npy,V1", "a.npy,V2"), ("sheet.csv:3", "'a.npy' is in", "sheet.csv:2")),
                (("file,area", "a.npy,V1", "./a.npy,V2"), ("sheet.csv:3", "'./a.npy' is in", "sheet.csv:2")),
                (("file,area", "a.npy,V1", "../data/a.npy,V2"), ("sheet.csv:3", "sheet.csv:2")),
                (("file,name", "a.npy,x", 'b.npy,"x\ny"'), ("sheet.csv:3", "line break")),
                (("file,name", "a.npy,x", "b.npy,x"), ("sheet.csv:3", "'x' is in", "sheet.csv:2")),
                (("file,area", "a.npy,V1", "?.npy,V2"), ("sheet.csv:3", "'a.npy' is in", "sheet.csv:2")),
                (("file,area", "a.npy,V1", ",V2"), ("sheet.csv:3", "column 'file' is empty")),
                (("file,area", "a.npy,V1", "missing.npy,V2"), ("sheet.csv:3", "missing.npy")),
                (("file,axes", 'a.npy,"trial,tim,channel"', "b.npy,"), ("sheet.csv:2", "tim")),
                (("file,dt", "a.npy,fast", "b.npy,"), ("sheet.csv:2", "column 'dt'", "'fast'")),
                (("file,dt", "a.npy,-1", "b.npy,"), ("sheet.csv:2", "column 'dt'", "'-1'")),
                (("file,area", "a.npy,V1", "b.npy"), ("sheet.csv:3", "it has 1 columns, the header 2")),
                (("file,area", "a.npy,V1,more", "b.npy,V2"), ("sheet.csv:2", "it has 3 columns, the header 2")),
                (("file,", "a.npy,V1", "b.npy,"), ("sheet.csv:2", "column 2 has a value and no name")),
                (("file,area,area", "a.npy,V1,V1", "b.npy,V2,V2"), ("sheet.csv:1", "two columns are named 'area'")),
                (("file,area", 'a.npy,"V1', "b.npy,V2"), ("sheet.csv:2", "a quote is not closed")),
                (("file,inputs", "a.npy,u.npy", "b.npy,"), ("sheet.csv:2", "u.npy")),
                (("file,area",), ("sheet.csv", "no row under its header")),
                (("file,area", "a.npy,V1"), ("sheet.csv", "one system"))):
            with self.subTest(lines=lines):
                self.refuse(["compare", self.sheet(*lines), *METRIC], *fragments)

    def test_all_files_that_are_missing_are_named_at_once(self):
        sheet = self.sheet("file,area", "x.npy,V1", "a.npy,V1", "y.npy,V2")
        result = self.run_repal("compare", sheet, *METRIC)
        self.assertEqual(result.returncode, 2)
        for fragment in ("2 locations cannot be read", "sheet.csv:2", "x.npy", "sheet.csv:4", "y.npy"):
            self.assertIn(fragment, result.stderr)

    def test_it_is_the_only_argument(self):
        self.refuse(["compare", self.sheet("file,area", "a.npy,V1"), "data/b.npy"], "a sheet of files", "alone")

    def test_a_file_that_it_lists_is_not_written_over(self):
        for name in "ab":
            numpy.savetxt(self.folder / "data" / f"{name}.csv", numpy.load(self.folder / "data" / f"{name}.npy")[0],
                          delimiter=",")
        sheet = self.sheet("file,area", "a.csv,V1", "b.csv,V2")
        for out in ("data/a.csv", sheet):
            before = (self.folder / out).read_bytes()
            self.refuse(["compare", sheet, *METRIC, "--out", out], f"--out {out}", "is read")
            self.assertEqual((self.folder / out).read_bytes(), before)

    def test_ten_thousand_rows_are_read_before_a_missing_file_is_told(self):
        lines = [f"a{i}.npy,V{i % 3}" for i in range(10_000)]
        result = self.run_repal("compare", self.sheet("file,area", *lines), *METRIC)
        self.assertEqual(result.returncode, 2)
        self.assertIn("10000 locations cannot be read", result.stderr)
        self.assertLess(len(result.stderr.splitlines()), 200)

    def test_groups_are_compared_by_a_label(self):
        sheet = self.sheet("file,area,day", "a.npy,V1,1", "b.npy,V1,2", "c.npy,V2,1", "d.npy,V2,2")
        printed = self.succeed("compare", sheet, *METRIC, "--by", "area").stdout
        line = next(line for line in printed.splitlines() if "groups: area" in line)
        # Four systems in two groups have six orders, two of which separate them as well.
        self.assertIn("0.333", line)
        self.assertIn("within", printed)
        self.assertIn("no order gives p below 0.33", printed)
        self.assertIn("groups: area", self.succeed("--quiet", "compare", sheet, *METRIC, "--by", "area").stdout)
        with self.subTest("scores that another program reads stand alone"):
            result = self.succeed("compare", sheet, *METRIC, "--by", "area", "--format", "json")
            json.loads(result.stdout)
            self.assertIn("groups: area", result.stderr)
        self.refuse(["compare", sheet, *METRIC, "--by", "aera"], "the sheet has no column 'aera'", "did you mean 'area'?")
        self.refuse(["compare", "data/a.npy", "data/b.npy", *METRIC, "--by", "area"], "--by area", "sheet")

    def test_tune_takes_one_too(self):
        random = numpy.random.default_rng(1)
        time = numpy.arange(80)
        for name, speed in (("slow", 0.1), ("fast", 0.3)):
            phases = 6.28 * random.uniform(size=(10, 1))
            waves = numpy.stack([numpy.cos(speed * time + phases), numpy.sin(speed * time + phases)], axis=-1)
            numpy.save(self.folder / "data" / f"{name}.npy", waves + 0.05 * random.normal(size=waves.shape))
        sheet = self.sheet("file", "slow.npy", "fast.npy")
        self.assertIn("--set dsa.rank=2", self.succeed("tune", sheet).stdout)


if __name__ == "__main__":
    unittest.main()
