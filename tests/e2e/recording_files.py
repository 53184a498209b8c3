"""Files of one array in many forms, and what `repal compare` makes of them."""

import json

import h5py
import numpy

from program import ProgramTest


class Files(ProgramTest):
    def setUp(self):
        super().setUp()
        # Whole numbers that fit every type, so that each file holds the same array: (trial, time, channel).
        self.array = numpy.random.default_rng(3).integers(0, 100, size=(6, 40, 3)).astype(float)
        numpy.save(self.folder / "reference.npy", self.array)

    def scores(self, *arguments, code=0):
        result = self.run_repal("compare", *arguments, "--format", "json")
        self.assertEqual(result.returncode, code, result.stderr)
        return json.loads(result.stdout), result.stderr

    def expect_same(self, location, *arguments, reference="reference.npy"):
        """Exactly 0 is given to equal arrays only."""
        scores, said = self.scores(reference, location, "--metric", "cka,procrustes", *arguments)
        for score in scores:
            self.assertEqual(score["angle_rad"], 0, (location, score))
        return scores, said

    def hdf5(self, name, **datasets):
        with h5py.File(self.folder / name, "w") as file:
            for path, values in datasets.items():
                file[path] = values
