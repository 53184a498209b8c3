"""Files of users: every kind that `repal compare` reads, written by NumPy and h5py, and what h5py reads of ours."""

import json
import unittest

import h5py
import numpy
from numpy.lib import format as npy_format

from program import DEMO, ProgramTest


class Formats(ProgramTest):
    def setUp(self):
        super().setUp()
        # Whole numbers that fit every type, so that each file holds the same array.
        self.array = numpy.random.default_rng(3).integers(0, 100, size=(6, 40, 3)).astype(float)
        numpy.save(self.folder / "reference.npy", self.array)

    def expect_same(self, location, *arguments, reference="reference.npy"):
        """Exactly 0 is given to equal arrays only; a rotated one would be at 1e-8 or so."""
        scores = json.loads(self.succeed("compare", reference, location, "--format", "json", "--metric",
                                         "cka,procrustes", *arguments).stdout)
        for score in scores:
            self.assertEqual(score["angle_rad"], 0, location)

    def test_npy_of_every_type_order_and_version(self):
        for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f4", ">f8", ">i4", ">u2"):
            with self.subTest(kind):
                numpy.save(self.folder / "typed.npy", self.array.astype(kind))
                self.expect_same("typed.npy")
        for version in ((1, 0), (2, 0), (3, 0)):
            for order in "CF":
                with self.subTest(version=version, order=order):
                    with open(self.folder / "version.npy", "wb") as file:
                        npy_format.write_array(file, numpy.asarray(self.array, order=order), version=version)
                    self.expect_same("version.npy")

    def test_two_dimensions_are_time_and_channel(self):
        flat = self.array[0]
        numpy.save(self.folder / "flat.npy", flat)
        numpy.save(self.folder / "one_trial.npy", flat[None])
        numpy.save(self.folder / "transposed.npy", flat.T)

        self.expect_same("one_trial.npy", reference="flat.npy")
        result = self.run_repal("compare", "transposed.npy", "transposed.npy", "--metric", "cka", "--axes",
                                "channel,time", "--format", "json")
        self.assertEqual(json.loads(result.stdout)[0]["angle_rad"], 0)
        self.refuse(["compare", "flat.npy@trial,time,channel", "flat.npy"], "flat.npy",
                    "3 axes, but the array has 2 dimensions")

    def test_hdf5_contiguous_chunked_packed_and_nested(self):
        with h5py.File(self.folder / "data.h5", "w") as file:
            file["plain"] = self.array
            file.create_dataset("group/packed", data=self.array.astype("f4"), chunks=(2, 7, 3), compression="gzip",
                                shuffle=True)
            file.create_dataset("group/whole", data=self.array.astype("i4"))
            file["text"] = "not numbers"

        for location in ("data.h5:/plain", "data.h5:plain", "data.h5:/group/packed", "data.h5:/group/whole"):
            self.expect_same(location)
        self.refuse(["compare", "reference.npy", "data.h5:/plian"], "data.h5:/plian", "did you mean '/plain'?")
        self.refuse(["compare", "reference.npy", "data.h5"], "data.h5", "/group/packed")
        self.refuse(["compare", "reference.npy", "data.h5:/text"], "data.h5:/text")

    def test_one_dataset_needs_no_name(self):
        with h5py.File(self.folder / "single.hdf5", "w") as file:
            file["anything"] = self.array
        numpy.savez(self.folder / "single.npz", self.array)

        self.expect_same("single.hdf5")
        self.expect_same("single.npz")

    def test_matlab_arrays_have_the_dimensions_that_matlab_shows(self):
        # MATLAB writes x(trial, time, channel) first dimension fastest, so HDF5 sees the dimensions backwards.
        with h5py.File(self.folder / "saved.mat", "w", userblock_size=512) as file:
            file["x"] = self.array.transpose(2, 1, 0)
            file["x"].attrs["MATLAB_class"] = numpy.bytes_("double")
        with open(self.folder / "saved.mat", "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")

        self.expect_same("saved.mat:x")

    def test_truncated_hdf5_and_npz(self):
        with h5py.File(self.folder / "whole.h5", "w") as file:
            file["x"] = numpy.zeros((10, 1000, 3)) + numpy.arange(3)
        (self.folder / "cut.h5").write_bytes((self.folder / "whole.h5").read_bytes()[:50_000])
        numpy.savez(self.folder / "whole.npz", x=self.array)
        (self.folder / "cut.npz").write_bytes((self.folder / "whole.npz").read_bytes()[:-200])

        self.refuse(["compare", "reference.npy", "cut.h5:/x"], "cut.h5:/x")
        self.refuse(["compare", "reference.npy", "cut.npz:x"], "cut.npz:x")

    def test_what_is_missing_from_other_files_or_was_never_written_is_not_read_as_zeros(self):
        shape = self.array.shape
        with h5py.File(self.folder / "source.h5", "w") as file:
            file["x"] = self.array
        layout = h5py.VirtualLayout(shape, "f8")
        layout[:2] = h5py.VirtualSource("source.h5", "x", shape)[:2]
        layout[2:] = h5py.VirtualSource("absent.h5", "x", shape)[2:]
        with h5py.File(self.folder / "absent_source.h5", "w") as file:
            file.create_virtual_dataset("x", layout, fillvalue=0)
        layout = h5py.VirtualLayout(shape, "f8")
        layout[:2] = h5py.VirtualSource("source.h5", "x", shape)[:2]
        with h5py.File(self.folder / "unmapped.h5", "w") as file:
            file.create_virtual_dataset("x", layout, fillvalue=0)
        (self.folder / "short.bin").write_bytes(self.array.tobytes()[:-80])
        with h5py.File(self.folder / "external.h5", "w") as file:
            file.create_dataset("x", shape=shape, dtype="f8", external=[("short.bin", 0, self.array.nbytes)])
        with h5py.File(self.folder / "unwritten.h5", "w") as file:
            file.create_dataset("x", shape=shape, dtype="f8", chunks=(1, *shape[1:]))[1:] = self.array[1:]
        for file in ("absent_source.h5", "unmapped.h5", "external.h5", "unwritten.h5"):
            self.refuse(["compare", "reference.npy", file], file, "would be read as zeros")

        layout = h5py.VirtualLayout(shape, "f8")
        layout[:] = h5py.VirtualSource("source.h5", "x", shape)
        with h5py.File(self.folder / "virtual.h5", "w") as file:
            file.create_virtual_dataset("x", layout)
        with h5py.File(self.folder / "linking.h5", "w") as file:
            file["x"] = h5py.ExternalLink("source.h5", "/x")
        self.expect_same("virtual.h5:/x")
        self.expect_same("linking.h5:/x")

    def test_what_the_study_writes_opens_in_h5py_with_axes_and_provenance(self):
        self.succeed("generate", "attractors", "--config", DEMO)

        with h5py.File(self.folder / "results" / "attractors" / "trajectories" / "lorenz.h5") as file:
            self.assertEqual(file["r10"].shape, (40, 120, 3))
            self.assertEqual(file["r10"].attrs["axes"], "trial,time,channel")
            self.assertEqual(file.attrs["study"], "attractors")
            self.assertEqual(file.attrs["seed"], "1")


if __name__ == "__main__":
    unittest.main()
