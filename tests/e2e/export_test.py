"""`repal export`: a trained network in NumPy, and files that do not fit each other."""

import shutil
import sys
import unittest

import h5py
import numpy

from program import SOURCE, sum_again
from small_study import NETWORKS, SmallStudy

sys.path.append(str(SOURCE / "examples"))
from forward import forward  # noqa: E402

RNN = "pair/leaky_rnn_relu_16_0.003_16_orthogonal"


class Export(SmallStudy):
    def test_an_exported_network_has_the_same_states_in_numpy(self):
        for activation in ("relu", "leaky_relu", "softplus", "tanh"):
            study = self.study("--set", f"{NETWORKS}.activation={activation}", "--set", f"{NETWORKS}.replicates=1",
                                 "--set", f"{NETWORKS}.cell=[leaky_rnn, leaky_gru, leaky_gru_legacy]", results=activation)
            finals = sorted(study.glob("networks/pair/*/r0/both/final.h5"))
            self.assertEqual(len(finals), 3)
            for final in finals:
                self.succeed("export", final, "--data", study / "data" / "AntiGo-test.h5", "--out", "network.npz")
                exported = numpy.load(self.folder / "network.npz")
                states, outputs = forward(exported, exported["inputs"])
                self.assertEqual(states.shape, (8, 30, 16))
                numpy.testing.assert_allclose(exported["states"], states, atol=1e-5)
                numpy.testing.assert_allclose(exported["outputs"], outputs, atol=1e-5)
                numpy.testing.assert_array_equal(exported["inputs"][:, :, 3:], numpy.tile([0, 1], (8, 30, 1)))
        self.refuse(["export", final, "--data", study / "data" / "Reach-test.h5", "--out", "n.npz"], "no rule for the task")
        self.refuse(["export", study / "data" / "Reach-test.h5", "--out", "n.npz"], "Reach-test.h5")

    def test_data_that_do_not_fit_are_not_exported(self):
        study = self.study("--group", "master")
        final = study / "networks" / RNN / "r0" / "master" / "final.h5"
        self.assertEqual(self.run_study(command="generate").returncode, 0)

        def refuse(change, *fragments, of="data"):
            copies = {"data": self.folder / "data.h5", "network": self.folder / "network.h5"}
            shutil.copy(study / "data" / "AntiGo-test.h5", copies["data"])
            shutil.copy(final, copies["network"])
            with h5py.File(copies[of], "r+") as file:
                change(file)
            sum_again(copies[of])
            self.refuse(["export", copies["network"], "--data", copies["data"], "--out", "n.npz"], *fragments)
            self.assertFalse((self.folder / "n.npz").exists())

        def attribute(name, value):
            return lambda file: file.attrs.__setitem__(name, value)

        def resized(name, shape, dtype):
            def change(file):
                del file[name]
                file[name] = numpy.ones(shape, dtype)
            return change

        def entry(name, value):
            def change(file):
                file[name][0] = value
                del file[name].attrs["crc32"]  # as somebody who means it
            return change

        refuse(attribute("step_ms", "10"), "data.h5: a step is 10 ms here and 20 ms in the network")
        refuse(attribute("step_ms", "many"), "'many', not a number")
        refuse(attribute("task", "AntGo"), "did you mean 'AntiGo'?")
        refuse(attribute("channels", "a,b"), "'observations' does not fit")
        refuse(attribute("actions", "a"), "'target_actions' does not fit")
        refuse(resized("observations", (8, 29, 3), "f4"), "'observations' does not fit")
        refuse(resized("weights", (7, 30), "f4"), "'weights' does not fit")
        refuse(resized("weights", (8, 30), "f8"), "'weights' has another type")
        refuse(resized("trial/ideal_action", (7,), "i4"), "does not fit")
        refuse(resized("trial/condition", (3, 1), "f8"), "'trial/condition' does not fit")
        refuse(entry("sequence_steps", 0), "'sequence_steps' does not fit")
        refuse(entry("trial/sequence", -1), "'trial/sequence' does not fit")
        refuse(entry("trial/sequence", 8), "'trial/sequence' does not fit")
        refuse(entry("trial/end_step", 31), "'trial/end_step' does not fit")
        refuse(entry("trial/period_end_step", 300), "does not fit")
        refuse(lambda file: file.__delitem__("weights"), "there is no array 'weights'")
        refuse(attribute("decay", "fast"), "'fast', not a number", of="network")
        refuse(attribute("rules", "AntiGo"), "data.h5: 3 channels, 1 rules and 2 outputs do not fit the network of 5 inputs", of="network")
        refuse(attribute("cell", "lstm"), "network.h5: unknown cell 'lstm'", of="network")
        refuse(resized("weights/bias", (15,), "f4"), "another architecture", of="network")


if __name__ == "__main__":
    unittest.main()
