"""What is on people's disks: read rightly whoever wrote it, or refused with a way on."""

import json
import unittest

import h5py
import numpy
import scipy.io

from recording_files import Files


class WhatIsNotInTheFile(Files):
    """Numbers that a careless reader would take as they are stored."""

    def test_packed_and_missing_values_of_netcdf_and_nwb(self):
        with h5py.File(self.folder / "p.nc", "w") as file:
            file["packed"] = ((self.array - 5) * 1000).astype("i4")
            file["packed"].attrs.update(scale_factor=0.001, add_offset=5.0)
            file["filled"] = numpy.where(numpy.arange(40)[None, :, None] < 30, self.array, -999)
            file["filled"].attrs["_FillValue"] = -999.0
            file["ts/data"] = self.array * 4
            file["ts/data"].attrs["conversion"] = 0.25
            file["each/data"] = self.array
            file["each/channel_conversion"] = numpy.ones(3)
            file["unsigned"] = self.array.astype("i1")
            file["unsigned"].attrs["_Unsigned"] = "true"
        settings = ["--metric", "dsa", "--set", "dsa.n_delays=1", "--set", "dsa.rank=3"]
        self.assertLess(self.scores("reference.npy", "p.nc:packed", *settings)[0][0]["angle_rad"], 1e-6)
        self.expect_same("p.nc:ts")
        numpy.save(self.folder / "cut.npy", self.array[:, :30])
        _, said = self.expect_same("p.nc:filled", reference="cut.npy")
        self.assertIn("padded", said)
        self.refuse(["compare", "p.nc:each", "reference.npy"], "channel_conversion")
        self.refuse(["compare", "p.nc:unsigned", "reference.npy"], "_Unsigned")

    def test_sparse_matrices_of_matlab(self):
        with h5py.File(self.folder / "s.mat", "w") as file:
            group = file.create_group("sp")
            group.attrs["MATLAB_sparse"] = numpy.uint64(40)
            group["data"], group["ir"], group["jc"] = numpy.ones(5), numpy.arange(5), numpy.arange(4)
        self.refuse(["compare", "s.mat:sp", "reference.npy"], "sparse")

    def test_matlab_files_that_were_cut_off_end_no_program(self):
        scipy.io.savemat(self.folder / "v4.mat", {"x": self.array[0]}, format="4")
        whole = (self.folder / "v4.mat").read_bytes()
        for length in (21, 22, 100, 187, len(whole) - 8):
            (self.folder / "cut.mat").write_bytes(whole[:length])
            self.refuse(["compare", "cut.mat", "reference.npy"], "cut.mat")

    def test_what_was_taken_out_leaves_no_samples_that_correspond(self):
        for name, trial in (("x.npy", 0), ("y.npy", 4)):
            values = self.array.copy()
            values[trial] = numpy.nan
            numpy.save(self.folder / name, values)
        values = self.array.copy()
        values[:, :10] = numpy.nan
        numpy.save(self.folder / "late.npy", values)
        for files in (["x.npy", "y.npy"], ["late.npy", "reference.npy", "--gaps", "split"]):
            scores, _ = self.scores(*files, "--metric", "cka,procrustes,rsa", code=3)
            for score in scores:
                self.assertEqual(score["status"], "not_applicable", score)
                self.assertIn("does not correspond", score["note"])

    def test_slices_that_leave_no_time(self):
        self.refuse(["compare", "reference.npy[:,0]", "reference.npy"], "no time", "@")
        scores, _ = self.scores("reference.npy[:,:,0]", "reference.npy[:,:,1]", "--metric", "cka")
        self.assertEqual(scores[0]["read_a"], "6 trials x 40 steps x 1 channels")

    def test_names_of_columns_that_are_numbers_and_times_with_gaps(self):
        numpy.save(self.folder / "flat.npy", self.array[0])
        numbers = "\n".join(",".join(str(value) for value in row) for row in self.array[0])
        (self.folder / "plain.csv").write_text("0,1,2\n" + numbers)
        with_index = "\n".join(f"{t}," + line for t, line in enumerate(numbers.splitlines()))
        (self.folder / "indexed.csv").write_text(",0,1,2\n" + with_index)
        (self.folder / "unnamed.csv").write_text(with_index)
        (self.folder / "clock.csv").write_text("t,a,b,c\n" + with_index)
        for name in ("plain.csv", "indexed.csv", "unnamed.csv", "clock.csv"):
            self.expect_same(name, reference="flat.npy")
        lines = with_index.splitlines()
        (self.folder / "gap.csv").write_text("frame,a,b,c\n" + "\n".join(lines[:12] + lines[20:]))
        self.refuse(["compare", "gap.csv", "flat.npy"], "24 values are nan", "--gaps split")
        holed = self.array[0].copy()
        holed[12:20] = numpy.nan
        numpy.save(self.folder / "holed.npy", holed)
        settings = ["--metric", "dsa", "--set", "dsa.n_delays=1", "--set", "dsa.rank=2", "--gaps", "split"]
        self.assertEqual(self.scores("gap.csv", "holed.npy", *settings)[0][0]["angle_rad"], 0)

    def test_outputs_replace_nothing_that_may_be_data(self):
        with h5py.File(self.folder / "v.h5", "w") as file:
            file.create_dataset("x", shape=self.array.shape, dtype="f8", external=[("ext.bin", 0, self.array.nbytes)])
        (self.folder / "ext.bin").write_bytes(self.array.tobytes())
        before = (self.folder / "ext.bin").read_bytes()
        self.refuse(["compare", "v.h5", "reference.npy", "--metric", "cka", "--out", "ext.bin"], "may be data")
        self.assertEqual((self.folder / "ext.bin").read_bytes(), before)
        self.refuse(["compare", "v.h5", "reference.npy", "--out", "o.csv", "--report", "./o.csv"], "names this file, too")


