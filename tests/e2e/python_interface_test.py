"""What the Python package takes and gives, and the errors that its users expect."""

import json
import pathlib
import pickle
import re
import subprocess
import sys
import unittest
import warnings

import numpy

from program import BAD_PLUGINS
from python_package import ENVIRONMENT, PACKAGE, SAME, PythonTest, outside
import repal


class Interface(PythonTest):
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

    def test_what_points_no_way_is_symmetric(self):
        """Kendall's tau_a and tau_b are two statistics, not two directions."""
        random = numpy.random.default_rng(0)
        x, y = (numpy.round(random.standard_normal((8, 1, 2))).repeat(2, 1) for _ in range(2))
        d = repal.compare([x, y], metric={"rsa": {"comparison": "kendall", "conditions": "trial_means", "distance": "squared_euclidean"}})
        self.assertNotEqual(d.rows[0]["values"]["tau_a"], d.rows[0]["values"]["tau_b"])
        for name in ("tau_a", "tau_b"):
            matrix = d.matrix_of("rsa", name)
            self.assertEqual(matrix[0, 1], d.rows[0]["values"][name])
            self.assertEqual(matrix[1, 0], matrix[0, 1])
        trials = repal.compare([self.systems[0], self.systems[1][:7]], metric="dsa", rank=3, n_delays=2).matrix_of("dsa", "trials_a")
        self.assertEqual((trials[0, 1], trials[1, 0]), (12, 7))

    def test_names_of_systems_stay_texts(self):
        names = ["1.1", "1.10", "1e5", "99999999999999999999", "", "n" * 140_000]
        d = repal.compare({name: numpy.random.default_rng(i).standard_normal((3, 20, 2)) for i, name in enumerate(names)}, metric="cka")
        expected = [(row["a"], row["b"]) for row in d.rows]
        self.assertEqual(list(zip(d.table["a"], d.table["b"])), expected)
        (self.folder / "tables").mkdir()
        (self.folder / "tables" / "one.csv").write_text("session,score,p\n1.10,0.5,1e-05\n1.1,2,\n")
        [table] = repal.read_results(self.folder / "tables").values()
        self.assertEqual(list(table["session"]), ["1.10", "1.1"])
        self.assertEqual((table["score"][1], table["p"][0]), (2, 1e-05))

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
        """One whose metric throws, or has no value, by the data; beside those that cannot be loaded."""
        script = ("import json, numpy, repal, sys, warnings\n"
                  "assert 'unreliable' not in repal.metrics()\n"
                  "repal.load_plugins(sys.argv[1] + '/unreliable')\n"
                  "assert repal.metrics()['unreliable']['file'].startswith(sys.argv[1]), repal.metrics()['unreliable']\n"
                  "assert repal.metrics()['cka']['file']\n"
                  "with warnings.catch_warnings(record=True) as warned:\n"
                  "    warnings.simplefilter('always')\n    repal.load_plugins(sys.argv[1])\n"
                  "print(json.dumps({'warned': [str(w.message) for w in warned],\n"
                  "                  'rows': repal.compare([numpy.load(f'{i}.npy') for i in range(3)], metric='unreliable').rows}))\n")
        result = outside(["-W", "ignore", "-c", script, BAD_PLUGINS], cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        found = json.loads(result.stdout)
        refused = {pathlib.Path(text.split(": ")[0]).name for text in found["warned"]}
        self.assertLessEqual({"wrong_abi.so", "no_factory.so", "hostile_name.so", "throws.so", "other_vector_flags.so"}, refused)
        program = self.by_program("--metric", "unreliable", "--plugin-path", BAD_PLUGINS / "unreliable")
        self.assertEqual([{name: row[name] for name in SAME} for row in found["rows"]], [{name: row[name] for name in SAME} for row in program])


def _nested(depth):
    return [_nested(depth - 1)] if depth else 1


if __name__ == "__main__":
    unittest.main()
