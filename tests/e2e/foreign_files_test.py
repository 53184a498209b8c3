"""What other programs leave in files beside the data, or in their place: nothing of it is compared unsaid."""

import os
import unittest

import h5py
import numpy
import scipy.io
import scipy.sparse

from recording_files import Files


class WhatElseIsInTheFile(Files):
    """An array that cannot be read is not replaced by another one that can."""

    def test_archives_of_numpy(self):
        times = numpy.arange(40) / 100
        ragged = numpy.empty(2, dtype=object)
        ragged[:] = [self.array[0], self.array[1, :20]]
        for name, values in (("complex", self.array + 1j), ("ragged", ragged)):
            numpy.savez(self.folder / f"{name}.npz", x=values, t=times)
            self.refuse(["compare", f"{name}.npz", "reference.npy"], "its array 'x' cannot be read", "':t'")
        numpy.savez(self.folder / "said.npz", x=self.array, names=numpy.array(["a", "b"]), config={"seed": 1})
        self.expect_same("said.npz")
        numpy.savez(self.folder / "trials.npz", t0=self.array[0], t1=self.array[1] + 1j)
        self.refuse(["compare", "trials.npz:t*+", "reference.npy"], "'t1' cannot be read")

    def test_matlab(self):
        for name, values in (("complex", self.array + 1j), ("sparse", scipy.sparse.csr_matrix(self.array[0]))):
            scipy.io.savemat(self.folder / f"{name}.mat", {"x": values, "t": numpy.arange(40)})
            self.refuse(["compare", f"{name}.mat", "reference.npy"], "its array 'x' cannot be read")
        labels = numpy.array(["left", "right"], dtype=object)
        scipy.io.savemat(self.folder / "said.mat", {"x": self.array, "labels": labels, "note": "mine"})
        self.expect_same("said.mat")

    def test_hdf5(self):
        with h5py.File(self.folder / "f.h5", "w") as file:
            file["complex/x"], file["complex/t"] = self.array + 1j, numpy.arange(40)
            lists = file.create_dataset("lists/x", (2,), dtype=h5py.vlen_dtype("f8"))
            lists[0], lists[1] = numpy.ones(4), numpy.ones(5)
            file["lists/t"] = numpy.arange(40)
            file.create_dataset("part/x", self.array.shape, chunks=(1, 40, 3))[:2] = self.array[:2]
            file["part/pos"] = numpy.arange(40)
        for group in ("complex", "lists", "part"):
            self.refuse(["compare", f"f.h5:{group}", "reference.npy"], f"'/{group}/x' cannot be read")

    def test_links_to_what_is_not_there(self):
        with h5py.File(self.folder / "l.h5", "w") as file:
            for trial in (0, 2, 3):
                file[f"g/t{trial}"] = self.array[trial]
            file["g/t1"] = h5py.ExternalLink("gone.h5", "x")
            file["h/t0"], file["h/t1"] = self.array[0], h5py.SoftLink("/gone")
            file["e/t0"], file["e/t1"] = self.array[0], numpy.zeros((0, 3))
        for group, trial in (("g", "1"), ("h", "1"), ("e", "1")):
            for location in (f"l.h5:{group}/t*+", f"l.h5:{group}/t*"):
                self.refuse(["compare", location, "reference.npy"], f"'/{group}/t{trial}' cannot be read")

    def test_tables_and_lists_beside_a_smaller_array(self):
        table = numpy.zeros(300, dtype=[("index", "i8"), ("a", "f8"), ("b", "f8"), ("name", "S4")])
        lists = numpy.dtype(("f8", (4,)))
        with h5py.File(self.folder / "t.h5", "w") as file:
            for group in ("table", "lists", "link"):
                file[f"{group}/small"] = self.array[0, :30]
            file["table/frame"] = table
            file["lists/c"] = numpy.zeros(60)
            del file["lists/c"]
            space = h5py.h5s.create_simple((60,))
            h5py.h5d.create(file["lists"].id, b"c", h5py.h5t.py_create(lists), space)
            file["link/c"] = h5py.ExternalLink("gone.h5", "x")
        for group, name in (("table", "frame"), ("lists", "c"), ("link", "c")):
            self.refuse(["compare", f"t.h5:{group}", "reference.npy"], f"'/{group}/{name}' cannot be read")

    def test_files_of_the_same_name_elsewhere(self):
        home = self.folder / "home"
        (home / "data").mkdir(parents=True)
        (self.folder / "data").mkdir()
        for folder, values in ((home, self.array), (self.folder, self.array + 1)):
            with h5py.File(folder / "data" / "s.h5", "w") as file:
                file["x"] = values
        layout = h5py.VirtualLayout(self.array.shape, "f8")
        layout[:] = h5py.VirtualSource("data/s.h5", "x", shape=self.array.shape)
        with h5py.File(home / "v.h5", "w") as file:
            file.create_virtual_dataset("v", layout)
            file["e"] = h5py.ExternalLink("data/s.h5", "x")
        for name in ("v", "e"):
            self.expect_same(f"home/v.h5:{name}")
        (self.folder / "elsewhere").mkdir()
        (self.folder / "elsewhere" / "v.h5").symlink_to(home / "v.h5")
        (self.folder / "data" / "s.h5").rename(self.folder / "data" / "other.h5")
        for name in ("v", "e"):
            self.expect_same(f"elsewhere/v.h5:{name}")
        (self.folder / "data" / "other.h5").rename(self.folder / "data" / "s.h5")
        (home / "data" / "s.h5").unlink()
        self.refuse(["compare", "home/v.h5:v", "reference.npy"], "'data/s.h5'", "is not there")
        self.refuse(["compare", "home/v.h5:e", "reference.npy"], "'data/s.h5', which is not beside this file")