class Axes(Files):
    def test_of_one_file_of_all_or_of_the_file_itself(self):
        turned = self.array.transpose(2, 1, 0).copy()
        numpy.save(self.folder / "turned.npy", turned)
        self.expect_same("turned.npy@channel,time,trial")
        self.expect_same("turned.npy@neurons,samples,trials")
        with h5py.File(self.folder / "said.h5", "w") as file:
            file["attribute"] = turned
            file["attribute"].attrs["axes"] = "unit,time,trial"
            file["labels"] = turned
            for i, label in enumerate(("neuron", "time", "trial")):
                file["labels"].dims[i].label = label
            file["scales"] = turned
            for i, (label, n) in enumerate((("channel", 3), ("time", 40), ("trial", 6))):
                file[label] = numpy.arange(float(n))
                file[label].make_scale(label)
                file["scales"].dims[i].attach_scale(file[label])
        for name in ("attribute", "labels", "scales"):
            scores, said = self.expect_same(f"said.h5:/{name}")
            self.assertIn("6 trials x 40 steps x 3 channels (channel, time, trial", scores[0]["read_b"])
        self.refuse(["compare", "turned.npy@channel,tme", "reference.npy"], "did you mean 'time'?")
        self.refuse(["compare", "turned.npy@channel,trial,time", "turned.npy@channel,time"], "the array has 3 dimensions")

    def test_orders_that_differ_are_warned_of(self):
        numpy.save(self.folder / "turned.npy", self.array.transpose(2, 1, 0))
        result = self.run_repal("compare", "reference.npy", "turned.npy", "--metric", "dsa", "--set", "dsa.n_delays=1",
                                "--set", "dsa.rank=2")
        self.assertIn("turned.npy@channel,time,trial", result.stderr)
        said = self.run_repal("compare", "reference.npy", "turned.npy@channel,time,trial", "--metric", "cka").stderr
        self.assertNotIn("different orders", said)
        flat = numpy.random.default_rng(1).normal(size=(30, 500))
        numpy.save(self.folder / "flat.npy", flat)
        said = self.run_repal("compare", "flat.npy", "flat.npy", "--metric", "cka").stderr
        self.assertIn("1 trials x 30 steps x 500 channels", said)
        self.assertIn("flat.npy@channel,time", said)

    def test_vectors_are_time(self):
        time = numpy.arange(300)
        for name, rate in (("a", 0.2), ("b", 0.3)):
            numpy.save(self.folder / f"{name}.npy", numpy.sin(rate * time))
        scipy.io.savemat(self.folder / "row.mat", {"x": numpy.sin(0.2 * time)})
        scores, _ = self.scores("a.npy", "b.npy", "row.mat", "--metric", "dsa", "--set", "dsa.n_delays=2", "--set",
                                "dsa.rank=2")
        self.assertAlmostEqual(scores[0]["angle_rad"], 0.1, delta=1e-3)
        self.assertEqual(scores[1]["angle_rad"], 0)


