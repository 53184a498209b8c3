"""Simulated systems beside an integration of the same equations in NumPy, and motif operations in any order."""

import unittest

import h5py
import numpy

from program import ProgramTest

CONFIG = """
seed: 4
metrics: {cka: {}}
studies:
  attractors:
    simulation: {trials: 12, steps: 60, dt: 0.01, integrator: INTEGRATOR, normalise: NORMALISE}
    systems:
      line: {task: line}
      plain: {task: lorenz, r: 30}
      other: {task: lorenz, r: 5}
      back: {reverse: plain}
      back_again: {reverse: {reverse: plain}}
      joined: {attach: [plain, {reverse: line}, other]}
      mixed: {combine: [plain, back], mixing: 0.25}
      noisy: {noise: mixed, sigma: 0.1}
      noise_then_reverse: {reverse: {noise: {combine: [joined, plain], mixing: 0.5}, sigma: 0.2}}
    experiments:
      lorenz:
        classes:
          all: [line, plain, other, back, back_again, joined, mixed, noisy, noise_then_reverse]
"""


def derivative(state, r, s=10, b=2.667):
    x, y, z = state.T
    return numpy.stack([s * (y - x), r * x - y - x * z, x * y - b * z], axis=1)


def euler(start, r, steps, dt):
    path = [start]
    for _ in range(steps - 1):
        path.append(path[-1] + dt * derivative(path[-1], r))
    return numpy.stack(path, axis=1)


def runge_kutta(start, r, steps, dt):
    path = [start]
    for _ in range(steps - 1):
        at = path[-1]
        k1 = derivative(at, r)
        k2 = derivative(at + dt / 2 * k1, r)
        k3 = derivative(at + dt / 2 * k2, r)
        k4 = derivative(at + dt * k3, r)
        path.append(at + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return numpy.stack(path, axis=1)


def normalised(paths):
    low = paths.min(axis=(1, 2), keepdims=True)
    return (paths - low) / (paths.max(axis=(1, 2), keepdims=True) - low)


class Systems(ProgramTest):
    def simulate(self, integrator="euler", normalise="false", *arguments):
        text = CONFIG.replace("INTEGRATOR", integrator).replace("NORMALISE", normalise)
        (self.folder / "systems.yaml").write_text(text)
        self.succeed("generate", "attractors", "--config", "systems.yaml", *arguments)
        with h5py.File(self.folder / "results" / "attractors" / "trajectories" / "lorenz.h5") as file:
            return {name: file[name][:] for name in file}

    def test_lorenz_follows_its_equations(self):
        for integrator, integrate in (("euler", euler), ("rk4", runge_kutta)):
            paths = self.simulate(integrator)
            for name, r in (("plain", 30), ("other", 5)):
                start = paths[name][:, 0]
                self.assertTrue(((start >= 0) & (start < 1)).all())
                # 60 steps of 0.01 amplify rounding by less than 1e3
                numpy.testing.assert_allclose(paths[name], integrate(start, r, 60, 0.01), rtol=1e-12, atol=1e-12)
            numpy.testing.assert_array_equal(paths["plain"][:, 0], paths["other"][:, 0])

    def test_normalisation_is_joint_and_of_each_trial(self):
        raw = self.simulate()
        scaled = self.simulate("euler", "true")

        numpy.testing.assert_allclose(scaled["plain"], normalised(raw["plain"]), atol=1e-14)
        for name in ("line", "plain", "joined"):
            numpy.testing.assert_array_equal(scaled[name].min(axis=(1, 2)), 0)
            numpy.testing.assert_array_equal(scaled[name].max(axis=(1, 2)), 1)

    def test_every_line_moves_and_is_straight(self):
        line = self.simulate()["line"]

        moved = line[:, 1:] - line[:, :1]
        lengths = numpy.linalg.norm(moved, axis=2)
        # the first step of t(t - 1)/2 is none
        numpy.testing.assert_allclose(lengths, numpy.tile([t * (t - 1) / 2 for t in range(1, 60)], (12, 1)), rtol=1e-9)
        directions = moved[:, 1:] / lengths[:, 1:, None]
        numpy.testing.assert_allclose(directions, numpy.repeat(directions[:, -1:], 58, axis=1), atol=1e-12)
        self.assertEqual(len({tuple(d) for d in directions[:, -1].round(6)}), 12)

    def test_motif_operations_are_what_they_say(self):
        paths = self.simulate()

        numpy.testing.assert_array_equal(paths["back"], paths["plain"][:, ::-1])
        numpy.testing.assert_array_equal(paths["back_again"], paths["plain"])
        mixed = paths["plain"] + 0.25 * (paths["back"] - paths["back"][:, :1])
        numpy.testing.assert_allclose(paths["mixed"], mixed, rtol=1e-13)
        residual = (paths["noisy"] - numpy.sqrt(1 - 0.1**2) * paths["mixed"]) / 0.1
        self.assertAlmostEqual(residual.mean(), 0, delta=0.1)  # 2160 normal draws: 4.6 standard errors
        self.assertAlmostEqual(residual.std(), 1, delta=0.07)
        self.assertEqual(len(numpy.unique(residual)), residual.size)

        motifs = [paths["plain"], paths["line"][:, ::-1], paths["other"]]
        joined = motifs[0]
        for motif in motifs[1:]:
            first = joined[:, -1:] + 1e-4 * (joined[:, -1:] - joined[:, -2:-1])
            joined = numpy.concatenate([joined, first, first + motif[:, 1:] - motif[:, :1]], axis=1)
        numpy.testing.assert_allclose(paths["joined"], normalised(joined[:, ::3]), atol=1e-12)
        self.assertEqual(paths["noise_then_reverse"].shape, (12, 60, 3))

    def test_own_initial_points_differ_and_shared_ones_do_not(self):
        own = self.simulate("euler", "false", "--set", "studies.attractors.simulation.initial_points=own")

        self.assertFalse((own["plain"][:, 0] == own["other"][:, 0]).any())

    def test_trial_does_not_depend_on_how_many_there_are(self):
        few = self.simulate()
        more = self.simulate("euler", "false", "--set", "studies.attractors.simulation.trials=20")

        for name in few:
            numpy.testing.assert_array_equal(more[name][:12], few[name])


if __name__ == "__main__":
    unittest.main()
