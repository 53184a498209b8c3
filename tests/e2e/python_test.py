"""The Python package: the same bits as the program, any memory, and errors that Python's users expect."""

import contextlib
import copy
import doctest
import importlib
import json
import multiprocessing
import os
import pathlib
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings

import numpy

from program import SOURCE, ProgramTest
from python_package import BUILD, ENVIRONMENT, PACKAGE
import repal

SAME = ("metric", "angle_rad", "dissimilarity", "lower_bound_rad", "status", "settings", "values")


def outside(arguments, **keywords):
    """Another Python with the package."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=600, **keywords)


class Python(ProgramTest):
    def setUp(self):
        super().setUp()
        ignored = warnings.catch_warnings()
        ignored.__enter__()
        self.addCleanup(ignored.__exit__, None, None, None)
        warnings.simplefilter("ignore")
        random = numpy.random.default_rng(4)
        self.systems = []
        for _ in range(3):
            turn = numpy.linalg.qr(random.standard_normal((4, 4)))[0] * 0.97
            x = numpy.empty((12, 80, 4))
            x[:, 0] = random.standard_normal((12, 4))
            for t in range(1, 80):
                x[:, t] = x[:, t - 1] @ turn + 0.1 * random.standard_normal((12, 4))
            self.systems.append(x)
        self.inputs = [random.standard_normal((12, 80, 2)) for _ in range(3)]
        for i in range(3):
            numpy.save(self.folder / f"{i}.npy", self.systems[i])
            numpy.save(self.folder / f"u{i}.npy", self.inputs[i])

    def by_program(self, *arguments):
        result = self.run_repal("compare", "0.npy", "1.npy", "2.npy", "--format", "json", *arguments)
        self.assertIn(result.returncode, (0, 3), result.stderr)
        return json.loads(result.stdout)

    def expect_same(self, comparison, program):
        self.assertEqual([{name: row[name] for name in SAME} for row in comparison.rows],
                         [{name: row[name] for name in SAME} for row in program])


class Numbers(Python):
    def test_every_metric_and_option_gives_the_bits_of_the_program(self):
        """Of each option its choices, both answers, a list of one, and another number where its bounds allow one."""
        cases = 0
        for metric, info in repal.metrics().items():
            if not info["file"]:
                continue  # one that another test has registered
            few = {"repeats": 2} if metric == "stochastic_shape" else {}
            given = [{}]
            for option in info["options"]:
                others = option.get("choices") or {"yes or no": [not option["default"]], "whole number": [3],
                                                   "number": [0.5]}.get(option["type"], [])
                given += [{option["name"]: value} for value in others if value != option["default"]]
            of_inputs = metric == "input_dsa"
            for options in given:
                options = {**few, **options}
                with self.subTest(metric=metric, **options):
                    written = [f"--set={metric}.{name}={json.dumps(value)}" for name, value in options.items()]
                    beside = ["--inputs", "u0.npy,u1.npy,u2.npy"] if of_inputs else []
                    result = self.run_repal("compare", "0.npy", "1.npy", "2.npy", "--format", "json", "--metric", metric, *written, *beside)
                    inputs = self.inputs if of_inputs else None
                    if result.returncode == 2:
                        with self.assertRaises(ValueError) as refused:
                            repal.compare(self.systems, metric={metric: options}, inputs=inputs)
                        self.assertIn(str(refused.exception).split(":")[-1].strip(), result.stderr)
                    else:
                        self.assertIn(result.returncode, (0, 3), result.stderr)
                        self.expect_same(repal.compare(self.systems, metric={metric: options}, inputs=inputs), json.loads(result.stdout))
                        cases += 1
        self.assertGreater(cases, 40)

    def test_calibration_windows_components_and_time(self):
        for given, written in ((dict(metric="dsa", rank=3, n_delays=2, calibrate=True, family_wise=True),
                                ["--metric", "dsa", "--set", "dsa.rank=3", "--set", "dsa.n_delays=2", "--calibrate", "--family-wise"]),
                               (dict(metric="cka", over_time="20:10"), ["--metric", "cka", "--over-time", "20:10"]),
                               (dict(metric="dsa", pca={"dsa": {"components": 3}}, rank="auto"), ["--metric", "dsa", "--set", "pca.dsa.components=3"]),
                               (dict(metric="eigenvalue_wasserstein", dt=0.01), ["--metric", "eigenvalue_wasserstein", "--dt", "0.01"])):
            with self.subTest(**given):
                program = self.by_program(*written)
                found = repal.compare(self.systems, **given)
                self.expect_same(found, program)
                self.assertEqual([row.get("p_differ") for row in found.rows], [row.get("p_differ") for row in program])

    def test_tuning_gives_what_the_program_says(self):
        for metric, lists, written in (("dsa", {}, []), ("dsa", {"rank": [2, 4], "n_delays": 3}, ["--set", "dsa.rank=2,4", "--set", "dsa.n_delays=3"]),
                                       ("cka", {"kernel": ["linear", "rbf"]}, ["--set", "cka.kernel=linear,rbf"])):
            with self.subTest(metric=metric, **lists):
                result = self.run_repal("tune", "0.npy", "1.npy", "2.npy", "--metric", metric, "--out", "tuned.csv", *written)
                self.assertIn(result.returncode, (0, 3), result.stderr)
                found = repal.tune(self.systems, metric, **lists)
                line = re.search(r"to use it:(.*)", result.stdout)
                options = dict(re.findall(r"--set \w+\.(\w+)=(\S+)", line.group(1))) if line else None
                self.assertEqual({name: str(value) for name, value in found.chosen.items()} or None, options)
                rows = (self.folder / "tuned.csv").read_text().splitlines()
                self.assertEqual(len(found.rows), len(rows) - 1)
                self.assertEqual(list(found.rows[0]), rows[0].split(","))
                for sentence in found.sentences:
                    self.assertIn(sentence, result.stdout)

    def test_any_memory(self):
        expected = repal.compare(self.systems, metric=["procrustes", "dsa"]).rows
        unaligned = []
        for x in self.systems:
            memory = bytearray(x.nbytes + 1)
            memory[1:] = x.tobytes()
            unaligned.append(numpy.frombuffer(memory, offset=1).reshape(x.shape))
        readonly = [x.copy() for x in self.systems]
        for x in readonly:
            x.flags.writeable = False
        for name, systems in (("Fortran", [numpy.asfortranarray(x) for x in self.systems]),
                              ("backwards", [x[:, ::-1, ::-1].copy()[:, ::-1, ::-1] for x in self.systems]),
                              ("wide", [numpy.repeat(x, 2, axis=2)[:, :, ::2] for x in self.systems]),
                              ("lists of trials", [list(x) for x in self.systems]), ("tuples of trials", [tuple(x) for x in self.systems]),
                              ("nested lists", [x.tolist() for x in self.systems]), ("unaligned", unaligned), ("read only", readonly),
                              ("big-endian", [x.astype(">f8") for x in self.systems]), ("long double", [x.astype("g") for x in self.systems]),
                              ("objects", [repal.System(x, f"system {i}") for i, x in enumerate(self.systems)]),
                              ("a mapping", {f"system {i}": x for i, x in enumerate(self.systems)})):
            with self.subTest(name):
                self.assertEqual(repal.compare(systems, metric=["procrustes", "dsa"]).rows, expected)
        floats = [x.astype("f4") for x in self.systems]
        self.assertEqual(repal.compare(floats, metric="cka").rows, repal.compare([x.astype("f8") for x in floats], metric="cka").rows)
        whole = [numpy.round(10 * x).astype("i2") for x in self.systems]
        self.assertEqual(repal.compare(whole, metric="cka").rows, repal.compare([x.astype("f8") for x in whole], metric="cka").rows)
        ragged = [[trial[: 60 + k] for k, trial in enumerate(x)] for x in self.systems]
        for systems in (ragged, [[trial.tolist() for trial in x] for x in ragged]):
            rows = repal.compare(systems, metric="dsa", rank=3, n_delays=2).rows
            self.assertEqual({row["status"] for row in rows}, {"ok"})
        one = [x[0] for x in self.systems]
        self.assertEqual(repal.compare(one, metric="cka").rows, repal.compare([x[:1] for x in self.systems], metric="cka").rows)
        for number in (float, numpy.float32, numpy.int64, numpy.bool_):
            nested = [[number(value) for value in row] for row in numpy.round(self.systems[0][0])]
            self.assertEqual([trial.shape for trial in repal.System(nested, "n").trials()], [(80, 4)])
        masked = numpy.ma.masked_array(self.systems[1], mask=False)
        self.assertEqual(repal.compare([self.systems[0], masked], metric="cka").rows, repal.compare(self.systems[:2], metric="cka").rows)

    def test_tensors(self):
        try:
            import torch
        except ImportError:
            self.cannot_run("PyTorch is not installed: python3-torch")
        expected = repal.compare(self.systems, metric="procrustes").rows
        tensors = [torch.tensor(x, requires_grad=True) for x in self.systems]
        self.assertEqual(repal.compare(tensors, metric="procrustes").rows, expected)
        self.assertEqual(repal.compare([list(x) for x in tensors], metric="procrustes").rows, expected)
        self.assertEqual(repal.compare([x.transpose(1, 2).contiguous().transpose(1, 2) for x in tensors], metric="procrustes").rows, expected)
        # A sign that stands beside the values.
        plain = tensors[0].detach()
        negative = torch.conj(torch.complex(plain, -plain)).imag
        self.assertTrue(negative.is_neg())
        self.assertTrue((repal.System(negative, "n").trials()[0] == self.systems[0][0]).all())
        halves = [x.detach().to(torch.bfloat16) for x in tensors]
        self.assertEqual(repal.compare(halves, metric="cka").rows, repal.compare([x.double().numpy() for x in halves], metric="cka").rows)
        self.assertEqual(repal.compare([x > 0 for x in tensors], metric="cka").rows, repal.compare([x > 0 for x in self.systems], metric="cka").rows)
        for wrong in (tensors[0].to(torch.complex64), tensors[0].to_sparse(), torch.empty(3, 4, 5, device="meta")):
            with self.assertRaises(ValueError):
                repal.compare([tensors[1], wrong], metric="procrustes")

    def test_what_a_study_draws_is_drawn_here(self):
        self.succeed("run", "attractors", "--config", SOURCE / "examples" / "demo.yaml", "--results", "results", "--jobs", "2")
        tables = repal.read_results(self.folder / "results" / "attractors")
        import h5py
        with h5py.File(self.folder / "results" / "attractors" / "trajectories" / "lorenz.h5", "r") as file:
            self.assertEqual(len(file), 9)
            for name in file:
                drawn = repal.simulate("lorenz", r=float(name[1:]), trials=40, steps=120, dt=0.01, seed=1)
                self.assertTrue((drawn == numpy.array(file[name])).all(), name)
        self.assertIn("dissimilarity", tables)
        self.assertGreater(len(tables["dissimilarity"]), 0)
        x = repal.simulate("lorenz", trials=7, steps=30, seed=3)
        self.assertTrue((repal.simulate("lorenz", trials=4, steps=30, seed=3) == x[:4]).all())
        self.assertFalse((repal.simulate("lorenz", trials=4, steps=30, seed=4) == x[:4]).all())
        line = {"task": "lorenz", "steps": 20}
        there = repal.simulate({"reverse": line}, trials=3)
        self.assertTrue((there == repal.simulate(line, trials=3)[:, ::-1]).all())
        self.assertEqual(repal.simulate({"attach": [line, {"reverse": line}]}, trials=3).shape[2], 3)
        go = repal.trials("go_nogo", 6, phase="train")
        self.assertEqual(go["observations"].dtype, numpy.float32)
        self.assertEqual(go["observations"].shape[:2], go["weights"].shape)
        self.assertIn("chance_performance", go.attributes)
        self.assertFalse((repal.trials("go_nogo", 6, phase="train", split="validation")["observations"] == go["observations"]).all())
        self.assertTrue((repal.trials("go_nogo", 6, phase="train", jobs=3)["observations"] == go["observations"]).all())


class Interface(Python):
    def test_matrices_tables_pages_and_figures(self):
        d = repal.compare({"a": self.systems[0], "b": self.systems[1], "c": self.systems[2]}, metric=["cka", "dsa"])
        self.assertEqual((d.names, d.metrics), (["a", "b", "c"], ["cka", "dsa"]))
        matrix = d.matrix_of("cka")
        self.assertTrue((matrix == matrix.T).all() and (numpy.diag(matrix) == 0).all())
        self.assertEqual(matrix[0, 2], next(row["dissimilarity"] for row in d.rows if (row["a"], row["b"]) == ("a", "c")))
        self.assertAlmostEqual(d.matrix_of("cka", "cka")[0, 1], numpy.cos(d.matrix_of("cka", "angle_rad")[0, 1]), delta=1e-12)
        for wrong in (lambda: d.matrix, lambda: d.matrix_of("rsa"), lambda: d.matrix_of("cka", "nothing"), lambda: d.matrix_of("cka", "status")):
            with self.assertRaises(ValueError):
                wrong()
        self.assertEqual(list(d.table["metric"]), ["cka"] * 3 + ["dsa"] * 3)
        d.report(self.folder / "page.html")
        self.assertIn("<!doctype html>", (self.folder / "page.html").read_text()[:200])
        self.assertEqual(len(d.csv().splitlines()), 7)
        import matplotlib
        matplotlib.use("agg")
        d.plot("cka").figure.savefig(self.folder / "map.png")
        self.assertGreater((self.folder / "map.png").stat().st_size, 3000)
        self.assertEqual(repr(d), "<Comparison of 3 systems by cka, dsa>")

    def test_a_pair_without_a_value_is_nan_and_says_why(self):
        d = repal.compare([self.systems[0], self.systems[1][:5]], metric="procrustes")
        self.assertTrue(numpy.isnan(d.matrix[0, 1]))
        self.assertIn("samples must correspond", d.rows[0]["note"])
        self.assertIn("1 of 1 pairs have no value", repr(d))

    def test_without_pandas_and_without_numpy(self):
        hidden = self.folder / "hidden"
        for name in ("pandas", "tqdm", "matplotlib"):
            (hidden / name).mkdir(parents=True)
            (hidden / name / "__init__.py").write_text("raise ImportError('hidden')")
        script = ("import repal, numpy, warnings; warnings.simplefilter('ignore'); x = numpy.random.default_rng(1).standard_normal((4, 30, 3))\n"
                  "d = repal.compare([x, x[::-1]], metric='cka'); t = d.table\n"
                  "assert isinstance(t, numpy.ndarray) and t['metric'][0] == 'cka' and t['dissimilarity'].dtype == float, t\n"
                  "for act, text in ((d.plot, 'matplotlib'), (lambda: repal.compare([x, x], metric='cka', progress=True), 'tqdm')):\n"
                  "    try:\n        act()\n        raise SystemExit('accepted')\n"
                  "    except ImportError as error:\n        assert text in str(error)\n")
        environment = {**ENVIRONMENT, "PYTHONPATH": f"{hidden}:{PACKAGE}"}
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        (hidden / "numpy").mkdir()
        (hidden / "numpy" / "__init__.py").write_text("raise ImportError('hidden')")
        result = subprocess.run([sys.executable, "-c", "import repal"], capture_output=True, text=True, env=environment)
        self.assertIn("ImportError: repal needs NumPy", result.stderr)

    def test_bad_input_is_a_value_error_with_the_text_of_the_program(self):
        x, y, z = self.systems
        nan = y.copy()
        nan[3, 7, 2] = numpy.nan
        masked = numpy.ma.masked_array(y, mask=numpy.zeros(y.shape, bool))
        masked[1, 2, 3] = numpy.ma.masked
        for systems, given, text in (
                ([x, y], {"metric": "dsb"}, "did you mean 'dsa'"), ([x, y], {"metric": "dsa", "rnk": 3}, "did you mean 'rank'"),
                ([x, y], {"metric": "dsa", "rank": -1}, "dsa.rank: -1 is smaller than 2"), ([x], {}, "two are compared"), ([], {}, "two are compared"),
                ([x, nan], {}, "system 1: value nan at trial 3, step 7, channel 2"), ([x, masked], {}, "1 values are masked"),
                ([x, y + 1j], {}, "complex128"), ([x, "x"], {}, "real numbers"), ([x, None], {}, "real numbers"),
                ([x, numpy.zeros((2, 2, 2, 2))], {}, "expected (trial, time, channel)"), ([x, numpy.float64(3)], {}, "expected (trial, time, channel)"),
                ([x, []], {}, "trial"), ([x, [numpy.zeros((3, 2)), numpy.zeros((3, 4))]], {}, "channels"),
                ([x, y], {"metric": ["dsa", "cka"], "rank": 3}, "of which metric"), ([x, y], {"metric": []}, "no metric is named"),
                ([x, y], {"over_time": "x"}, "x"), ([x, y], {"across": True}, "over_time"), ([x, y], {"family_wise": True}, "calibrate"),
                ([x, y], {"inputs": [None]}, "inputs of 1 systems for 2"), ([x, [[1, 2, 3], [4, 5]]], {}, "rows of 2 and of 3 numbers"),
                ([x, [list(trial) for trial in masked]], {}, "masked"), ([x, y], {"conditions": [[2**64 - 1] * 12] * 2}, "a whole number for each trial"),
                ({"x\0y": x, "y": y}, {}, "has a NUL in it"), ({"\udc80": x, "y": y}, {}, "is no text"), ([x, y], {"metric": "cka\0"}, "has a NUL"),
                ([x, y], {"metric": None}, "expected a name"), ([x, y], {"metric": {"cka": 3}}, "expected a name"), ([x, y], {"dt": [0.1]}, "dt is [0.1]"),
                ([x, y], {"jobs": 1.5}, "jobs is 1.5"), ([x, y], {"jobs": 2**31}, "jobs is"), ([x, y], {"metric": "cka", "calibrate": 1}, "calibrate: expected true or false"),
                ([x, y], {"metric": "cka", "over_time": "20:10", "across": "no"}, "across: expected true or false"), ([x, "a.npy"], {}, "a file is loaded before"),
                ([x, y], {"conditions": "trials"}, "is an option of a metric"), ({"a": x, "b": y}, {"inputs": {"a": x, "c": y}}, "inputs of a, c for a, b"),
                ([x, y], {"metric": {"cka": {"a": _nested(200)}}}, "more than 100 levels"), ([x, numpy.zeros((0, 3))], {}, ""), ([x, y], {"jobs": -1}, "jobs is -1"),
                ([x, y], {"dt": 0}, "a step of 0 s"), ([x, y], {"conditions": [[1.5] * 12] * 2}, "a whole number for each trial"),
                ([x, y], {"conditions": [[1] * 11] * 2}, "condition"), ([x, y], {"rank": object()}, "an option cannot be"),
                ([x, y], {"rank": float("nan")}, "rank: expected a finite number"), ([repal.System(x, "a"), repal.System(y, "a")], {}, "two systems are called 'a'"),
                ({"b": repal.System(x, "a"), "c": y}, {}, "is called 'b' here"), ([x, repal.System(y, "y")], {"dt": 0.1}, "are said where it is made")):
            with self.subTest(text), self.assertRaisesRegex(ValueError, re.escape(text)):
                repal.compare(systems, **given)
        for act, text in ((lambda: repal.simulate("lorenx"), "did you mean 'lorenz'"), (lambda: repal.simulate("lorenz", sigma=3), "sigma"),
                          (lambda: repal.simulate("lorenz", trials=0), "trials"), (lambda: repal.simulate({"attach": []}), "attach"),
                          (lambda: repal.simulate("lorenz", dt=10), "finite"), (lambda: repal.trials("lorenz"), "can be simulated"),
                          (lambda: repal.trials("go_nogo", phase="tests"), "train or test"), (lambda: repal.trials("go_nogo", 2.5), "trials"),
                          (lambda: repal.tune([x, y], "cka"), "no option that is chosen"), (lambda: repal.tune([x, y], ["dsa", "cka"]), "one metric"),
                          (lambda: repal.Metric("dsa"), "it is chosen from the data"), (lambda: repal.Metric("dsa", rnk=2), "did you mean 'rank'"),
                          (lambda: repal.read_results(self.folder / "nothing"), "there are no tables"),
                          (lambda: repal.load_plugins(self.folder / "nothing"), "no such folder")):
            with self.subTest(text), self.assertRaisesRegex(ValueError, re.escape(text)):
                act()

    def test_tables_of_pandas(self):
        import pandas
        frames = [pandas.DataFrame(x[0]) for x in self.systems]
        self.assertEqual(repal.compare(frames, metric="cka").rows, repal.compare([x[0] for x in self.systems], metric="cka").rows)
        long = pandas.concat([pandas.DataFrame(trial).assign(trial=k) for k, trial in enumerate(self.systems[0])])
        with self.assertRaisesRegex(ValueError, "column 'trial' is no channel"):
            repal.compare([long, frames[1]], metric="dsa")
        trials = [trial.drop(columns=["trial"]) for _, trial in long.groupby("trial")]
        self.assertTrue((numpy.stack(repal.System(trials, "t").trials()) == self.systems[0]).all())
        named = pandas.Series({"a": self.systems[0], "b": self.systems[1]})
        self.assertEqual(repal.compare(named, metric="cka").names, ["a", "b"])

    def test_what_stands_beside_systems_goes_by_their_names(self):
        x, y, z = self.systems
        one, other = [0, 0, 1, 1, 2, 2] * 2, [0, 1, 2] * 4
        crossnobis = {"rsa": {"distance": "crossnobis", "conditions": "trials"}}
        expected = repal.compare({"x": x, "y": y}, metric=crossnobis, conditions=[one, other]).rows
        for beside in ({"y": other, "x": one}, (one, other), numpy.array([one, other])):
            self.assertEqual(repal.compare({"x": x, "y": y}, metric=crossnobis, conditions=beside).rows, expected)
        expected = repal.compare({1: x, 0: y}, metric="input_dsa", inputs=self.inputs[:2], rank=2, n_delays=2).rows
        self.assertEqual(repal.compare({1: x, 0: y}, metric="input_dsa", inputs={0: self.inputs[1], 1: self.inputs[0]}, rank=2, n_delays=2).rows, expected)

    def test_options_of_any_type(self):
        x = self.systems
        expected = repal.compare(x, metric="dsa", rank=3, n_delays=2).rows
        for three in (3.0, numpy.int64(3), numpy.float32(3)):
            self.assertEqual(repal.compare(x, metric="dsa", rank=three, n_delays=2, centre=None).rows, expected)
        tuned = repal.tune(x, "dsa", rank=range(2, 4), n_delays=numpy.array([2, 3]))
        self.assertEqual(len(tuned.rows), 4)
        self.assertEqual(repal.compare(x, metric="cka", over_time=(20, 10)).rows, repal.compare(x, metric="cka", over_time="20:10").rows)
        self.assertEqual(repal.compare(x, metric="dsa", rank=2, n_delays=2, pca=3).rows,
                         repal.compare(x, metric="dsa", rank=2, n_delays=2, pca={"dsa": {"components": 3}}).rows)
        self.assertEqual(repal.tune([numpy.random.default_rng(i).standard_normal((8, 60, 3)) for i in range(2)]).chosen, {})

    def test_matrices_of_what_points_one_way_and_of_pairs_without_a_value(self):
        x, y, z = self.systems
        d = repal.compare([x, y, z], metric="predictivity")
        turned = repal.compare([z, y, x], metric="predictivity")
        matrix = d.matrix_of(column="r2_a_to_b")
        self.assertEqual(matrix[0, 1], d.rows[0]["values"]["r2_a_to_b"])
        self.assertEqual(matrix[1, 0], d.rows[0]["values"]["r2_b_to_a"])
        self.assertTrue(numpy.array_equal(matrix[::-1, ::-1], turned.matrix_of(column="r2_a_to_b"), equal_nan=True))
        self.assertTrue(numpy.array_equal(matrix.T, d.matrix_of(column="r2_b_to_a"), equal_nan=True))
        d = repal.compare([x, y, numpy.ones((12, 80, 4))], metric="cka")
        matrix = d.matrix_of(column="cka")
        self.assertEqual(numpy.isnan(matrix).sum(), 3 + 4)
        self.assertEqual(matrix[0, 1], d.rows[0]["values"]["cka"])

    def test_advice_is_for_python(self):
        shifted = [self.systems[0] + 30, self.systems[1]]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            d = repal.compare(shifted, metric="dsa")
        text = "\n".join(str(one.message) for one in said)
        self.assertIn('centre="mean"', text)
        self.assertNotIn("--", text)
        self.assertEqual(d.warnings, [str(one.message) for one in said])

    def test_refused_plugins_are_told(self):
        (self.folder / "plugins").mkdir()
        (self.folder / "plugins" / "metric_junk.so").write_text("junk")
        result = outside(["-c", f"import repal; repal.load_plugins({str(self.folder / 'plugins')!r})"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("metric_junk.so: ", result.stderr)

    def test_warnings_are_pythons(self):
        noise = [numpy.random.default_rng(i).standard_normal((8, 60, 3)) for i in range(2)]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            repal.compare(noise, metric="dsa", rank=3, n_delays=2)
        self.assertTrue(said)
        self.assertEqual({warning.filename for warning in said}, {__file__})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with self.assertRaises(UserWarning):
                repal.compare(noise, metric="dsa", rank=3, n_delays=2)

    def test_progress_is_shown_where_it_is_asked_for(self):
        script = ("import repal, numpy, sys, warnings; warnings.simplefilter('ignore'); x = numpy.random.default_rng(1).standard_normal((4, 30, 3))\n"
                  "repal.compare([x, x[::-1]], metric='cka', progress={})\n")
        shown = outside(["-c", script.format(True)])
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertRegex(shown.stderr, r"\d+/\d+")
        for quiet in (None, False):
            self.assertEqual(outside(["-c", script.format(quiet)]).stderr, "")

    def test_metrics_step_by_step(self):
        expected = repal.compare(self.systems, metric="dsa", rank=4, n_delays=3)
        metric = repal.Metric("dsa", rank=4, n_delays=3)
        self.assertTrue((metric.pairwise(self.systems) == expected.matrix).all())
        self.assertEqual(metric(self.systems[0], self.systems[2]), expected.matrix[0, 2])
        a, b = (metric.prepare(x, name) for x, name in zip(self.systems, "ab"))
        row = metric.compare(a, b)
        self.assertEqual({name: row[name] for name in SAME}, {name: expected.rows[0][name] for name in SAME})
        self.assertEqual((row["a"], row["b"]), ("a", "b"))
        with self.assertRaisesRegex(ValueError, "it was prepared by"):
            repal.Metric("dsa", rank=3, n_delays=3).compare(a, b)
        self.assertEqual(metric.set_params(rank=3).get_params(), {"name": "dsa", "rank": 3, "n_delays": 3})
        for wrong in ({"rnk": 2}, {"name": None}):
            with self.assertRaises(ValueError):
                metric.set_params(**wrong)
        self.assertEqual(metric.get_params(), {"name": "dsa", "rank": 3, "n_delays": 3})
        self.assertEqual(metric(self.systems[0], self.systems[0]), 0)
        for wrong in (self.systems[0], repal.System(self.systems[0]), None):
            with self.assertRaisesRegex(ValueError, r"expected what prepare\(\) gives"):
                metric.compare(a, wrong)
        self.assertEqual(pickle.loads(pickle.dumps(metric)).get_params(), metric.get_params())
        self.assertEqual(repr(metric), "Metric('dsa', rank=3, n_delays=3)")
        with self.assertRaisesRegex(ValueError, "not_applicable"):
            repal.Metric("procrustes")(self.systems[0], self.systems[1][:5])
        try:
            from sklearn.base import clone
        except ImportError:
            self.cannot_run("scikit-learn is not installed: python3-sklearn")
        self.assertEqual(clone(metric).get_params(), metric.get_params())

    def test_a_metric_of_ones_own(self):
        def mean(x):
            return x.mean(axis=(0, 1))

        def angle(a, b):
            return float(numpy.arctan(numpy.abs(a - b).sum()))

        repal.register_metric("mean", mean, angle, summary="of all samples")
        self.assertEqual(repal.metrics()["mean"]["summary"], "of all samples")
        d = repal.compare(self.systems, metric=["mean", "cka"], calibrate=True, jobs=4)
        self.assertEqual(d.rows[0]["angle_rad"], angle(mean(self.systems[0]), mean(self.systems[1])))
        self.assertIsNotNone(d.rows[0]["p_differ"])
        d.report(self.folder / "page.html")
        self.assertIn("mean", (self.folder / "page.html").read_text())
        ragged = [[trial[: 60 + k] for k, trial in enumerate(x)] for x in self.systems]
        repal.register_metric("longest", lambda x: max(map(len, x)), lambda a, b: abs(a - b) / 100, needs_equal_steps=False)
        self.assertEqual(repal.compare(ragged, metric="longest").matrix[0, 1], 0)

        def refuse(_):
            raise ValueError("no two systems are alike")

        def fail(_a, _b):
            return undefined  # noqa: F821

        repal.register_metric("refusing", refuse, angle)
        row = repal.compare(self.systems[:2], metric="refusing").rows[0]
        self.assertEqual(row["status"], "not_applicable")
        self.assertIn("no two systems are alike", row["note"])
        repal.register_metric("failing", mean, fail)
        row = repal.compare(self.systems[:2], metric="failing").rows[0]
        self.assertEqual(row["status"], "failed")
        self.assertIn("NameError: name 'undefined'", row["note"])
        repal.register_metric("mean", mean, lambda a, b: 7.0)
        row = repal.compare(self.systems[:2], metric="mean").rows[0]
        self.assertEqual((row["status"], row["angle_rad"]), ("failed", None))
        self.assertIn("7 rad", row["note"])
        with self.assertRaisesRegex(ValueError, "cannot be called 'My Metric'"):
            repal.register_metric("My Metric", mean, angle)
        with self.assertRaisesRegex(ValueError, "there is a metric 'dsa' already"):
            repal.register_metric("dsa", mean, angle)
        self.assertIn("cka", repal.metrics())

    def test_a_metric_of_ones_own_that_goes_wrong(self):
        def unspeakable(_a, _b):
            raise OSError("cannot open /data/\udcff.npy")

        class Mute(Exception):
            def __str__(self):
                raise TypeError

        def mute(_a, _b):
            raise Mute

        for wrong, text in ((unspeakable, "cannot open /data/"), (mute, ""), (lambda a, b: None, "TypeError"), (lambda a, b: float("nan"), "nan rad"),
                            (lambda a, b: 0.1 if a < b else 0.2, "with the systems exchanged")):
            repal.register_metric("wrong", lambda x: x.sum(), wrong)
            row = repal.compare(self.systems[:2], metric="wrong").rows[0]
            self.assertEqual((row["status"], row["angle_rad"]), ("failed", None))
            self.assertIn(text, row["note"])

        def interrupted(*_):
            raise KeyboardInterrupt

        repal.register_metric("wrong", lambda x: x.sum(), interrupted)
        metric = repal.Metric("wrong")
        with self.assertRaises(KeyboardInterrupt):
            metric(self.systems[0], self.systems[1])
        repal.register_metric("wrong", interrupted, lambda a, b: 0)
        with self.assertRaises(KeyboardInterrupt):
            repal.Metric("wrong").prepare(self.systems[0])

    def test_a_metric_that_is_registered_again_is_another_one(self):
        script = ("import numpy, repal, gc\n"
                  "x, y = (numpy.random.default_rng(i).standard_normal((6, 40, 3)) for i in range(2))\n"
                  "for k in range(3):\n"
                  "    repal.register_metric('mine', lambda x: 10**k * x.std(), lambda a, b: min(abs(a - b), 3.0))\n"
                  "    if k == 0:\n"
                  "        d = repal.compare([x, y], 'mine'); metric = repal.Metric('mine'); e = metric.prepare(x); f = metric.prepare(y)\n"
                  "        before = metric.compare(e, f)['angle_rad']\n"
                  "gc.collect()\n"
                  "assert metric.compare(e, f)['angle_rad'] == before\n"
                  "d.report('page.html')\n"
                  "try:\n    repal.Metric('mine').compare(e, f)\n    raise SystemExit('accepted')\n"
                  "except ValueError as error:\n    assert 'it was prepared by' in str(error), error\n"
                  "metric.set_params(); del e, f, metric, d; gc.collect()\nprint('end')\n")
        result = outside(["-c", script], cwd=self.folder)
        self.assertEqual((result.returncode, result.stdout), (0, "end\n"), result.stderr)

    def test_plugins_of_a_folder(self):
        script = ("import repal, sys\nassert 'mine' not in repal.metrics()\n"
                  "repal.load_plugins(sys.argv[1])\nassert repal.metrics()['cka']['file'], repal.metrics()['cka']\n")
        (self.folder / "plugins").mkdir()
        result = outside(["-c", script, self.folder / "plugins"])
        self.assertEqual(result.returncode, 0, result.stderr)


class Robust(Python):
    def test_threads(self):
        expected = repal.compare(self.systems, metric="procrustes").rows
        wrong = []

        def compare():
            for _ in range(10):
                if repal.compare(self.systems, metric="procrustes").rows != expected:
                    wrong.append(1)

        threads = [threading.Thread(target=compare) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_ten_thousand_handles_do_not_grow(self):
        small = [x[:2, :5, :2] for x in self.systems[:2]]
        metric = repal.Metric("procrustes")
        before = None
        for i in range(10_000):
            system = repal.System(small[0], "a")
            if i % 5 == 0:
                repal.compare([system, small[1]], metric="procrustes", jobs=1)
            elif i % 5 == 1:
                metric.prepare(system)
            elif i % 5 == 2:
                repal.simulate("lorenz", trials=1, steps=3)
            elif i % 5 == 3:
                with contextlib.suppress(ValueError):
                    repal.compare([system, [numpy.zeros((3, 2)), numpy.zeros((3, 3))]], metric="procrustes")
            if i == 2_000:
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 4000)  # kB

    def test_memory_is_once_that_of_the_values(self):
        script = ("import numpy, repal, resource, warnings; warnings.simplefilter('ignore')\n"
                  "x = [numpy.random.default_rng(i).standard_normal((50, 100, 64)) for i in range(60)]\n"
                  "repal.compare([x[0], x[1]], metric='procrustes')\n"
                  "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                  "s = [repal.System(one, str(i)) for i, one in enumerate(x)]\n"
                  "made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                  "print((made - before) * 1024 / sum(one.nbytes for one in x))\n")
        result = outside(["-c", script])
        self.assertEqual(result.returncode, 0, result.stderr)
        # What a trial takes while it is copied comes and goes.
        self.assertLess(float(result.stdout), 1.1)

    def test_copies_and_pickles(self):
        system = repal.System(self.systems[0], "a")
        for copied in (copy.copy(system), copy.deepcopy(system)):
            self.assertTrue((copied.trials()[0] == self.systems[0][0]).all())
        del system, copied
        d = repal.compare(self.systems, metric="procrustes")
        for unpicklable in (repal.System(self.systems[0]), d, repal.Metric("cka").prepare(self.systems[0])):
            with self.assertRaisesRegex(TypeError, "in the memory of this process"):
                pickle.dumps(unpicklable)
        with self.assertRaises(AttributeError):
            repal.System(self.systems[0], "a").name = "b"

    def test_python_ends_while_a_thread_compares(self):
        script = ("import numpy, repal, threading, time, warnings; warnings.simplefilter('ignore')\n"
                  "x = [numpy.random.default_rng(i).standard_normal((20, 200, 20)).cumsum(1) for i in range(20)]\n"
                  "repal.register_metric('slow', lambda x: x.mean(), lambda a, b: (time.sleep(.05), .3)[1])\n"
                  "for metric in ('slow', 'dsa'):\n"
                  "    threading.Thread(target=lambda m=metric: repal.compare(x, metric=m, calibrate=True), daemon=True).start()\n"
                  "time.sleep(.5)\nprint('end')\n")
        for _ in range(3):
            result = outside(["-c", script])
            self.assertEqual((result.returncode, result.stdout), (0, "end\n"), result.stderr)

    def test_other_processes(self):
        expected = repal.compare(self.systems, metric="procrustes").rows
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map_async(_rows_by_procrustes, [self.systems] * 4).get(timeout=60)
        self.assertEqual(found, [expected] * 4)

    def test_ctrl_c_ends_a_long_comparison(self):
        for call in ("repal.compare(x, metric='dsa', rank=20, n_delays=10, calibrate=True)", "repal.tune(x)"):
            with self.subTest(call):
                script = ("import sys, numpy, repal, warnings\nwarnings.simplefilter('ignore')\n"
                          "x = [numpy.random.default_rng(i).standard_normal((20, 400, 30)).cumsum(1) for i in range(30)]\n"
                          f"print('begun', flush=True)\ntry:\n    {call}\n"
                          "except KeyboardInterrupt:\n    print('stopped', flush=True)\n")
                process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
                self.addCleanup(process.kill)
                self.assertEqual(process.stdout.readline(), "begun\n")
                time.sleep(1)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.communicate(timeout=60)[0], "stopped\n")
                self.assertEqual(process.returncode, 0)

    def test_two_versions_in_one_process_do_not_meet(self):
        """This one, and the same under the names that another version has."""
        if not shutil.which("patchelf"):
            self.cannot_run("there is no patchelf")
        own = self.succeed("--version").stdout.split()[-1]
        for name, version in (("one", own), ("two", own + "1")):
            library = self.folder / name / "lib"
            (library / "repal").mkdir(parents=True)
            shutil.copy((BUILD / "lib" / "librepal.so").resolve(), library / f"librepal.so.{version}")
            shutil.copy((BUILD / "lib" / "librepal_c.so").resolve(), library / "librepal_c.so.0")
            for file in (BUILD / "lib" / "repal").glob("*.so"):
                shutil.copy(file, library / "repal")
            for file in library.rglob("*.so*"):
                rename = ["--set-soname", f"librepal.so.{version}"] if file.name.startswith("librepal.so") else [
                    "--replace-needed", f"librepal.so.{own}", f"librepal.so.{version}", "--force-rpath", "--set-rpath", "$ORIGIN:$ORIGIN/.."]
                subprocess.run(["patchelf", *rename, file], check=True)
        script = ("import ctypes, json, sys\nfound = []\n"
                  "for folder in sys.argv[1:]:\n"
                  "    l = ctypes.CDLL(folder + '/lib/librepal_c.so.0')\n"
                  "    host, text = ctypes.c_void_p(), ctypes.c_char_p()\n"
                  "    assert l.repal_host_open(None, ctypes.byref(host)) == 0\n"
                  "    assert l.repal_plugins(host, ctypes.byref(text)) == 0\n"
                  "    plugins = json.loads(text.value)\n"
                  "    assert plugins['refused'] == [], plugins['refused']\n"
                  "    found.append([entry['file'] for entry in plugins['plugins']])\n"
                  "for folder, files in zip(sys.argv[1:], found):\n"
                  "    assert files and all(file.startswith(folder) for file in files), files\n"
                  "maps = open('/proc/self/maps').read()\n"
                  "for folder in sys.argv[1:]:\n    assert folder + '/lib/librepal.so' in maps, maps\n")
        result = outside(["-c", script, self.folder / "one", self.folder / "two"])
        self.assertEqual(result.returncode, 0, result.stderr)


def _nested(depth):
    return [_nested(depth - 1)] if depth else 1


def _rows_by_procrustes(systems):
    return repal.compare(systems, metric="procrustes").rows


class Documented(Python):
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