class Selections(Files):
    def test_slices(self):
        numpy.save(self.folder / "many.npy", numpy.stack([self.array, self.array + 1, 2 * self.array]))
        self.hdf5("many.h5", x=numpy.stack([self.array, self.array + 1, 2 * self.array]))
        for file in ("many.npy", "many.h5"):
            self.expect_same(f"{file}[0]")
            self.expect_same(f"{file}[-3]")
            numpy.save(self.folder / "part.npy", self.array[:, 10:30:2])
            self.expect_same(f"{file}[0,:,10:30:2]", reference="part.npy")
            numpy.save(self.folder / "one.npy", self.array[2] + 1)
            self.expect_same(f"{file}[1,2]", reference="one.npy")
            scores, _ = self.scores(f"{file}[*]", "--metric", "cka")
            named = file if file == "many.npy" else "many.h5"
            self.assertEqual([(score["a"], score["b"]) for score in scores],
                             [(f"{named}[0]", f"{named}[1]"), (f"{named}[0]", f"{named}[2]"), (f"{named}[1]", f"{named}[2]")])
            self.refuse(["compare", file, "reference.npy"], "4 dimensions", "[0]", "[*]")
            self.refuse(["compare", f"{file}[3]", "reference.npy"], "no entry 3", "which has 3")
            self.refuse(["compare", f"{file}[0:0]", "reference.npy"], "empty")
            self.refuse(["compare", f"{file}[0][1]", "reference.npy"])

    def test_wildcards_and_trials_of_one_system(self):
        with h5py.File(self.folder / "nets.h5", "w") as file:
            for i in range(11):
                file[f"net{i}/hidden"] = self.array + i * numpy.arange(3)
            file["config/name"] = "text"
        numpy.savez(self.folder / "trials.npz", **{f"trial{k}": self.array[k] for k in range(6)}, other=self.array)
        scores, _ = self.scores("nets.h5:/net*/hidden", "--metric", "cka")
        self.assertEqual(len(scores), 55)
        self.assertEqual([score["b"] for score in scores[:10]], [f"nets.h5:/net{i}/hidden" for i in range(1, 11)])
        self.expect_same("trials.npz:trial*+")
        self.assertEqual(len(self.scores("trials.npz:trial*", "--metric", "cka")[0]), 15)
        for k in range(6):
            numpy.save(self.folder / f"run{k}.npy", self.array[k])
        self.assertEqual(len(self.scores("run*.npy", "--metric", "cka")[0]), 15)
        self.expect_same("run*.npy+")
        self.refuse(["compare", "nowhere*.npy", "reference.npy"], "nowhere*.npy")
        self.refuse(["compare", "nets.h5:/met*/hidden", "reference.npy"], "/met*/hidden")
        # A name that exists literally wins.
        numpy.save(self.folder / "odd[0]@time.npy", self.array)
        self.expect_same("odd[0]@time.npy")

    def test_the_only_array_among_numbers_and_vectors_is_taken(self):
        numpy.savez(self.folder / "with.npz", x=self.array, fs=100.0, labels=numpy.arange(6), name="monkey")
        self.expect_same("with.npz")
        numpy.savez(self.folder / "two.npz", x=self.array, y=self.array[0])
        self.refuse(["compare", "two.npz", "reference.npy"], "x (6, 40, 3)", "y (40, 3)")


class Gaps(Files):
    def test_a_few_short_pieces_decide_no_settings(self):
        """Turns of .3 and .5 rad a step are .2 rad apart; one channel needs delays to show a turn."""
        random = numpy.random.default_rng(9)
        for name, turn in (("slow", 0.3), ("fast", 0.5)):
            phase = random.uniform(0, 6, (12, 1))
            x = numpy.sin(phase + turn * numpy.arange(150)) + 0.05 * random.standard_normal((12, 150))
            for trial in x:
                trial[random.integers(0, 150, 2)] = numpy.nan
            x[0, [50, 53]] = numpy.nan  # leaves a piece of two steps
            numpy.save(self.folder / f"{name}.npy", x[:, :, None])
        scores, _ = self.scores("slow.npy", "fast.npy", "--metric", "dsa", "--gaps", "split")
        self.assertAlmostEqual(scores[0]["angle_rad"], 0.2, delta=0.01)

    def test_what_is_missing_is_counted_and_called_what_it_looks_like(self):
        def refusal(values, *words):
            numpy.save(self.folder / "x.npy", values)
            self.refuse(["compare", "x.npy", "reference.npy"], "x.npy", "nan", "leave out", *words)

        dead = self.array.copy()
        dead[:, :, 2] = numpy.nan
        refusal(dead, "240 values", "channel 2", "dead")
        one = self.array.copy()
        one[2, 7, 1] = numpy.nan
        refusal(one, "the only nan", "trial 2, step 7, channel 1")
        gap = self.array.copy()
        gap[3, 10:20] = numpy.nan
        refusal(gap, "30 values", "1 of 6 trials", "--gaps split")

    def test_padding_is_cut_and_gaps_split_trials(self):
        angle = 0.3 * numpy.arange(60) + numpy.arange(8)[:, None]
        circle = numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=-1)
        numpy.save(self.folder / "circle.npy", circle)
        padded = circle.copy()
        padded[::2, 40:] = numpy.nan
        numpy.save(self.folder / "padded.npy", padded)
        settings = ["--metric", "eigenvalue_wasserstein", "--set", "eigenvalue_wasserstein.n_delays=1", "--set",
                    "eigenvalue_wasserstein.rank=2"]
        scores, said = self.scores("circle.npy", "padded.npy", *settings)
        self.assertLess(scores[0]["angle_rad"], 1e-12)
        self.assertIn("8 trials x 40 to 60 steps x 2 channels (4 of 8 trials are padded with nan", said)
        numpy.savez(self.folder / "ragged.npz", **{f"t{k}": circle[k, :40 + k] for k in range(8)})
        self.assertLess(self.scores("circle.npy", "ragged.npz:*+", *settings)[0][0]["angle_rad"], 1e-12)

        # A hole is as two trials, to the bit.
        holed = circle.copy()
        holed[:, 25:35] = numpy.nan
        numpy.save(self.folder / "holed.npy", holed)
        numpy.save(self.folder / "pieces.npy", circle[:, list(range(25)) + list(range(35, 60))].reshape(16, 25, 2))
        split, _ = self.scores("circle.npy", "holed.npy", *settings, "--gaps", "split")
        pieces, _ = self.scores("circle.npy", "pieces.npy", *settings)
        self.assertEqual(split[0]["angle_rad"], pieces[0]["angle_rad"])
        self.refuse(["compare", "circle.npy", "holed.npy"], "--gaps split")
        # What is drawn is a whole trial, so that the floor has eight units.
        noisy = circle + 0.1 * numpy.random.default_rng(1).normal(size=circle.shape)
        numpy.save(self.folder / "noisy.npy", noisy)
        noisy = noisy.copy()
        noisy[:, 25:35] = numpy.nan
        numpy.save(self.folder / "holed.npy", noisy)
        scores, _ = self.scores("noisy.npy", "holed.npy", *settings, "--gaps", "split", "--calibrate")
        self.assertEqual(scores[0]["trials_b"], 16)
        self.assertIsNotNone(scores[0]["low_rad"])

    def test_samples_that_do_not_correspond_have_no_value(self):
        ragged = self.array.copy()
        ragged[::2, 30:] = numpy.nan
        numpy.save(self.folder / "ragged.npy", ragged)
        scores, _ = self.scores("reference.npy", "ragged.npy", "--metric", "cka", code=3)
        self.assertEqual(scores[0]["status"], "not_applicable")
        self.assertIn("trials differ in their steps", scores[0]["note"])