class WhatHdf5MakesUp(Files):
    def test_scales_of_datasets_that_are_called_data(self):
        with h5py.File(self.folder / "p.nc", "w") as file:
            for name in ("dff", "data"):
                file[name] = numpy.round(self.array * 8).astype("i4")
                file[name].attrs.update(scale_factor=0.125, offset=300.0)
        numpy.save(self.folder / "rounded.npy", numpy.round(self.array * 8) / 8)
        for name in ("dff", "data"):
            self.expect_same(f"p.nc:{name}", reference="rounded.npy")

    def test_scales_that_leave_nothing(self):
        for name, value in (("scale_factor", 0.0), ("scale_factor", numpy.nan), ("add_offset", numpy.inf)):
            with h5py.File(self.folder / "z.nc", "w") as file:
                file["x"] = self.array
                file["x"].attrs[name] = value
            self.refuse(["compare", "z.nc", "reference.npy"], "which leaves none of them")

    def test_values_in_another_file_are_those_beside_it(self):
        (self.folder / "sub").mkdir()
        self.array.tofile(self.folder / "sub" / "e.bin")
        numpy.zeros(self.array.shape).tofile(self.folder / "e.bin")  # where the program runs
        with h5py.File(self.folder / "sub" / "x.h5", "w") as file:
            file.create_dataset("x", self.array.shape, "f8", external=[("e.bin", 0, h5py.h5f.UNLIMITED)])
        self.expect_same("sub/x.h5")
        os.remove(self.folder / "sub" / "e.bin")
        self.refuse(["compare", "sub/x.h5", "reference.npy"], "'e.bin'", "missing or was cut off")

    def test_virtual_datasets_count_each_value_once(self):
        for i in range(6):
            with h5py.File(self.folder / f"s{i}.h5", "w") as file:
                file["d"] = self.array[i]
        for name, first in (("whole", 0), ("holed", 5)):
            layout = h5py.VirtualLayout(self.array.shape, "f8")
            for i in range(6 if first == 0 else 5):
                layout[i] = h5py.VirtualSource(f"s{i}.h5", "d", (40, 3))
            layout[0] = h5py.VirtualSource(f"s{first}.h5", "d", (40, 3))
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                file.create_virtual_dataset("x", layout, fillvalue=0)
        self.expect_same("whole.h5")
        self.refuse(["compare", "holed.h5", "reference.npy"], "120 of its 720 values are of no file")

    def test_fill_values_and_ranges_are_missing(self):
        values = self.array.copy()
        values[1, 5, 1] = 9.969209968386869e36
        with h5py.File(self.folder / "f.nc", "w") as file:
            file["default"] = values
            file.create_dataset("own", self.array.shape, fillvalue=-999.0, chunks=self.array.shape)[:5] = self.array[:5]
            file["ranged"] = numpy.where(numpy.arange(40)[None, :, None] == 3, 9999, self.array)
            file["ranged"].attrs["valid_range"] = [-100.0, 100.0]
        self.refuse(["compare", "f.nc:default", "reference.npy"], "the only nan is at trial 1, step 5, channel 1")
        _, said = self.scores("f.nc:own", "reference.npy", "--metric", "cka", code=3)
        self.assertIn("1 of 6 trials are nan throughout", said)
        self.refuse(["compare", "f.nc:ranged", "reference.npy"], "18 values are nan")

    def test_scales_of_dimensions(self):
        for name, order in (("a", [2, 0, 3, 1, 5, 4]), ("b", range(6))):
            with h5py.File(self.folder / f"{name}.nc", "w") as file:
                file["x"] = self.array[list(order)]
                for i, (axis, scale) in enumerate((("trial", order), ("time", range(40)), ("unit", range(3)))):
                    file[axis] = numpy.array(scale)
                    file[axis].make_scale(axis)
                    file["x"].dims[i].attach_scale(file[axis])
                file["time"].attrs.update(units="s", scale_factor=0.01)
        scores, said = self.scores("a.nc:x", "b.nc:x", "--metric", "cka,procrustes")
        for score in scores:
            self.assertLess(score["angle_rad"], 1e-7, "trials correspond by their names")
        self.assertIn("0.01 s a step", said)

    def test_series_of_nwb_are_not_trials(self):
        with h5py.File(self.folder / "w.nwb", "w") as file:
            file["acquisition/ts/data"] = self.array
            file["acquisition/ts"].attrs["neurodata_type"] = "TimeSeries"
        self.refuse(["compare", "w.nwb", "reference.npy"], "(time, x, y)", "@trial,time,channel")
        self.expect_same("w.nwb@trial,time,channel")


