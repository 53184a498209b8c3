"""A metric in Python, compared and calibrated as those in C++."""

import numpy
import repal


def speeds(x):
    """What is known of a system: how far it goes in a step, on average; x is (trial, time, channel)."""
    return numpy.linalg.norm(numpy.diff(x, axis=1), axis=2).mean()


def angle(a, b):
    """0 where both are as fast, pi/2 where one stands still; in rad."""
    return numpy.pi / 2 * abs(a - b) / max(a, b)


repal.register_metric("speed", speeds, angle, summary="difference of mean speeds")
systems = {f"r = {r}": repal.simulate("lorenz", r=r, normalise=False, trials=30) for r in (0.5, 28, 60)}
d = repal.compare(systems, metric=["speed", "procrustes"], calibrate=True)
print(d.matrix_of("speed").round(3))
for row in d.rows:
    print(row["metric"], row["a"], row["b"], round(row["dissimilarity"], 3), row["p_differ"])
