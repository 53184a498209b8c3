"""The Python package gives the same bits as the program, from any memory."""

import json
import re
import unittest

import numpy

from program import SOURCE
from python_package import PythonTest
import repal


class Numbers(PythonTest):
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

    def test_columns_of_tables_are_what_the_program_takes_them_for(self):
        """Of a table with the columns x, y and another one: is that a channel?"""
        import pandas
        names = [word + end for word in ("trial", "Trial", "epoch", "stimulus", "condition", "batch", "block", "session", "trialtype", "time",
                                         "Time", "t", "timestamp", "frame", "step", "sample", "bin", "ms", "cell", "rate", "turn", "tau")
                 for end in ("", "_id", "_type", " number", "_ms", " (s)", "_constant", "_x")]
        names += ["Time Stamp", "t_ms", "time[ms]", "time/ms", "ms since start", "time_bin", "index", "seconds", "secs", "elapsed_s", "unit 3", "s", "x_s"]
        values = numpy.random.default_rng(1).standard_normal((12, 2)).round(3)
        counted = numpy.arange(12)  # a trial or a time for each row
        first = ["index", "idx", "row", "rows", "i", "", "Unnamed: 0", "a", "5"]
        wrong = []
        for place, name in [(2, name) for name in names] + [(0, name) for name in first]:  # the first may be an index
            table = pandas.DataFrame(values, columns=["x", "y"])
            table.insert(place, name, counted)
            table.to_csv(self.folder / "one.csv", index=False)
            result = self.run_repal("compare", "one.csv", "one.csv", "--metric", "procrustes", "--dt", "1")
            is_channel = "3 channels" in result.stdout + result.stderr
            try:
                repal.System(table, "one")
                is_taken = True
            except ValueError as error:
                self.assertIn("is no channel", str(error))
                is_taken = False
            if is_taken != is_channel:
                wrong.append((name, is_channel, is_taken))
        self.assertEqual(wrong, [])

    def test_indices_of_tables_are_columns(self):
        import pandas
        x = self.systems[0]
        index = pandas.MultiIndex.from_product([range(12), range(80)], names=["trial", "time"])
        table = pandas.DataFrame(x.reshape(-1, 4), index=index)
        with self.assertRaisesRegex(ValueError, r"column 'trial' is no channel; .*groupby\('trial'\)"):
            repal.System(table, "one")
        trials = [trial.to_numpy() for _, trial in table.groupby("trial")]  # as it is advised
        self.assertTrue((numpy.array(repal.System(trials, "one").trials()) == x).all())
        backwards = pandas.DataFrame(x[0], index=pandas.Index(range(80), name="time")).iloc[::-1]
        with self.assertRaisesRegex(ValueError, "rows are in their order"):
            repal.System(backwards, "one")
        levels = pandas.MultiIndex.from_tuples([("x", "a"), ("x", "b"), ("y", "c"), ("y", "time")])
        of_levels = pandas.DataFrame(x[0], columns=levels, index=pandas.Index(range(80), name="time"))
        with self.assertRaisesRegex(ValueError, r"column '\('time', ''\)' is no channel"):
            repal.System(of_levels.reset_index(), "one")
        self.assertEqual(repal.System(of_levels.reset_index(drop=True), "one").trials()[0].shape, (80, 4))
        plain = pandas.DataFrame(x[0], index=pandas.Index(range(80), name="row"))
        self.assertTrue((repal.System(plain, "one").trials()[0] == x[0]).all())

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


if __name__ == "__main__":
    unittest.main()
