"""Hidden states and outputs of an exported network in NumPy: `repal export final.h5 --data DATA.h5 --out network.npz`."""
import sys
import numpy as np

PHI = {"relu": lambda x: np.maximum(x, 0), "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
       "softplus": lambda x: np.logaddexp(0, x), "tanh": np.tanh}


def forward(network, inputs):
    """inputs (sequence, time, input) -> states (sequence, time, unit), outputs (sequence, time, output)"""
    w_in, w_rec, bias, w_out = (network[f"weights/{name}"] for name in ("input", "recurrent", "bias", "readout"))
    cell, phi, decay = str(network["cell"]), PHI[str(network["activation"])], float(str(network["decay"]))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    h, states = np.zeros((len(inputs), w_rec.shape[1])), []
    for x in inputs.transpose(1, 0, 2):
        a, u = x @ w_in.T + bias, h @ w_rec.T
        if cell == "leaky_rnn":
            h = decay * h + (1 - decay) * phi(a + u)
        else:
            (a_r, a_z, a_c), (u_r, u_z, u_c) = np.split(a, 3, axis=1), np.split(u, 3, axis=1)
            r, z = sigmoid(a_r + u_r) if cell == "leaky_gru" else 1, sigmoid(a_z + u_z)
            h = (1 - z) * h + z * (decay * h + (1 - decay) * phi(a_c + r * u_c))
        states.append(h)
    states = np.stack(states, axis=1)
    return states, states @ w_out.T


if __name__ == "__main__":
    exported = np.load(sys.argv[1])
    states, outputs = forward(exported, exported["inputs"])
    print("largest difference of the states:", abs(states - exported["states"]).max())
    print("largest difference of the outputs:", abs(outputs - exported["outputs"]).max())
