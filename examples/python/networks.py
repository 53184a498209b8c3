"""From the hidden states of PyTorch networks to a calibrated comparison and a figure."""

import matplotlib
import repal
import torch

matplotlib.use("agg")
inputs = torch.randn(20, 100, 3, generator=torch.Generator().manual_seed(0))
states = {}
for kind in ("tanh", "relu"):
    for seed in range(3):
        torch.manual_seed(seed + (100 if kind == "relu" else 0))  # no two begin with the same weights
        network = torch.nn.RNN(3, 32, nonlinearity=kind, batch_first=True)
        states[f"{kind} {seed}"] = network(inputs)[0]  # (trial, time, unit)

# Delays and rank are chosen from the data of all six.
d = repal.compare(states, metric="dsa", calibrate=True)
print(d.matrix.round(3))
for row in d.rows:
    print(f"{row['a']} and {row['b']}: {row['dissimilarity']:.3f}, p {row['p_differ']:.2g}")
d.report("networks.html")
d.plot().figure.savefig("networks.png", bbox_inches="tight")
