"""Files of users: every kind that `repal compare` reads, written by NumPy and h5py, and what h5py reads of ours."""

import csv
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import time
import unittest
import zlib

import h5py
import numpy
import scipy.io
import scipy.sparse
from numpy.lib import format as npy_format

from program import DEMO, PROGRAM
from recording_files import Files


class Formats(Files):
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

    def test_hdf5_of_any_name_and_packing(self):
        for name in ("a.nwb", "a.nc", "a.hdf", "none", "A.H5"):
            self.hdf5(name, x=self.array)
            self.expect_same(name)
            self.expect_same(name + ":/x")
        packings = {"gzip": {"compression": "gzip", "shuffle": True}, "fletcher": {"fletcher32": True},
                    "chunked": {"chunks": (2, 7, 3)}, "szip": {"compression": "szip"},
                    "early": {"chunks": (2, 7, 3), "fillvalue": 5}, "resizable": {"maxshape": (None, None, None)}}
        for name, options in packings.items():
            with h5py.File(self.folder / f"{name}.h5", "w") as file:
                file.create_dataset("x", data=self.array, **options)
            self.expect_same(f"{name}.h5")
        with h5py.File(self.folder / "scale.h5", "w") as file:
            file.create_dataset("x", data=self.array.astype("i4"), scaleoffset=0)
            file.create_dataset("equal", data=numpy.full((50, 400, 100), 7, "i4"), scaleoffset=0, chunks=(50, 400, 100))
        self.expect_same("scale.h5:x")
        self.refuse(["compare", "scale.h5:equal", "scale.h5:x", "--metric", "nothing"], "nothing")
        self.assertNotIn("cut off", self.run_repal("compare", "scale.h5:equal", "scale.h5:equal", "--metric", "cka").stderr)

    def test_filters_that_are_not_here_are_named(self):
        for name, number in (("blosc", 32001), ("lz4", 32004), ("zstd", 32015)):
            with h5py.File(self.folder / "packed.h5", "w") as file:
                plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                plan.set_chunk(self.array.shape)
                plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (0, 0, 0, 0))
                space = h5py.h5s.create_simple(self.array.shape)
                dataset = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F64LE, space, plan)
                dataset.write_direct_chunk((0, 0, 0), bytes(5000))
            self.refuse(["compare", "packed.h5", "reference.npy"], name, "h5repack")

    def test_matlab_4_5_and_7(self):
        for name, options in (("v5.mat", {}), ("v7.mat", {"do_compression": True})):
            cells = numpy.empty(6, object)
            for k in range(6):
                cells[k] = self.array[k]
            scipy.io.savemat(self.folder / name, {"x": self.array, "name": "text", "fs": 100.0, "cells": cells,
                                                  "s": {"x": self.array, "inner": {"y": self.array}},
                                                  "flags": self.array > 50, "one": self.array[0].astype("i2")},
                             **options)
            for object_name in ("x", "s.x", "s.inner.y", "cells"):
                self.expect_same(f"{name}:{object_name}")
            numpy.save(self.folder / "flags.npy", self.array > 50)
            numpy.save(self.folder / "one.npy", self.array[0])
            self.expect_same(f"{name}:flags", reference="flags.npy")
            self.expect_same(f"{name}:one", reference="one.npy")
            self.refuse(["compare", f"{name}:nothing", "reference.npy"], f"{name}:nothing", "x (6, 40, 3)")
            self.refuse(["compare", f"{name}:name", "reference.npy"], "text")
        scipy.io.savemat(self.folder / "alone.mat", {"x": self.array, "fs": 100.0, "t": numpy.arange(40.0)})
        self.expect_same("alone.mat")
        scipy.io.savemat(self.folder / "v4.mat", {"x": self.array[0]}, format="4")
        self.expect_same("v4.mat", reference="one.npy")
        scipy.io.savemat(self.folder / "sparse.mat", {"x": scipy.sparse.csc_matrix(self.array[0])})
        self.refuse(["compare", "sparse.mat:x", "reference.npy"], "sparse")
        whole = (self.folder / "v7.mat").read_bytes()
        for damaged in (whole[:200], whole[:3000], whole[:-100], whole[:2000] + bytes(500) + whole[2500:]):
            (self.folder / "bad.mat").write_bytes(damaged)
            result = self.run_repal("compare", "bad.mat:s.inner.y", "reference.npy", "--metric", "cka")
            self.assertIn(result.returncode, (0, 2), result.stderr)  # what was read may lie before the damage
            self.assertEqual(len(result.stderr.splitlines()) if result.returncode == 2 else 1, 1, result.stderr)

    def test_matlab_7_3_cells_and_structs(self):
        with h5py.File(self.folder / "c.mat", "w", userblock_size=512) as file:
            kept = file.create_group("#refs#")
            references = []
            for k in range(6):
                kept[f"t{k}"] = self.array[k].T
                kept[f"t{k}"].attrs["MATLAB_class"] = numpy.bytes_("double")
                references.append(kept[f"t{k}"].ref)
            cells = file.create_dataset("trials", (6, 1), dtype=h5py.ref_dtype)
            cells[:, 0] = references
            cells.attrs["MATLAB_class"] = numpy.bytes_("cell")
            file["s/x"] = self.array.transpose(2, 1, 0)
            file["s"].attrs["MATLAB_class"] = numpy.bytes_("struct")
            file["s/x"].attrs["MATLAB_class"] = numpy.bytes_("double")
        for location in ("c.mat:trials", "c.mat:s/x", "c.mat:s.x", "c.mat:/s/x", "c.mat:s"):
            self.expect_same(location)
        self.refuse(["compare", "c.mat", "reference.npy"], "/s/x (6, 40, 3)", "/trials (6, 40, 3)")

    def test_struct_arrays_of_matlab_are_trials(self):
        trials = numpy.zeros((6, 1), dtype=[("rates", object), ("go", object), ("name", object)])
        for k in range(6):
            trials[k, 0] = (self.array[k][: 40 - k], float(k), f"trial {k}")
            numpy.save(self.folder / f"part{k}.npy", self.array[k][: 40 - k])
        scipy.io.savemat(self.folder / "v5.mat", {"R": trials})
        with h5py.File(self.folder / "v73.mat", "w", userblock_size=512) as file:
            group = file.create_group("R")
            group.attrs["MATLAB_class"] = numpy.bytes_("struct")
            references = group.create_dataset("rates", (6, 1), dtype=h5py.ref_dtype)
            for k in range(6):
                file[f"#refs#/r{k}"] = self.array[k][: 40 - k].T
                file[f"#refs#/r{k}"].attrs["MATLAB_class"] = numpy.bytes_("double")
                references[k, 0] = file[f"#refs#/r{k}"].ref
        settings = ["--metric", "dsa", "--set", "dsa.n_delays=2", "--set", "dsa.rank=2"]
        for location in ("v5.mat:R.rates", "v5.mat", "v73.mat:R.rates", "v73.mat"):
            scores, _ = self.scores("part*.npy+", location, *settings)
            self.assertEqual(scores[0]["angle_rad"], 0, location)
        self.refuse(["compare", "v5.mat:R.name", "reference.npy"], "entry 1 of 'R.name' is text")
        self.refuse(["compare", "v5.mat:R.nothing", "reference.npy"], "R.rates (6, 40, 3)")

    def test_names_that_look_like_slices(self):
        numpy.savez(self.folder / "named.npz", **{"x[0]": self.array, "x": self.array[1:]})
        self.expect_same("named.npz:x[0]")
        numpy.save(self.folder / "one.npy", self.array[2])
        self.expect_same("named.npz:x[1]", reference="one.npy")

    def test_damaged_matlab_files_are_refused(self):
        """libmatio reads zeros where bytes are missing or cannot be unpacked."""
        cells = numpy.empty(6, object)
        for k in range(6):
            cells[k] = self.array[k]
        for packed in (False, True):
            name = self.folder / "whole.mat"
            scipy.io.savemat(name, {"x": self.array, "empty": numpy.zeros((0, 3)), "cells": cells, "text": "abc",
                                    "flag": True, "s": {"a": self.array, "b": {"c": 1.0}}}, do_compression=packed)
            for location in ("whole.mat:x", "whole.mat:cells", "whole.mat:s.a"):
                self.expect_same(location)
            whole = name.read_bytes()
            random = numpy.random.default_rng(1)
            for length in (130, 250, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 1):
                (self.folder / "cut.mat").write_bytes(whole[:length])
                self.refuse(["compare", "cut.mat:x", "reference.npy"], "cut off or is damaged")
            if not packed:
                continue
            for place in random.integers(300, len(whole) - 300, 30):
                damaged = bytearray(whole)
                damaged[place] ^= int(random.integers(1, 256))
                (self.folder / "bad.mat").write_bytes(damaged)
                self.refuse(["compare", "bad.mat:x", "reference.npy"], "damaged")

    def test_what_hdf5_makes_up_at_any_depth_is_refused(self):
        with h5py.File(self.folder / "part.h5", "w") as file:
            file.create_dataset("x", shape=(40, 3), chunks=(20, 3), dtype="f8")[:20] = self.array[0, :20]
        for k in range(1, 6):
            self.hdf5(f"t{k}.h5", x=self.array[k])
        layout = h5py.VirtualLayout(self.array.shape, "f8")
        for k in range(6):
            layout[k] = h5py.VirtualSource("part.h5" if k == 0 else f"t{k}.h5", "x", shape=(40, 3))
        with h5py.File(self.folder / "v.h5", "w") as file:
            file.create_virtual_dataset("x", layout)
        self.refuse(["compare", "v.h5", "reference.npy"], "1 of its 2 chunks")
        self.hdf5("part.h5", x=self.array[0])
        self.expect_same("v.h5")
        outer = h5py.VirtualLayout(self.array.shape, "f8")
        outer[:] = h5py.VirtualSource("v.h5", "x", shape=self.array.shape)
        with h5py.File(self.folder / "outer.h5", "w") as file:
            file.create_virtual_dataset("x", outer)
        self.expect_same("outer.h5")
        (self.folder / "t3.h5").unlink()
        self.refuse(["compare", "outer.h5", "reference.npy"], "t3.h5", "is not there")
        self.hdf5("t3.h5", x=self.array[3, :30])
        self.refuse(["compare", "outer.h5", "reference.npy"], "smaller than what is taken")
        itself = h5py.VirtualLayout(self.array.shape, "f8")
        itself[:] = h5py.VirtualSource("itself.h5", "x", shape=self.array.shape)
        with h5py.File(self.folder / "itself.h5", "w") as file:
            file.create_virtual_dataset("x", itself)
        self.refuse(["compare", "itself.h5", "reference.npy"], "made of itself")
        (self.folder / "short.bin").write_bytes(self.array.tobytes()[:3000])
        with h5py.File(self.folder / "endless.h5", "w") as file:
            file.create_dataset("x", shape=self.array.shape, dtype="f8",
                                external=[("short.bin", 0, h5py.h5f.UNLIMITED)])
        self.refuse(["compare", "endless.h5", "reference.npy"], "was cut off")

    def test_hdf5_that_crashes_its_library_is_refused(self):
        with h5py.File(self.folder / "whole.h5", "w") as file:
            file["x"] = self.array
            file["x"].attrs["axes"] = "trial,time,channel"
        whole = (self.folder / "whole.h5").read_bytes()
        random = numpy.random.default_rng(2)
        codes = set()
        for _ in range(60):
            damaged = bytearray(whole)
            for place in random.integers(0, len(whole), 4):
                damaged[place] = int(random.integers(0, 256))
            # The attribute's text lies in the heap behind the values.
            for place in random.integers(len(whole) - 4096, len(whole), 4):
                damaged[place] = int(random.integers(0, 256))
            (self.folder / "bad.h5").write_bytes(damaged)
            result = self.run_repal("compare", "bad.h5", "reference.npy", "--metric", "cka")
            codes.add(result.returncode)
        self.assertLessEqual(codes, {0, 2, 3}, "no crash")

    def test_chunks_that_are_too_short_are_refused(self):
        """libhdf5 reads what lies behind them in memory."""
        for name, packing in (("packed", {"compression": "gzip"}), ("plain", {})):
            for is_whole in (True, False):
                with h5py.File(self.folder / f"{name}.h5", "w") as file:
                    data = file.create_dataset("x", self.array.shape, "f8", chunks=(1, 32, 3), **packing)
                    for trial, step in numpy.ndindex(6, 2):
                        chunk = self.array[trial, 32 * step:][:32]
                        rest = numpy.zeros((32 - len(chunk) if is_whole else 0, 3))
                        values = numpy.concatenate([chunk, rest]).tobytes()
                        data.id.write_direct_chunk((trial, 32 * step, 0), zlib.compress(values) if packing else values)
                if is_whole:
                    self.expect_same(f"{name}.h5")
            self.refuse(["compare", f"{name}.h5", "reference.npy"], "has 192 bytes, where a whole one has 768",
                        "write every chunk whole")
            layout = h5py.VirtualLayout(self.array.shape, "f8")
            layout[:] = h5py.VirtualSource(f"{name}.h5", "x", shape=self.array.shape)
            with h5py.File(self.folder / "v.h5", "w") as file:
                file.create_virtual_dataset("x", layout)
            self.refuse(["compare", "v.h5", "reference.npy"], "has 192 bytes, where a whole one has 768")

    def test_filters_that_crash_are_refused(self):
        whole = numpy.round(self.array * 100).astype("i4")
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((2, 40, 3))
        plan.set_filter(h5py.h5z.FILTER_NBIT, 0, ())
        with h5py.File(self.folder / "bits.h5", "w") as file:
            of_20_bits = h5py.h5t.STD_I32LE.copy()
            of_20_bits.set_precision(20)
            data = h5py.h5d.create(file.id, b"x", of_20_bits, h5py.h5s.create_simple(whole.shape), plan)
            data.write(h5py.h5s.ALL, h5py.h5s.ALL, whole)
        with h5py.File(self.folder / "scaled.h5", "w") as file:
            file.create_dataset("x", data=whole, chunks=(2, 40, 3), scaleoffset=0)
        numpy.save(self.folder / "rounded.npy", whole)
        # The length of a chunk, and a parameter of the filter.
        for name, place, value in (("bits.h5", struct.pack("<4I", 2, 40, 3, 4), struct.pack("<4I", 2, 0x4028, 3, 4)),
                                   ("scaled.h5", struct.pack("<2I", 4, 1), struct.pack("<2I", 0x6E000004, 1))):
            self.expect_same(name, reference="rounded.npy")
            sound = (self.folder / name).read_bytes()
            self.assertIn(place, sound)
            (self.folder / "bad.h5").write_bytes(sound.replace(place, value))
            # A sanitizer shall not take the crash of the child for its own.
            result = self.run_repal("compare", "bad.h5", "reference.npy", env={**os.environ, "ASAN_OPTIONS": "handle_segv=0"})
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertRegex(result.stderr, r"^repal: bad\.h5: .+\n$")

    def test_a_child_that_is_killed_says_so(self):
        with h5py.File(self.folder / "slow.h5", "w") as file:
            values = numpy.random.default_rng(1).standard_normal((4, 4000, 200))
            file.create_dataset("x", data=values, chunks=(1, 100, 200), compression="gzip", compression_opts=1)
        # A child may have read all before the signal comes; then it is tried again.
        for _ in range(20):
            process = subprocess.Popen([PROGRAM, "compare", "slow.h5", "reference.npy"], cwd=self.folder, stderr=subprocess.PIPE)
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
            until = time.monotonic() + 60
            while not (found := children.read_text().split()):
                self.assertLess(time.monotonic(), until)
            os.kill(int(found[0]), signal.SIGKILL)
            said = process.communicate()[1].decode()
            if process.returncode == 2:
                break
        self.assertEqual(process.returncode, 2, said)
        self.assertIn("the process that read the HDF5 file was killed", said)

    def test_arrays_that_are_read_in_pieces(self):
        big = numpy.random.default_rng(3).standard_normal((3, 600, 300))
        numpy.save(self.folder / "big.npy", big)
        with h5py.File(self.folder / "big.h5", "w") as file:
            for name, chunks in (("plain", None), ("rows", (1, 64, 300)), ("trials", (2, 600, 7)), ("some", True)):
                file.create_dataset(name, data=big, chunks=chunks)
            file["turned"] = big.transpose(2, 1, 0)
        for name in ("plain", "rows", "trials", "some"):
            for part in ("", "[1:]", "[2]", "[:,100:300]", "[0:2,::2]", "[:,:,5:9]"):
                with self.subTest(name=name, part=part):
                    self.expect_same(f"big.h5:{name}{part}", reference=f"big.npy{part}")
        self.expect_same("big.h5:turned@channel,time,trial", reference="big.npy")

    def test_marks_of_missing_values_of_any_type(self):
        whole = numpy.round(self.array * 100)
        whole[0, 3, 2] = -999
        cases = {"several": (whole.astype("i2"), "missing_value", numpy.array([-998, -999], "i2")),
                 "text": (whole.astype("i2"), "missing_value", "-999"),
                 "wider": ((whole / 10).astype("f4"), "_FillValue", numpy.float64(-99.9))}
        for name, (values, attribute, mark) in cases.items():
            self.hdf5(f"{name}.h5", x=values)
            with h5py.File(self.folder / f"{name}.h5", "a") as file:
                file["x"].attrs[attribute] = mark
            self.refuse(["compare", f"{name}.h5", "reference.npy"], "the only nan is at trial 0, step 3, channel 2")
        with h5py.File(self.folder / "text.h5", "a") as file:
            file["x"].attrs["missing_value"] = "none"
        self.refuse(["compare", "text.h5", "reference.npy"], "missing_value", "is no number")

    def test_index_of_pandas(self):
        """As `DataFrame.to_hdf` writes a frame whose index is (trial, time)."""
        with h5py.File(self.folder / "frame.h5", "w") as file:
            group = file.create_group("frame")
            group.attrs["pandas_type"] = "frame"
            group["axis0"] = numpy.array([b"a", b"b", b"c"])
            group["block0_items"] = numpy.array([b"a", b"b", b"c"])
            group["block0_values"] = self.array.reshape(-1, 3)
            for level, (name, values, codes) in enumerate(
                    (("trial", numpy.arange(6), numpy.repeat(numpy.arange(6), 40)),
                     ("time_s", 0.01 * numpy.arange(40), numpy.tile(numpy.arange(40), 6)))):
                group[f"axis1_level{level}"] = values
                group[f"axis1_level{level}"].attrs["name"] = name
                group[f"axis1_label{level}"] = codes
        scores, said = self.expect_same("frame.h5", "--dt", "0.01")
        self.assertIn("column 'trial' tells the trials", said)
        with h5py.File(self.folder / "gap.h5", "w") as file:
            group = file.create_group("frame")
            group.attrs["pandas_type"] = "frame"
            group["axis0"] = numpy.array([b"a", b"b", b"c"])
            group["block0_items"] = numpy.array([b"a", b"b", b"c"])
            group["block0_values"] = numpy.delete(self.array[0], slice(10, 13), axis=0)
            group["axis1"] = numpy.delete(0.01 * numpy.arange(40), slice(10, 13))
            group["axis1"].attrs["name"] = "time_s"
        self.refuse(["compare", "gap.h5", "reference.npy"], "3 steps that the times of 'time_s' leave out")

    def test_empty_and_text_of_octave(self):
        with h5py.File(self.folder / "o.h5", "w") as file:
            for name, kind, value in (("empty", b"matrix", numpy.array([0, 5])), ("text", b"sq_string",
                                                                                  numpy.frombuffer(b"hello", "i1"))):
                group = file.create_group(name)
                group.attrs["OCTAVE_NEW_FORMAT"] = numpy.uint8(1)
                group["type"] = numpy.bytes_(kind)
                group["value"] = value
            file["empty"].attrs["OCTAVE_EMPTY_MATRIX"] = numpy.uint8(1)
        self.refuse(["compare", "o.h5:empty", "reference.npy"], "is empty")
        self.refuse(["compare", "o.h5:text", "reference.npy"], "is text")

    def test_times_of_spikes_are_no_signal(self):
        self.hdf5("n.nwb", **{"units/spike_times": numpy.sort(self.array.reshape(-1)[:100])})
        self.refuse(["compare", "n.nwb:/units/spike_times", "reference.npy"], "times of events", "histogram")

    def test_dimensions_of_netcdf_without_values(self):
        with h5py.File(self.folder / "a.nc", "w") as file:
            file["x"] = self.array
            for i, (name, n) in enumerate((("trial", 6), ("time", 40), ("channel", 3))):
                file.create_dataset(name, shape=(n,), dtype="f4")
                file[name].make_scale(f"This is a netCDF dimension but not a netCDF variable. {n:9d}")
                file["x"].dims[i].attach_scale(file[name])
        scores, _ = self.expect_same("a.nc:/x")
        self.assertIn("(trial, time, channel", scores[0]["read_b"])

    def test_octave(self):
        """As `save -hdf5` of Octave 7 writes a matrix, a struct, a cell and a struct array."""
        def octave(group, name, kind):
            made = group.create_group(name)
            made.attrs["OCTAVE_NEW_FORMAT"] = numpy.uint8(1)
            made["type"] = numpy.bytes_(kind)
            return made

        def matrix(group, name, values):
            octave(group, name, "matrix")["value"] = numpy.ascontiguousarray(values.transpose())

        def cell(group, name):
            made = octave(group, name, "cell").create_group("value")
            made["dims"] = numpy.array([1, 6])
            for k in range(6):
                matrix(made, f"_{k}", self.array[k])

        with h5py.File(self.folder / "o.h5", "w") as file:
            matrix(file, "x", self.array)
            matrix(octave(file, "s", "scalar struct").create_group("value"), "x", self.array)
            cell(file, "c")
            made = octave(file, "many", "cell").create_group("value")  # ten and more have names of two digits
            made["dims"] = numpy.array([1, 12])
            for k in range(12):
                matrix(made, f"_{k:02d}", self.array[k % 6])
            cell(octave(file, "r", "struct").create_group("value"), "rates")
        for location in ("o.h5:x", "o.h5:/x/value", "o.h5:s.x", "o.h5:/s/x", "o.h5:c", "o.h5:r.rates"):
            self.expect_same(location)
        self.refuse(["compare", "o.h5", "reference.npy"],
                    "/c (6, 40, 3), /many (12, 40, 3), /r/rates (6, 40, 3), /s/x (6, 40, 3), /x (6, 40, 3)")
        self.expect_same("o.h5:many[:6]")
        with h5py.File(self.folder / "alone.h5", "w") as file:
            matrix(file, "x", self.array)
        self.expect_same("alone.h5")
        with h5py.File(self.folder / "round.h5", "w") as file:
            made = octave(file, "x", "matrix")
            made["value"] = made
        self.refuse(["compare", "round.h5:x", "reference.npy"], "round.h5")

    def test_tables_of_text(self):
        numpy.save(self.folder / "flat.npy", self.array[0])
        for name, separator in (("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")):
            numpy.savetxt(self.folder / name, self.array[0], delimiter=separator)
            self.expect_same(name, reference="flat.npy")
        rows = [["", "trial", "time_ms", "u1", "u2", "u3"]]
        for k in range(6):
            for t in range(40):
                rows.append([len(rows) - 1, k, 20 * t, *self.array[k, t]])
        with open(self.folder / "named.csv", "w", newline="") as file:
            csv.writer(file).writerows(rows)
        scores, said = self.expect_same("named.csv", "--dt", "steps")
        self.assertIn("column 'trial' tells the trials", said)
        self.assertIn("6 trials x 40 steps x 3 channels", scores[0]["read_b"])
        self.assertIn("0.02 s a step", self.scores("named.csv", "named.csv", "--metric", "cka")[1])
        (self.folder / "wrong.csv").write_text("a,b\n1,2\n3,x\n")
        self.refuse(["compare", "wrong.csv", "reference.npy"], "'x' in line 3, column 2")
        (self.folder / "ragged.csv").write_text("1,2\n3\n")
        self.refuse(["compare", "ragged.csv", "reference.npy"], "line 2 has 1 columns")
        (self.folder / "sheet.csv").write_text("file,area\na.npy,V1\n")
        self.refuse(["compare", "sheet.csv", "reference.npy"], "a sheet of files")

    def test_tables_of_pandas(self):
        # Two blocks, as pandas keeps columns of two types, in an order that is not that of the table.
        with h5py.File(self.folder / "frame.h5", "w") as file:
            group = file.create_group("df")
            group.attrs["pandas_type"] = "frame"
            group["axis0"] = numpy.array([b"a", b"b", b"c"])
            group["axis1"] = numpy.arange(40)
            group["block0_items"] = numpy.array([b"a", b"c"])
            group["block0_values"] = self.array[0][:, [0, 2]]
            group["block1_items"] = numpy.array([b"b"])
            group["block1_values"] = self.array[0][:, [1]].astype("i8")
        numpy.save(self.folder / "flat.npy", self.array[0])
        for location in ("frame.h5", "frame.h5:df", "frame.h5:/df"):
            self.expect_same(location, reference="flat.npy")

    def test_what_is_no_number_has_a_way_on(self):
        for name, values, way_on in (("complex", self.array + 1j, "x.real"), ("text", self.array.astype("U8"), "astype"),
                                     ("long", self.array.astype("longdouble"), "float64"),
                                     ("date", self.array.astype("datetime64[ms]"), "--dt")):
            numpy.save(self.folder / f"{name}.npy", values)
            self.refuse(["compare", f"{name}.npy", "reference.npy"], way_on)
        rows = "\n".join(";".join(f"{value / 10:.1f}".replace(".", ",") for value in row) for row in self.array[0])
        (self.folder / "comma.csv").write_text("a;b;c\n" + rows)
        self.refuse(["compare", "comma.csv", "reference.npy"], "line 2, column 1", "decimal points")
        (self.folder / "long.csv").write_text("1,2\n3," + "x" * 100_000)
        self.refuse(["compare", "long.csv", "reference.npy"], "xxx...' in line 2, column 2")
        (self.folder / "wide.csv").write_bytes("a,b\n1,2\n3,4\n".encode("utf-16"))
        self.refuse(["compare", "wide.csv", "reference.npy"], "UTF-16", "UTF-8")
        numbers = "\n".join(",".join(str(value) for value in row) for row in self.array[0])
        (self.folder / "marked.csv").write_bytes(b"\xef\xbb\xbf" + numbers.encode())
        numpy.save(self.folder / "one.npy", self.array[0])
        self.expect_same("marked.csv", reference="one.npy")

    def test_what_is_not_read_has_a_line_that_converts_it(self):
        numpy.savetxt(self.folder / "a.txt", self.array[0])
        (self.folder / "a.pt").write_bytes(b"PK\x03\x04junk")
        (self.folder / "a.pkl").write_bytes(b"\x80\x04.")
        (self.folder / "a.parquet").write_bytes(b"PAR1" + bytes(100))
        (self.folder / "a.zarr").mkdir()
        (self.folder / "odd").write_bytes(bytes(range(256)))
        (self.folder / "empty.npy").write_bytes(b"")
        for name in ("a.txt", "a.pt", "a.pkl", "a.parquet", "a.zarr", "odd", "empty.npy"):
            self.refuse(["compare", name, "reference.npy"], name, "numpy.save")
        objects = numpy.empty(2, object)
        objects[:] = [self.array[0], self.array[1, :30]]
        numpy.save(self.folder / "objects.npy", objects, allow_pickle=True)
        self.refuse(["compare", "objects.npy", "reference.npy"], "trials of unequal length", "numpy.savez")


if __name__ == "__main__":
    unittest.main()