class TablesOfSpreadsheets(Files):
    def setUp(self):
        super().setUp()
        numpy.save(self.folder / "one.npy", self.array[0])
        self.rows = [",".join(str(value) for value in row) for row in self.array[0]]

    def write(self, name, header, rows=None, end="\n"):
        (self.folder / name).write_text(end.join([header, *(rows or self.rows)]))

    def test_errors_are_no_comments(self):
        for error, said in (("#DIV/0!", "'#DIV/0!' in line 3"), ("#N/A", "the only nan")):
            self.write("e.csv", "a,b,c", [self.rows[0], error + ",1,2", *self.rows[2:]])
            self.refuse(["compare", "e.csv", "one.npy"], said)
        self.write("c.csv", "# a, comment; of mine\n\na,b,c", [self.rows[0], "# and one more", *self.rows[1:]])
        self.expect_same("c.csv", reference="one.npy")

    def test_an_index_is_no_channel(self):
        for index in (range(100, 140), numpy.arange(40) / 100, numpy.random.default_rng(1).permutation(40)):
            self.write("i.csv", ",a,b,c", [f"{i},{row}" for i, row in zip(index, self.rows, strict=True)])
            self.expect_same("i.csv", reference="one.npy")
        left = [*range(15), *range(17, 42)]
        self.write("i.csv", ",a,b,c", [f"{i},{row}" for i, row in zip(left, self.rows, strict=True)])
        self.refuse(["compare", "i.csv", "one.npy"], "2 steps that the times of 'index' leave out")

    def test_clocks_and_labels_are_no_channels(self):
        for name in ("frame_number", "Frame #", "time_bin", "Time Stamp", "elapsed", "ts", "Index", "session"):
            self.write("n.csv", name + ",a,b,c", [f"{i},{row}" for i, row in enumerate(self.rows, 5)])
            self.expect_same("n.csv", reference="one.npy")
        self.write("n.csv", "time_constant,a,b", self.rows)
        self.expect_same("n.csv", reference="one.npy")

    def test_kinds_of_trials_are_no_trials(self):
        rows = [",".join(str(value) for value in row) for row in self.array.reshape(-1, 3)]
        kinds = numpy.repeat([0, 0, 1, 1, 2, 2], 40)
        trials = numpy.repeat(numpy.arange(6), 40)
        for kind in ("trial_type", "condition"):
            self.write("k.csv", kind + ",a,b,c", [f"{k},{row}" for k, row in zip(kinds, rows, strict=True)])
            _, said = self.scores("k.csv", "k.csv", "--metric", "cka")
            self.assertIn("a column 'trial' tells them apart", said)
            both = [f"{k},{t},{row}" for k, t, row in zip(kinds, trials, rows, strict=True)]
            self.write("k.csv", kind + ",trial,a,b,c", both)
            self.expect_same("k.csv")

    def test_numbers_name_columns(self):
        x = self.array[0] + 0.25
        numpy.save(self.folder / "quarter.npy", x)
        self.write("h.csv", "3,7,12", [",".join(str(value) for value in row) for row in x])
        _, said = self.expect_same("h.csv", reference="quarter.npy")
        self.assertIn("numbers the columns", said)

    def test_advice_for_text_fits_where_it_is(self):
        self.write("u.csv", "a,b,c", ["mV,mV,mV", *self.rows])
        self.refuse(["compare", "u.csv", "one.npy"], "leave out the lines of text, e.g. line 2")
        self.write("u.csv", "a,b,c", [self.rows[0], "--,1,2", *self.rows[2:]])
        self.refuse(["compare", "u.csv", "one.npy"], "a value that is missing is an empty cell")

    def test_separators_and_ends_of_lines(self):
        self.write("t.tsv", "# 100 Hz, mine\n\na\tb\tc", [row.replace(",", "\t") for row in self.rows])
        self.expect_same("t.tsv", reference="one.npy")
        self.write("mac.csv", "a,b,c", end="\r")
        self.expect_same("mac.csv", reference="one.npy")


