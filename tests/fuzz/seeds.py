"""Makes the files in seeds/ that fuzzing begins with: small ones of every kind that is read. Run it where they lie."""

import io
import pathlib
import zipfile

import h5py
import numpy
import scipy.io

FOLDER = pathlib.Path(__file__).parent / "seeds"
ARRAY = numpy.arange(24.0).reshape(2, 4, 3) ** 1.5


def file(kind, name):
    (FOLDER / kind).mkdir(parents=True, exist_ok=True)
    return FOLDER / kind / name


def npy():
    for dtype in ("f8", "<f4", ">f8", "f2", "i1", "u8", "?", "c16"):
        numpy.save(file("npy", f"{dtype.strip('<>?') or 'bool'}{'_big' if dtype.startswith('>') else ''}.npy"),
                   ARRAY.astype(dtype))
    numpy.save(file("npy", "fortran.npy"), numpy.asfortranarray(ARRAY[0]))
    numpy.save(file("npy", "gaps.npy"), numpy.where(ARRAY > 30, numpy.nan, ARRAY))
    numpy.save(file("npy", "structured.npy"), numpy.zeros(3, "f8,i4"))
    with open(file("npy", "version2.npy"), "wb") as out:
        numpy.lib.format.write_array(out, ARRAY, version=(2, 0))


def npz():
    numpy.savez(file("npz", "plain.npz"), a=ARRAY, b=ARRAY[0], c=numpy.array("text"))
    numpy.savez_compressed(file("npz", "packed.npz"), trial0=ARRAY[0], trial1=ARRAY[1, :3])
    with zipfile.ZipFile(file("npz", "folders.npz"), "w") as archive:
        array = io.BytesIO()
        numpy.save(array, ARRAY)
        archive.writestr("x/y.npy", array.getvalue())
        archive.writestr("notes.txt", "no array")


def hdf5():
    for name, options in {"contiguous": {}, "packed": {"compression": "gzip", "shuffle": True, "chunks": (1, 2, 3)},
                          "summed": {"fletcher32": True, "chunks": (2, 4, 1)}, "scaled": {"scaleoffset": 3},
                          "growing": {"maxshape": (None, 4, 3)}}.items():
        with h5py.File(file("hdf5", f"{name}.h5"), "w", libver="latest" if name == "growing" else "earliest") as out:
            out.create_dataset("g/x", data=ARRAY, **options)
    with h5py.File(file("hdf5", "series.nwb"), "w") as out:
        out["ts/data"] = ARRAY[0]
        out["ts/timestamps"] = 0.01 * numpy.arange(4)
        out["ts/data"].attrs.update({"conversion": 0.5, "unit": "V"})
    with h5py.File(file("hdf5", "scales.nc"), "w") as out:
        out["time"] = numpy.arange(4.0)
        out["time"].attrs["units"] = "ms"
        out["time"].make_scale("time")
        out["x"] = ARRAY[0].astype("i2")
        out["x"].dims[0].attach_scale(out["time"])
        out["x"].attrs.update({"_FillValue": numpy.int16(7), "scale_factor": 0.1, "axes": "time channel"})
    with h5py.File(file("hdf5", "cells.mat"), "w", userblock_size=512) as out:
        cells = out.create_dataset("trials", (1, 2), h5py.ref_dtype)
        for k in range(2):
            out[f"#refs#/{k}"] = ARRAY[k].T
            out[f"#refs#/{k}"].attrs["MATLAB_class"] = numpy.bytes_("double")
            cells[0, k] = out[f"#refs#/{k}"].ref
        cells.attrs["MATLAB_class"] = numpy.bytes_("cell")
    with h5py.File(file("hdf5", "frame.h5"), "w") as out:
        out["df"] = numpy.array([(0, (1.0, 2.0)), (1, (3.0, 4.0))], [("index", "i8"), ("values_block_0", "f8", (2,))])


def mat():
    cells = numpy.empty(2, object)
    cells[:] = [ARRAY[0], ARRAY[1, :3]]
    values = {"x": ARRAY, "cells": cells, "s": {"x": ARRAY[0], "fs": 10.0}, "flags": ARRAY > 20, "name": "text"}
    scipy.io.savemat(file("mat", "5.mat"), values)
    scipy.io.savemat(file("mat", "7.mat"), values, do_compression=True)
    scipy.io.savemat(file("mat", "4.mat"), {"x": ARRAY[0], "y": ARRAY[1]}, format="4")


def text():
    file("text", "names.csv").write_text("trial,time (s),a,b\n0,0,1,2\n0,.1,3,4\n1,0,5,6\n1,.1,7,NA\n")
    file("text", "plain.csv").write_text("1,2\n3,4\n5,6\n")
    file("text", "tabs.tsv").write_text("# made by hand\n\t0\t1\n0\t1e3\t-2\n1\tnan\t4\n")
    file("text", "gaps.csv").write_text('"t","x"\n0;1\n1;2\n5;3\n'.replace(";", ","))


def locations():
    for number, location in enumerate(("", "[0]", "[:,1:3]@time,channel", "@trial,time,channel", "[*]", ":x[1]", "+",
                                       "[0,::2,-1]@time", "*", ":*+[0:1]")):
        file("locations", str(number)).write_text(location)


for kind in (npy, npz, hdf5, mat, text, locations):
    kind()