class TrialsThatCorrespond(Files):
    """Metrics that compare samples take the trials of one name, where files name them."""

    def table(self, name, order, names):
        rows = ["trial,a,b,c"]
        for k, trial in zip(order, names, strict=True):
            rows += [f"{trial}," + ",".join(map(str, row)) for row in self.array[k]]
        (self.folder / name).write_text("\n".join(rows))

    def test_names_in_another_order_are_the_same_trials(self):
        order = [3, 0, 5, 1, 4, 2]
        self.table("a.csv", range(6), range(6))
        self.table("b.csv", order, order)
        self.expect_same("b.csv", reference="a.csv")
        numpy.savez(self.folder / "turned.npz", **{f"trial{k:02d}": self.array[5 - k] for k in range(6)})
        numpy.savez(self.folder / "named.npz", **{f"x{k}": self.array[5 - k] for k in range(6)})
        self.expect_same("named.npz:x*+", reference="turned.npz:trial*+")
        self.expect_same("turned.npz:trial*+[:,:]", reference="turned.npz:trial*+")
        for k in range(6):
            numpy.save(self.folder / f"run{k}.npy", self.array[k])
        self.expect_same("b.csv", reference="run*.npy+")

    def test_trials_that_have_no_counterpart_are_no_others(self):
        self.table("a.csv", range(6), range(6))
        self.table("b.csv", range(6), range(1, 7))
        scores, _ = self.scores("a.csv", "b.csv", "--metric", "cka,procrustes,rsa", code=3)
        for score in scores:
            self.assertEqual(score["status"], "not_applicable")
            self.assertIn("no trial '0'", score["note"])
        result = self.run_repal("compare", "a.csv", "b.csv", "--metric", "cka", "--calibrate", "--format", "json")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIsNone(json.loads(result.stdout)[0]["p_relate"])
        # Dynamics are those of any trials.
        self.scores("a.csv", "b.csv", "--metric", "dsa", "--set", "dsa.n_delays=2", "--set", "dsa.rank=2")

    def test_trials_without_names_correspond_by_their_order(self):
        self.table("a.csv", range(6), range(10, 16))
        self.expect_same("a.csv")