class WhatCorresponds(Files):
    labels = (0, 1, 1, 0, 2, 2, 0, 1, 2)
    crossnobis = ("--metric", "rsa", "--set", "rsa.distance=crossnobis", "--set", "rsa.conditions=trial_means")

    def setUp(self):
        super().setUp()
        random = numpy.random.default_rng(3)
        for name in ("a", "b"):
            numpy.save(self.folder / f"{name}.npy", random.normal(size=(9, 10, 4)))
        numpy.save(self.folder / "labels.npy", numpy.array(self.labels))

    def test_conditions_by_names_of_one_side(self):
        rows = "\n".join(f"{8 - i},{c}" for i, c in enumerate(self.labels))
        (self.folder / "c.csv").write_text("trial,condition\n" + rows)
        (self.folder / "sheet.csv").write_text("file,conditions\na.npy,c.csv\nb.npy,labels.npy\n")
        self.refuse(["compare", "sheet.csv", *self.crossnobis], "in another order than rising")
        table = "\n".join(f"{t},{v}" for t in (2, 0, 1) for v in range(5))
        (self.folder / "t.csv").write_text("trial,x\n" + table)
        numpy.save(self.folder / "three.npy", numpy.array([0, 0, 1]))
        (self.folder / "sheet.csv").write_text("file,conditions\nt.csv,three.npy\nb.npy,labels.npy\n")
        self.refuse(["compare", "sheet.csv", *self.crossnobis], "does not name its trials")

    def test_conditions_of_trials_that_are_left_out_go_with_them(self):
        values = numpy.load(self.folder / "a.npy")
        values[[4, 6]] = numpy.nan
        numpy.save(self.folder / "nan.npy", values)
        kept = [k for k in range(9) if k not in (4, 6)]
        numpy.save(self.folder / "kept.npy", values[kept])
        numpy.save(self.folder / "kept_labels.npy", numpy.array(self.labels)[kept])
        (self.folder / "sheet.csv").write_text("file,conditions,name\nnan.npy,labels.npy,a\nb.npy,labels.npy,b\n")
        (self.folder / "same.csv").write_text("file,conditions,name\nkept.npy,kept_labels.npy,a\nb.npy,labels.npy,b\n")
        # One trial is left of condition 2 in neither.
        angles = [self.scores(sheet, *self.crossnobis)[0][0]["angle_rad"] for sheet in ("sheet.csv", "same.csv")]
        self.assertEqual(*angles)

    def test_blocks_of_repeats_of_trials_that_were_left_out_are_none(self):
        values = numpy.load(self.folder / "a.npy")
        values[[1, 5, 7]] = numpy.nan
        numpy.save(self.folder / "nan.npy", values)
        scores, _ = self.scores("nan.npy", "nan.npy", *self.crossnobis, "--set", "rsa.repeats=3", code=3)
        self.assertIn("--conditions tells it for each trial of the file", scores[0]["note"])

    def test_steps_that_were_taken_out(self):
        values = numpy.load(self.folder / "a.npy")
        values[:, 0] = numpy.nan
        numpy.save(self.folder / "late.npy", values)
        scores, _ = self.scores("late.npy", "b.npy", "--gaps", "split", "--conditions", "labels.npy", "--metric",
                                "stochastic_shape", code=3)
        self.assertIn("steps of it that are missing were taken out", scores[0]["note"])

    def test_times_that_begin_apart_are_warned_of(self):
        for name, begin in (("p", 0.0), ("q", 0.5)):
            rows = "\n".join(f"{begin + t / 10},{v}" for t, v in enumerate(self.array[0, :, 0]))
            (self.folder / f"{name}.csv").write_text("time (s),x\n" + rows)
        _, said = self.scores("p.csv", "q.csv", "--metric", "cka")
        self.assertIn("p.csv begins at 0 s and q.csv at 0.5 s", said)

    def test_trials_of_unequal_length_are_not_taken_for_other_axes(self):
        numpy.savez(self.folder / "u.npz", **{f"trial{k}": self.array[k, : 3 + 6 * k] for k in range(6)})
        numpy.save(self.folder / "v.npy", numpy.random.default_rng(1).normal(size=(8, 6, 3)))
        _, said = self.scores("u.npz:trial*+", "v.npy", "--metric", "eigenvalue_wasserstein", "--set",
                              "eigenvalue_wasserstein.n_delays=1", "--set", "eigenvalue_wasserstein.rank=2")
        self.assertNotIn("different orders", said)

    def test_files_are_joined_by_a_plus_behind_an_object(self):
        for k in range(6):
            with h5py.File(self.folder / f"j{k}.h5", "w") as file:
                file["x"], file["y"] = self.array[k], self.array[k]
        self.expect_same("j*.h5:x+")


if __name__ == "__main__":
    unittest.main()