class Columns(Files):
    def rows(self, *columns):
        return "\n".join(",".join(str(value) for value in row) for row in zip(*columns, strict=True))

    def test_columns_that_contradict_each_other(self):
        x = self.array.reshape(-1, 3)
        trials = numpy.repeat(numpy.arange(6), 40)
        (self.folder / "two.csv").write_text("trial,trial,a\n" + self.rows(trials, trials, x[:, 0]))
        self.refuse(["compare", "two.csv", "reference.npy"], "two columns tell the trials")
        large = 1700000000000000000 + 100 * (trials // 2)
        (self.folder / "large.csv").write_text("trial,a\n" + self.rows(large, x[:, 0]))
        self.refuse(["compare", "large.csv", "reference.npy"], "too large a number")

    def test_other_clocks_are_no_channels(self):
        x = self.array[0]
        frame = numpy.arange(40)
        (self.folder / "clocks.csv").write_text("frame,time_s,a,b,c\n" + self.rows(frame, frame / 100, *x.T))
        numpy.save(self.folder / "one.npy", x)
        _, said = self.expect_same("clocks.csv", "--dt", "0.01", reference="one.npy")
        self.assertIn("column 'frame' is no channel", said)

    def test_texts_numbers_and_names(self):
        x = self.array[0]
        (self.folder / "side.csv").write_text("a,b,side\n" + self.rows(x[:, 0], x[:, 1], ["left"] * 40))
        self.refuse(["compare", "side.csv", "reference.npy"], "'left' in line 2, column 3", "select_dtypes")
        (self.folder / "nul.csv").write_bytes(b"1,2\n3,\0x\n")
        self.refuse(["compare", "nul.csv", "reference.npy"], "'?x' in line 2, column 2")
        numbered = ",10,20,30\n" + self.rows(range(40), *x.T)
        (self.folder / "numbered.csv").write_text(numbered.replace(",0.0,", ",1e-400,"))
        numpy.save(self.folder / "one.npy", x)
        self.expect_same("numbered.csv", reference="one.npy")

    def test_names_of_one_side_only_are_warned_of(self):
        order = numpy.array([3, 1, 5, 0, 2, 4])
        (self.folder / "named.csv").write_text(
            "trial,a,b,c\n" + self.rows(numpy.repeat(order, 40), *self.array[order].reshape(-1, 3).T))
        result = self.run_repal("compare", "named.csv", "reference.npy", "--metric", "cka")
        self.assertEqual(result.returncode, 3)
        self.assertIn("names its trials, which do not rise, and reference.npy does not", result.stderr)
        self.assertIn("nothing tells which are the same", result.stderr)

    def test_some_trials_of_a_table(self):
        (self.folder / "t.csv").write_text(
            "trial,a,b,c\n" + self.rows(numpy.repeat(numpy.arange(6), 40), *self.array.reshape(-1, 3).T))
        numpy.save(self.folder / "some.npy", self.array[1:4, ::2])
        self.expect_same("t.csv[1:4,::2]", reference="some.npy")
        self.refuse(["compare", "t.csv[9]", "reference.npy"], "there is no entry 9", "which has 6")


class PartsAndTimes(Files):
    def test_a_window_in_steps_or_in_time(self):
        numpy.save(self.folder / "cut.npy", self.array[:, 10:30])
        self.expect_same("reference.npy", "--window", "10:30", "--dt", "steps", reference="reference.npy")
        whole = self.scores("reference.npy", "reference.npy", "--metric", "dsa", "--set", "dsa.n_delays=2", "--set",
                            "dsa.rank=2", "--window", "10:30")[0][0]
        self.assertIn("20 steps", whole["read_a"])
        for window in ("100ms:300ms", "0.1s:0.3s"):
            score = self.scores("reference.npy", "cut.npy[:,:]", "--metric", "cka", "--dt", "0.01", "--window", window,
                                code=3)[0][0]
            self.assertIn("20 steps", score["read_a"])
        for window, words in (("10", "no ':'"), ("5:3", "empty"), ("1:2s", "mixes"), ("x:", "no number"), ("39:", "1 of the 40")):
            self.refuse(["compare", "reference.npy", "reference.npy", "--window", window], words)
        self.refuse(["compare", "reference.npy", "reference.npy", "--window", "1s:"], "in seconds", "--dt")

    def test_columns_of_pandas_that_are_trials_and_times(self):
        with h5py.File(self.folder / "frame.h5", "w") as file:
            group = file.create_group("df")
            group.attrs["pandas_type"] = numpy.bytes_("frame")
            group["axis0"] = numpy.array([b"trial", b"time (s)", b"a", b"b", b"c"])
            group["block0_items"] = numpy.array([b"time (s)", b"a", b"b", b"c"])
            times = numpy.tile(0.01 * numpy.arange(40), 6)
            group["block0_values"] = numpy.column_stack([times, self.array.reshape(-1, 3)])
            group["block1_items"] = numpy.array([b"trial"])
            group["block1_values"] = numpy.repeat(numpy.arange(6), 40)[:, None]
        _, said = self.expect_same("frame.h5", "--dt", "0.01")
        self.assertIn("column 'trial' tells the trials", said)

    def test_times_that_a_text_rounds_are_one_step_in_trials_of_any_length(self):
        rows = [f"{k},{t / 30:.4f},{x[0]},{x[1]},{x[2]}" for k in range(6) for t, x in enumerate(self.array[k, : 40 - k])]
        (self.folder / "video.csv").write_text("trial,time (s),a,b,c\n" + "\n".join(rows))
        settings = ["--metric", "dsa", "--set", "dsa.n_delays=2", "--set", "dsa.rank=2"]
        _, said = self.scores("video.csv", "video.csv", *settings)
        self.assertRegex(said, r"0\.033333\d s a step")

    def test_times_of_nwb_that_leave_out_steps(self):
        times = 0.02 * numpy.delete(numpy.arange(40), [10, 11, 12])
        with h5py.File(self.folder / "gaps.nwb", "w") as file:
            file["ts/data"] = numpy.delete(self.array[0], [10, 11, 12], axis=0)
            file["ts/timestamps"] = times
        self.refuse(["compare", "gaps.nwb:ts", "gaps.nwb:ts"], "3 steps that the times of", "--gaps split")
        settings = ["--metric", "dsa", "--set", "dsa.n_delays=2", "--set", "dsa.rank=2"]
        scores, said = self.scores("gaps.nwb:ts", "gaps.nwb:ts", *settings, "--gaps", "split")
        self.assertIn("cut at gaps into 2", scores[0]["read_a"])
        self.assertIn("0.02 s a step", said)

    def test_attributes_that_are_texts_or_understood_in_part(self):
        self.hdf5("a.h5", x=self.array)
        with h5py.File(self.folder / "a.h5", "a") as file:
            file["x"].attrs["dt"] = "20 ms"
            file["x"].attrs["axes"] = ["odour", "time", "neuron"]
        _, said = self.expect_same("a.h5", reference="a.h5")
        self.assertIn("0.02 s a step", said)
        self.assertIn("understood in part", said)
        with h5py.File(self.folder / "a.h5", "a") as file:
            file["x"].attrs["dt"] = "often"
        self.refuse(["compare", "a.h5", "a.h5"], "'often'", "--dt")


class WideAndLong(Files):
    def test_channels_by_the_tens_of_thousands(self):
        random = numpy.random.default_rng(8)
        wide = random.normal(size=(50, 30000)).astype("f4")
        numpy.save(self.folder / "a.npy", wide)
        numpy.save(self.folder / "b.npy", (wide + random.normal(size=wide.shape)).astype("f4"))
        numpy.save(self.folder / "thin.npy", wide[:, :5])
        angles = {}
        for metric in ("cka", "procrustes"):
            scores, said = self.scores("a.npy", "b.npy", "thin.npy", "--metric", metric)
            angles[metric] = [score["angle_rad"] for score in scores]
            self.assertLess(self.peak_bytes("compare", "a.npy", "b.npy", "--metric", metric), 200e6)
        a, b, thin = (x - x.mean(axis=0) for x in (numpy.load(self.folder / f"{n}.npy").astype(float)
                                                   for n in ("a", "b", "thin")))

        def cka(x, y):
            x, y = x @ x.T, y @ y.T
            return numpy.arccos((x * y).sum() / numpy.linalg.norm(x) / numpy.linalg.norm(y))

        def procrustes(x, y):
            # The squares of the singular values of x^T y are the eigenvalues of the product of the kernels.
            squares = numpy.linalg.eigvals(x @ x.T @ y @ y.T).real
            nuclear = numpy.sqrt(squares.clip(0)).sum()
            return numpy.arccos(nuclear / numpy.linalg.norm(x) / numpy.linalg.norm(y))

        for metric, expected in (("cka", cka), ("procrustes", procrustes)):
            for found, pair in zip(angles[metric], ((a, b), (a, thin), (b, thin)), strict=True):
                self.assertAlmostEqual(found, expected(*pair), delta=1e-5)

    def test_many_delays_of_few_samples_cost_what_the_samples_do(self):
        # 60,000 columns of a delay embedding, of which a matrix of products would take 29 GB.
        random = numpy.random.default_rng(5)
        for name in "ab":
            numpy.save(self.folder / f"{name}.npy", random.standard_normal((4, 300, 300)).cumsum(1).astype("f4"))
        settings = ("--set", "pca.dsa.variance=1", "--set", "dsa.n_delays=200", "--set", "dsa.rank=5")
        self.assertLess(self.peak_bytes("compare", "a.npy", "b.npy", "--metric", "dsa", "--calibrate", *settings), 700e6)

    def test_too_much_is_refused_before_it_is_taken(self):
        random = numpy.random.default_rng(8)
        for name in ("a", "b"):
            numpy.save(self.folder / f"{name}.npy", random.normal(size=(22, 400, 60)))
        limited = ["bash", "-c", 'ulimit -v 700000; exec "$@"', "limited"]
        if self.run_repal("--version", prefix=limited).returncode != 0:
            self.cannot_run("the program does not even begin in so little address space, as with a sanitizer")
        settings = ["--set", "dsa.n_delays=100", "--set", "dsa.rank=4", "--set", "pca.dsa.variance=1", "--jobs", "1"]
        result = self.run_repal("compare", "a.npy", "b.npy", "--metric", "dsa,cka", *settings, prefix=limited)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertRegex(result.stderr, r"needs 864 MB of memory, [0-9]+ MB are free")
        self.assertIn("n_delays", result.stderr)
        self.assertIn("cka", result.stdout)
        numpy.save(self.folder / "large.npy", numpy.zeros((300, 1000, 1000), "i1"))
        result = self.run_repal("compare", "large.npy", "a.npy", prefix=limited)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertRegex(result.stderr, r"large.npy: the array \(300, 1000, 1000\) needs 2.4 GB of memory")


class Time(Files):
    def rotation(self, speed, step, name, **attributes):
        angle = speed * step * numpy.arange(int(20 / step)) + numpy.arange(10)[:, None]
        x = numpy.stack([numpy.cos(angle), numpy.sin(angle)], axis=-1)
        with h5py.File(self.folder / name, "w") as file:
            file["x"] = x
            file["x"].attrs.update(attributes)
        numpy.save((self.folder / name).with_suffix(".npy"), x)

    SETTINGS = ["--metric", "dsa,eigenvalue_wasserstein", "--set", "dsa.n_delays=1", "--set", "dsa.rank=2", "--set",
                "eigenvalue_wasserstein.n_delays=1", "--set", "eigenvalue_wasserstein.rank=2"]

    def test_systems_are_compared_at_one_time_of_a_step(self):
        self.rotation(1, 0.05, "fine.h5", dt=0.05)
        self.rotation(1, 0.1, "coarse.h5", sampling_rate=10)
        scores, said = self.scores("fine.h5", "coarse.h5", *self.SETTINGS)
        for score in scores:
            self.assertLess(score["angle_rad"], 1e-5)  # of as many samples in other trials
        self.assertIn("all are brought to 0.1 s", said)
        ignored, _ = self.scores("fine.h5", "coarse.h5", *self.SETTINGS, "--dt", "steps")
        self.assertAlmostEqual(ignored[0]["angle_rad"], 0.05, delta=1e-6)
        given, _ = self.scores("fine.npy", "coarse.npy", *self.SETTINGS, "--dt", "0.05,0.1")
        self.assertEqual([score["angle_rad"] for score in given], [score["angle_rad"] for score in scores])
        self.refuse(["compare", "fine.npy", "coarse.h5"], "fine.npy", "--dt steps")
        self.refuse(["compare", "fine.npy", "coarse.npy", "--dt", "0.1,0.2,0.3"], "3 times of a step for 2")
        self.refuse(["compare", "fine.npy", "coarse.npy", "--dt", "-1"], "--dt")

    def test_all_phases_equal_the_interval_and_as_many_steps(self):
        self.rotation(1, 0.05, "fine.h5", dt=0.05)
        self.rotation(1.5, 0.15, "coarse.h5", dt=0.15)
        scores, _ = self.scores("fine.h5", "coarse.h5", *self.SETTINGS)
        self.assertAlmostEqual(scores[0]["angle_rad"], 0.075, delta=1e-6)

    def test_other_ratios_are_resampled_and_said(self):
        self.rotation(1, 0.05, "fine.h5", dt=0.05)
        self.rotation(1.5, 0.12, "coarse.h5", dt=0.12)
        scores, said = self.scores("fine.h5", "coarse.h5", *self.SETTINGS)
        self.assertAlmostEqual(scores[0]["angle_rad"], 0.06, delta=2e-3)
        self.assertIn("resampled from 0.05 to 0.12", said)

    def test_times_of_nwb_and_of_scales(self):
        x = self.array[0]
        with h5py.File(self.folder / "a.nwb", "w") as file:
            file["acquisition/ts/data"] = x
            file["acquisition/ts/timestamps"] = 5 + 0.02 * numpy.arange(40)
            file["acquisition/rated/data"] = x
            file["acquisition/rated/starting_time"] = 0.0
            file["acquisition/rated/starting_time"].attrs["rate"] = 50.0
            file["acquisition/odd/data"] = x
            file["acquisition/odd/timestamps"] = numpy.cumsum(numpy.arange(40.0))
            file["x"] = x
            file["time"] = 20.0 * numpy.arange(40)
            file["time"].make_scale("time")
            file["time"].attrs["units"] = "ms"
            file["unit"] = numpy.arange(3.0)
            file["unit"].make_scale("unit")
            file["x"].dims[0].attach_scale(file["time"])
            file["x"].dims[1].attach_scale(file["unit"])
        for location in ("a.nwb:/acquisition/ts", "a.nwb:/acquisition/ts/data", "a.nwb:/acquisition/rated", "a.nwb:/x"):
            _, said = self.scores(location, location, "--metric", "cka")
            self.assertIn("0.02 s a step", said, location)
        self.refuse(["compare", "a.nwb:/acquisition/odd", "a.nwb:/x"], "not regular", "--dt steps")
        self.scores("a.nwb:/acquisition/odd", "a.nwb:/x", "--metric", "cka", "--dt", "steps")


    def test_times_that_are_rounded_or_jitter(self):
        jitter = numpy.random.default_rng(4).uniform(-0.001, 0.001, 40)
        for name, times in (("exact", numpy.arange(40) / 30), ("ms", numpy.round(numpy.arange(40) / 30, 3)),
                            ("jitter", numpy.arange(40) / 30 + jitter)):
            rows = "\n".join(f"{t!r},{x[0]},{x[1]},{x[2]}" for t, x in zip(times.tolist(), self.array[0], strict=True))
            (self.folder / f"{name}.csv").write_text("time/s,a,b,c\n" + rows)
            scores, said = self.scores("exact.csv", f"{name}.csv", "--metric", "cka")
            self.assertEqual(scores[0]["angle_rad"], 0)
            self.assertNotIn("are brought to", said)

    def test_windows_that_begin_at_another_time_in_each_system_are_refused(self):
        numpy.save(self.folder / "fast.npy", numpy.repeat(self.array, 2, axis=1))
        both = ["compare", "fast.npy", "reference.npy", "--metric", "cka", "--dt", "10ms,0.02", "--window"]
        self.refuse([*both, "210ms:610ms"], "begins between two steps of reference.npy", "0.22s")
        self.succeed(*both, "0:600ms")

    def test_dt_takes_the_place_of_times_that_are_not_regular(self):
        times = numpy.cumsum(numpy.random.default_rng(6).uniform(0.01, 0.02, 40))
        rows = "\n".join(f"{t},{x[0]},{x[1]},{x[2]}" for t, x in zip(times, self.array[0], strict=True))
        (self.folder / "odd.csv").write_text("time_s,a,b,c\n" + rows)
        numpy.save(self.folder / "one.npy", self.array[0])
        self.refuse(["compare", "odd.csv", "one.npy"], "not regular", "--dt")
        _, said = self.expect_same("odd.csv", "--dt", "0.015", reference="one.npy")
        self.assertIn("are not regular and not used", said)

    def test_steps_that_dt_overrides_are_said(self):
        rows = "\n".join(f"{0.02 * t},{x[0]}" for t, x in enumerate(self.array[0]))
        (self.folder / "a.csv").write_text("time_s,a\n" + rows)
        _, said = self.scores("a.csv", "a.csv", "--metric", "cka", "--dt", "0.01")
        self.assertIn("it says 0.02 s a step, and --dt 0.01 is taken", said)

    def test_numbers_beside_arrays_that_differ_are_warned_of(self):
        for name, rate in (("a.mat", 100.0), ("b.mat", 250.0), ("c.mat", 100.0)):
            scipy.io.savemat(self.folder / name, {"x": self.array, "fs": rate})
        _, said = self.scores("a.mat", "c.mat", "--metric", "cka")
        self.assertNotIn("fs", said)
        _, said = self.scores("a.mat", "b.mat", "--metric", "cka")
        self.assertIn("a.mat holds fs = 100 and b.mat holds fs = 250", said)
        _, said = self.scores("a.mat", "b.mat", "--metric", "cka", "--dt", "steps")
        self.assertNotIn("fs =", said)


class Failures(Files):
    def test_one_too_short_and_one_silent_system_cost_their_own_pairs(self):
        random = numpy.random.default_rng(4)
        time = 0.2 * numpy.arange(200) + random.uniform(0, 6, (10, 1))
        for i in range(3):
            circle = numpy.stack([numpy.cos((1 + i) * time), numpy.sin((1 + i) * time)], axis=-1)
            numpy.save(self.folder / f"{i}.npy", circle @ random.normal(size=(2, 5)) + 0.05 * random.normal(size=(10, 200, 5)))
        numpy.save(self.folder / "silent.npy", numpy.zeros((10, 200, 5)))
        numpy.save(self.folder / "short.npy", random.normal(size=(10, 3, 5)))
        files = ["0.npy", "1.npy", "2.npy", "silent.npy", "short.npy"]
        for options in ([], ["--set", "dsa.n_delays=4", "--set", "dsa.rank=2"]):
            scores, said = self.scores(*files, "--metric", "dsa,cka", *options, code=3)
            for metric in ("dsa", "cka"):
                of_metric = [score for score in scores if score["metric"] == metric]
                self.assertEqual(len(of_metric), 10)
                self.assertEqual(sum(score["status"] == "ok" for score in of_metric), 3, (metric, of_metric))
                for score in of_metric:
                    if score["status"] != "ok":
                        self.assertTrue(score["note"], score)
                        self.assertTrue({"silent.npy", "short.npy"} & {score["a"], score["b"]})

    def test_all_files_that_cannot_be_read_are_listed_before_any_work(self):
        (self.folder / "junk.npy").write_bytes(b"junk" * 100)
        result = self.run_repal("compare", "reference.npy", "absent.npy", "junk.npy", "reference.npy:x")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        said = result.stderr.splitlines()
        self.assertIn("3 locations", said[0])
        for line, name in zip(said[1:], ("absent.npy", "junk.npy", "reference.npy:x"), strict=True):
            self.assertIn(name, line)


if __name__ == "__main__":
    unittest.main()
